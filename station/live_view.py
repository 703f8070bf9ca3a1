"""The live view on a terminal: a bar a band, transmitters, cells, health, as much as the screen holds. Takes records like any sink."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from rich.console import Group, RenderableType

from config.wire import (
    AnyRecord,
    CaptureAnnouncement,
    EmissionReport,
    GsmCellReport,
    HealthReport,
    LteCellReport,
    SpectrumReport,
    TaskResult,
)
from station.live_rows import cell_rows, health_lines, line, note_lines, track_rows

STEPS: Final = " ▁▂▃▄▅▆▇█"
BAR_DB: Final = 40.0
NOTHING: Final = "chưa nghe thấy gì / nothing heard yet"
LABEL: Final = 13
"""Columns of a bar's label."""
MIN_ROWS: Final = 2
MAX_NOTE_LINES: Final = 5
SPIKE: Final = 2
"""Steps of a spectrum at either side of its middle that the receiver's own spike takes."""


class LiveView:
    """What was heard last."""

    def __init__(self, *, size: Callable[[], tuple[int, int]] = lambda: (110, 40), notice: str = "") -> None:
        """``size``: columns and lines of the screen, asked at each drawing. ``notice``: a line that stays."""
        self._size, self._notice = size, notice
        self._levels: dict[float, tuple[float, float]] = {}
        self._floor = -120.0
        self._tracks: dict[str, EmissionReport] = {}
        self._cells: dict[tuple[object, ...], GsmCellReport | LteCellReport] = {}
        self._health: HealthReport | None = None
        self._now_ns = 0
        self._chosen: str | None = None
        self._said = ""
        self.help = ""
        """What the keys do; empty where there are none."""

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Take ``records`` in."""
        for one in records:
            self._now_ns = max(self._now_ns, one.start_time_ns)
            if isinstance(one, SpectrumReport):
                self._spectrum(one)
            elif isinstance(one, EmissionReport):
                if one.event == "clear":
                    self._tracks.pop(one.track_id, None)
                else:
                    self._tracks[one.track_id] = one
            elif isinstance(one, GsmCellReport | LteCellReport):
                if one.status != "carrier":
                    name = one.bsic if isinstance(one, GsmCellReport) else one.pci
                    self._cells[(type(one).__name__, one.freq_hz, name)] = one
            elif isinstance(one, HealthReport):
                known = self._health.floor_dbfs_hz if self._health is not None else None
                self._health = one if one.floor_dbfs_hz is not None else msgspec.structs.replace(one, floor_dbfs_hz=known)
            elif isinstance(one, CaptureAnnouncement):
                self._said = f"đã ghi / captured: {one.capture_id} · {one.reason}"
            elif isinstance(one, TaskResult):
                where = f"{one.freq_hz / 1e6:.4f} MHz" if one.freq_hz is not None else ""
                self._said = f"việc / task {one.action} {where}: {one.state} {one.reason}".rstrip()

    def move(self, step: int) -> None:
        """Choose the row ``step`` further down. May be called from any thread."""
        shown = self._shown(self._rows()[0])
        if not shown:
            return
        at = next((k for k, one in enumerate(shown) if one.track_id == self._chosen), -1 if step > 0 else 0)
        self._chosen = shown[(at + step) % len(shown)].track_id

    def chosen(self) -> EmissionReport | None:
        """Return the transmitter that was chosen, else the strongest; None: nothing is heard."""
        tracks = list(self._tracks.values())
        return next((one for one in tracks if one.track_id == self._chosen), None) or max(tracks, key=lambda one: one.snr_db, default=None)

    def say(self, text: str) -> None:
        """Show ``text`` until there is something else to say."""
        self._said = text

    def end_of_source(self) -> None:
        """Nothing to do."""

    def close(self) -> str | None:
        """Nothing is left behind."""
        return None

    def render(self) -> RenderableType:
        """Return the whole view, no larger than the screen."""
        width, _ = self._size()
        n_tracks, n_cells = self._rows()
        chosen = self.chosen()
        tracks, cells = self._shown(n_tracks), sorted(self._cells.values(), key=lambda one: one.freq_hz or 0.0)
        parts: list[RenderableType] = [line(self._title(), "bold")]
        parts += [line(text) for text in self._bars(width)]
        mark = chosen.track_id if chosen is not None and self.help else None
        parts.append(track_rows(tracks, chosen=mark, now_ns=self._now_ns, width=width) if tracks else line(NOTHING, "dim"))
        parts += self._more(len(self._tracks) - len(tracks), "phát xạ / emissions")
        if cells:
            parts.append(cell_rows(cells[:n_cells], width=width))
            parts += self._more(len(cells) - n_cells, "ô / cells")
        return Group(*parts, *self._foot())

    def _title(self) -> str:
        health = self._health
        who = "" if health is None else f" · {health.station} · {health.receiver}"
        return f"Canh Sóng{who}" + (f" · {self._notice}" if self._notice else "")

    def _foot(self) -> list[RenderableType]:
        """Return what stands below: health, what is wrong as far as there is room, what was said last, the keys."""
        width, height = self._size()
        health = self._health
        if health is None:
            lines: list[RenderableType] = [line("đang mở máy thu / the receiver is being opened", "dim")]
        else:
            lines = [line(text, "" if health.receiver_open else "bold red") for text in health_lines(health, width=width)]
        last = [line(text, style) for text, style in ((self._said, "green"), (self.help, "dim")) if text]
        tables = 2 + len(self._bars(width)) + MIN_ROWS + (1 + MIN_ROWS if self._cells else 0)
        notes = [text for note in (health.notes if health is not None else []) for text in note_lines(note, width=width)]
        room = max(1, height - tables - len(lines) - len(last))
        return [*lines, *(line(text, "yellow") for text in notes[: min(room, MAX_NOTE_LINES)]), *last]

    def _rows(self) -> tuple[int, int]:
        """Return how many transmitters and cells there is room for; cells get at most half of it, and neither more than it has."""
        width, height = self._size()
        taken = 1 + len(self._bars(width)) + 1 + len(self._foot()) + (1 if self._cells else 0)
        room = max(2 * MIN_ROWS, height - taken)
        wanted = len(self._tracks), len(self._cells)
        cells = min(wanted[1], max(MIN_ROWS, room // 2, room - wanted[0]))
        tracks = min(wanted[0], room - cells)
        # a line that says how many more there are takes the place of a row
        return (tracks if tracks == wanted[0] else max(1, tracks - 1)), (cells if cells == wanted[1] else max(1, cells - 1))

    @staticmethod
    def _more(count: int, what: str) -> list[RenderableType]:
        return [line(f"  … {count} {what} nữa / more", "dim")] if count > 0 else []

    def _shown(self, rows: int) -> list[EmissionReport]:
        """Return the strongest that there is room for, the chosen one among them, by frequency."""
        strongest = sorted(self._tracks.values(), key=lambda one: (one.track_id != self._chosen, -one.snr_db))[:rows]
        return sorted(strongest, key=lambda one: one.center_freq_hz)

    def _spectrum(self, one: SpectrumReport) -> None:
        self._floor = min(one.floor_dbfs_hz)
        n = max(1, len(one.max_dbfs_hz) // 12)
        skip = len(one.max_dbfs_hz) // 10
        middle = len(one.max_dbfs_hz) // 2
        for at in range(skip, len(one.max_dbfs_hz) - skip, n):
            levels = [one.max_dbfs_hz[k] for k in range(at, min(at + n, len(one.max_dbfs_hz) - skip)) if abs(k - middle) > SPIKE]
            freq = one.lower_freq_hz + (at + n / 2) * one.step_hz
            self._levels[round(freq / 1e5)] = (freq, max(levels, default=self._floor))

    def _bars(self, width: int) -> list[str]:
        """Return a bar a band: how far the strongest in each piece of it stands over the floor."""
        runs: list[list[tuple[float, float]]] = []
        for freq, level in sorted(self._levels.values()):
            if not runs or freq - runs[-1][-1][0] > 3e6:
                runs.append([])
            runs[-1].append((freq, level))
        bars, room = [], max(10, width - LABEL - 1)
        for run in runs:
            step = len(run) / room
            groups = [run[int(k * step) : max(int(k * step) + 1, int((k + 1) * step))] for k in range(room)]
            label = f"{run[0][0] / 1e6:.0f}-{run[-1][0] / 1e6:.0f} MHz"
            bars.append(f"{label:<{LABEL}}" + "".join(_step(max(level for _, level in group) - self._floor) for group in groups))
        return bars


def _step(above_db: float) -> str:
    return STEPS[min(len(STEPS) - 1, max(0, round(above_db / BAR_DB * (len(STEPS) - 1))))]
