"""Rows of the page's tables: every value is text for a cell, drawn as text by the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from collector.store import CellRow, TrackRow
from collector.words import duration, khz, level, mhz, short_moment
from config.band_plan import PlmnTable, load_plmn_table

TRACK_COLUMNS: Final = (
    ("state", "", "left"),
    ("freq", "MHz", "right"),
    ("label", "Tên / label", "left"),
    ("width", "kHz", "right"),
    ("power", "Mức / level", "right"),
    ("snr", "SNR dB", "right"),
    ("first", "Từ / first", "left"),
    ("length", "Dài / length", "right"),
    ("place", "Trạm · băng / station · band", "left"),
)
CELL_COLUMNS: Final = (
    ("rat", "Hệ / RAT", "left"),
    ("freq", "MHz", "right"),
    ("channel", "ARFCN / EARFCN", "right"),
    ("code", "BSIC / PCI", "right"),
    ("plmn", "MCC-MNC", "left"),
    ("network", "Mạng / network", "left"),
    ("area", "LAC / TAC", "right"),
    ("cell", "CI", "right"),
    ("status", "Mức đọc / read", "left"),
    ("place", "Trạm / station", "left"),
)
_STATUS_WORDS: Final = {
    "identified": "nhận dạng / identified",
    "synchronised": "đồng bộ / synchronised",
    "carrier": "sóng mang / carrier",
}


def columns(of: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Return the columns for the table widget."""
    return [{"name": name, "label": label, "field": name, "align": align, "sortable": True} for name, label, align in of]


def track_rows(tracks: Sequence[TrackRow], *, now_ns: int) -> list[dict[str, Any]]:
    """Return a row for each track: those on the air first, then by place on the spectrum, so that rows keep theirs."""
    ordered = sorted(tracks, key=lambda t: (t.state != "open", t.station, t.center_freq_hz, -t.first_time_ns))
    return [
        {
            "id": f"{track.station}/{track.track_id}",
            "state": "●" if track.state == "open" else "○",
            "freq": mhz(track.center_freq_hz, relative=track.relative),
            "label": track.label or "",
            "place": f"{track.station} · {track.band or '—'}",
            "width": khz(track.bandwidth_hz),
            "power": level(track),
            "snr": f"{track.snr_db:.1f}",
            "first": short_moment(track.first_time_ns, now_ns=now_ns),
            "length": duration((track.watched_until_ns - track.first_time_ns) / 1e9),
        }
        for track in ordered
    ]


def cell_rows(cells: Sequence[CellRow]) -> list[dict[str, Any]]:
    """Return a row for each cell; what was not read is an em dash."""
    return [
        {
            "id": number,
            "rat": cell.rat.upper(),
            "freq": "—" if cell.freq_hz is None else mhz(cell.freq_hz),
            "channel": _or_dash(cell.channel),
            "code": _code(cell),
            "plmn": f"{cell.mcc}-{cell.mnc}" if cell.mcc and cell.mnc else "—",
            "network": network_name(cell.mcc, cell.mnc),
            "area": _or_dash(cell.area),
            "cell": _or_dash(cell.cell_id),
            "status": _STATUS_WORDS.get(cell.status, cell.status),
            "place": cell.station,
        }
        for number, cell in enumerate(cells)
    ]


def network_name(mcc: str | None, mnc: str | None) -> str:
    """Return the network's name and, where it is abroad, its country; what the table does not know is said to be so."""
    if mcc is None or mnc is None:
        return "—"
    table = _plmn_table()
    network, country = table.network(mcc, mnc), table.country(mcc)
    name = network.name if network else "chưa biết / unknown"
    if country is None or country.home:
        return name
    return f"{name} · {country.name_vi} / {country.name_en}"


def _code(cell: CellRow) -> str:
    if cell.code is None:
        return "—"
    return f"{cell.code} ({cell.code >> 3}-{cell.code & 7})" if cell.rat == "gsm" else str(cell.code)


def _or_dash(number: int | None) -> str:
    return "—" if number is None else str(number)


@lru_cache(maxsize=1)
def _plmn_table() -> PlmnTable:
    return load_plmn_table()
