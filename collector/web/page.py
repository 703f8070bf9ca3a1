"""The first page: timeline, tracks, spectrum and cells of what the stations hear, kept up to date while it is open.

Text from stations reaches the browser as data of tables, labels and charts that draw it as text; nothing here builds HTML from it.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from nicegui import app as nicegui_app
from nicegui import ui

from collector.asking import ORIGINS
from collector.errors import StorageError
from collector.judging import findings_path
from collector.service import Service
from collector.store import StationRow, TrackRow, Waterfall
from collector.web.filters import SPANS, Filters, from_address
from collector.web.findings_panel import FindingsPanel, mark_findings
from collector.web.look import CHART_LEFT_PX, CHART_RIGHT_PX
from collector.web.rows import CELL_COLUMNS, TRACK_COLUMNS, cell_rows, columns, track_rows
from collector.web.spectrum_chart import MAX_ROWS, MIN_ROWS, spectrum_options, waterfall_picture
from collector.web.timeline_chart import timeline_options
from collector.words import ORIGIN_WORDS, duration, mhz, moment

REFRESH_S: Final = 1.0
STATIC: Final = Path(__file__).parent / "static"


def add_page(app: FastAPI, service: Service) -> None:
    """Add the page to ``app``."""
    nicegui_app.add_static_files("/static", STATIC)

    @ui.page("/")
    def first(request: Request) -> None:
        asked = request.query_params
        filters = from_address(asked.getlist("origin"), asked.getlist("station"), asked.getlist("band"), asked.get("span", ""))
        ui.add_head_html('<link rel="stylesheet" href="/static/page.css">')
        _Page(service, filters).build()

    ui.run_with(app, title="Canh Sóng", favicon=STATIC / "icon.svg", dark=True, show_welcome_message=False)


class _Page:
    """One visitor's page."""

    def __init__(self, service: Service, filters: Filters) -> None:
        self._service = service
        self._filters = filters
        self._findings = FindingsPanel(findings_path(service.folder))
        self._shown: tuple[int, int, Filters] | None = None

    def build(self) -> None:
        ui.query("body").classes("cs-body")
        ui.colors(primary="#1d6f8a")
        self._build_header()
        with ui.column().classes("cs-main"):
            self._build_filters()
            self._notice = ui.label().classes("cs-notice")
            self._offer = ui.row().classes("cs-offer")
            with _card("Phát hiện", "findings").classes("w-full"):
                self._findings.build()
            with ui.element("div").classes("cs-grid"):
                with ui.element("div").classes("cs-column"):
                    with _card("Dòng thời gian", "timeline"):
                        self._timeline = ui.echart({}, renderer="svg").classes("cs-timeline")
                        self._timeline_empty = ui.label("Chưa có vệt nào / no tracks yet").classes("cs-empty")
                    with _card("Phổ và thác nước", "spectrum and waterfall"):
                        self._build_spectrum()
                with ui.element("div").classes("cs-column"):
                    with _card("Các vệt", "tracks"):
                        self._tracks = _table(TRACK_COLUMNS, "cs-tracks", rows_per_page=15)
                    with _card("Ô di động", "cells"):
                        self._cells = _table(CELL_COLUMNS, "cs-cells", rows_per_page=10)
        self.refresh()
        ui.timer(REFRESH_S, self.refresh)

    def _build_header(self) -> None:
        with ui.element("header").classes("cs-header"):
            ui.image(STATIC / "icon.svg").classes("cs-logo")
            with ui.element("div"):
                ui.label("Canh Sóng").classes("cs-brand")
                ui.label("Giám sát phổ tần · Spectrum watch").classes("cs-motto")
            ui.space()
            with ui.element("div").classes("cs-status"):
                ui.element("span").classes("cs-dot")
                self._status = ui.label()

    def _build_filters(self) -> None:
        with ui.element("div").classes("cs-filters"):
            self._origins = self._select("Nguồn gốc / origin", {origin: ORIGIN_WORDS[origin] for origin in ORIGINS}, "origins")
            self._stations = self._select("Trạm / station", {name: name for name in self._filters.stations}, "stations")
            self._bands = self._select("Băng / band", {name: name for name in self._filters.bands}, "bands")
            span = ui.toggle(SPANS, value=self._filters.span).props("no-caps unelevated dense").classes("cs-spans")
            span.on_value_change(lambda event: self._choose(span=event.value or ""))

    def _select(self, label: str, options: dict[str, str], name: str) -> ui.select:
        value = list(getattr(self._filters, name)) or (["live"] if name == "origins" else [])
        select = ui.select(options, label=label, value=value, multiple=True).props("dense outlined use-chips options-dense")
        select.classes("cs-select").on_value_change(lambda event: self._choose(**{name: tuple(event.value or ())}))
        return select

    def _build_spectrum(self) -> None:
        self._tuning = ui.label().classes("cs-tuning")
        self._spectrum = ui.echart({}, renderer="svg").classes("cs-spectrum")
        margins = f"margin-left:{CHART_LEFT_PX}px;width:calc(100% - {CHART_LEFT_PX + CHART_RIGHT_PX}px)"
        with ui.element("div").classes("cs-fall-frame"):
            self._fall_newest = ui.label().classes("cs-fall-newest")
            self._fall_oldest = ui.label().classes("cs-fall-oldest")
            self._fall = ui.element("img").props('alt="waterfall"').classes("cs-fall").style(margins)
        self._spectrum_empty = ui.label("Chưa có phổ nào / no spectrum yet").classes("cs-empty")

    def _choose(self, **changes: Any) -> None:
        chosen = {name: getattr(self._filters, name) for name in ("origins", "stations", "bands", "span")}
        self._filters = Filters(**{**chosen, **changes})
        self.refresh()

    def refresh(self) -> None:
        """Draw what has changed since the last time."""
        try:
            self._say_status(self._service.stations())
            state = (self._service.version(), self._findings.version(), self._filters)
            if state == self._shown:
                return
            self._draw()
            self._shown = state
        except StorageError as error:
            self._status.set_text(f"kho dữ liệu không trả lời / {error}")

    def _draw(self) -> None:
        query = self._filters.query()
        self._offer_choices()
        self._findings.draw(query)
        tracks = self._service.tracks(query)
        self._draw_timeline(tracks)
        self._tracks.rows = track_rows(tracks, now_ns=time.time_ns())
        self._cells.rows = cell_rows(self._service.cells(query))
        self._draw_spectrum(self._service.waterfall(query))
        self._say_notice()

    def _draw_timeline(self, tracks: list[TrackRow]) -> None:
        options, height_px = timeline_options(tracks, self._service.timeline(self._filters.query()))
        mark_findings(options, self._findings.shown)
        self._timeline.set_visibility(bool(tracks))
        self._timeline_empty.set_visibility(not tracks)
        self._timeline.style(f"height:{height_px}px")
        self._timeline.options.clear()
        self._timeline.options.update(options)
        self._timeline.update()

    def _draw_spectrum(self, fall: Waterfall | None) -> None:
        for element in (self._tuning, self._spectrum, self._fall, self._fall_newest, self._fall_oldest):
            element.set_visibility(fall is not None)
        self._spectrum_empty.set_visibility(fall is None)
        if fall is None:
            return
        self._spectrum.options.clear()
        self._spectrum.options.update(spectrum_options(fall))
        self._spectrum.update()
        self._fall.props["src"] = waterfall_picture(fall)
        self._fall.update()
        lower, width_hz = fall.lower_freq_hz, fall.step_hz * len(fall.mean_dbfs_hz)
        ends = f"{mhz(lower, relative=fall.relative)} – {mhz(lower + width_hz, relative=fall.relative)} MHz"
        self._tuning.set_text(f"{fall.station} · {ends} · {moment(fall.times_ns[-1])}")
        self._fall_newest.set_text(moment(fall.times_ns[-1])[-8:])
        kept = fall.times_ns[-MAX_ROWS:]
        self._fall_oldest.set_text(f"−{duration((kept[-1] - kept[0]) / 1e9)}" if len(kept) >= MIN_ROWS else "")

    def _offer_choices(self) -> None:
        facets = self._service.facets()
        for select, names in ((self._stations, facets.stations), (self._bands, facets.bands)):
            wanted = {name: name for name in dict.fromkeys([*names, *(select.value or [])])}
            if select.options != wanted:
                select.set_options(wanted, value=select.value)
        others = [origin for origin in facets.origins if origin != "live"]
        live_seen = "live" in facets.origins
        self._offer.clear()
        self._offer.set_visibility(self._filters.shows_only_live and not live_seen and bool(others))
        with self._offer:
            ui.label("Chưa có dữ liệu trực tiếp. / No live data yet.")
            for origin in others:
                show = partial(self._origins.set_value, [origin])
                ui.button(f"Xem {ORIGIN_WORDS[origin]}", on_click=show).props("no-caps dense outline")

    def _say_notice(self) -> None:
        kinds = [origin for origin in self._filters.origins if origin != "live"]
        self._notice.set_visibility(bool(kinds))
        if kinds == ["synthetic"]:
            self._notice.set_text("Dữ liệu tổng hợp, không thu từ không trung / Synthetic data, not received off the air")
        elif kinds:
            words = ", ".join(ORIGIN_WORDS[origin] for origin in kinds)
            self._notice.set_text(f"Có dữ liệu không trực tiếp / This view holds records that are not live: {words}")

    def _say_status(self, stations: list[StationRow]) -> None:
        if not stations:
            self._status.set_text("đang đợi trạm / waiting for a station")
            return
        ago_s = max(0.0, time.time() - max(station.last_received_ns for station in stations) / 1e9)
        ago = "vừa nhận / just received" if ago_s < 3.0 else f"nhận cách đây / received {duration(round(ago_s))} ago"
        self._status.set_text(f"{len(stations)} trạm / stations · {ago}")


def _card(title: str, title_en: str) -> ui.element:
    card = ui.element("section").classes("cs-card")
    with card, ui.element("div").classes("cs-title"):
        ui.label(title).classes("cs-title-vi")
        ui.label(title_en).classes("cs-title-en")
    return card


def _table(of: tuple[tuple[str, str, str], ...], name: str, *, rows_per_page: int) -> ui.table:
    table = ui.table(columns=columns(of), rows=[], row_key="id", pagination=rows_per_page)
    return table.props(
        'flat dense separator="none" no-data-label="Chưa có gì / nothing yet" rows-per-page-label="Số hàng / rows" wrap-cells'
    ).classes(f"cs-table {name}")
