"""The live view on a terminal: a bar a band, tracks, cells, health. Takes records like any sink; draws nothing itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

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
from station.tables import cell_table, track_table

STEPS: Final = " ▁▂▃▄▅▆▇█"
BAR_DB: Final = 40.0
MAX_TRACKS: Final = 14


class LiveView:
    """What was heard last."""

    def __init__(self, *, width: int = 110) -> None:
        """``width``: of a band's bar, in characters."""
        self._width = width
        self._levels: dict[float, tuple[float, float]] = {}
        self._floor = -120.0
        self._tracks: dict[str, EmissionReport] = {}
        self._cells: dict[tuple[object, ...], GsmCellReport | LteCellReport] = {}
        self._health: HealthReport | None = None
        self._chosen: str | None = None
        self._said = ""
        self.help = ""
        """What the keys do; empty where there are none."""

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Take ``records`` in."""
        for one in records:
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
                    self._cells[(type(one), one.freq_hz, name)] = one
            elif isinstance(one, HealthReport):
                self._health = one
            elif isinstance(one, CaptureAnnouncement):
                self._said = f"đã ghi / captured: {one.capture_id} · {one.reason}"
            elif isinstance(one, TaskResult):
                where = f"{one.freq_hz / 1e6:.4f} MHz" if one.freq_hz is not None else ""
                self._said = f"việc / task {one.action} {where}: {one.state} {one.reason}".rstrip()

    def move(self, step: int) -> None:
        """Choose the row ``step`` further down. May be called from any thread."""
        shown = self._shown()
        if not shown:
            return
        at = next((k for k, one in enumerate(shown) if one.track_id == self._chosen), -1 if step > 0 else 0)
        self._chosen = shown[(at + step) % len(shown)].track_id

    def chosen(self) -> EmissionReport | None:
        """Return the transmitter that was chosen, else the strongest; None: nothing is heard."""
        shown = self._shown()
        return next((one for one in shown if one.track_id == self._chosen), None) or max(shown, key=lambda one: one.snr_db, default=None)

    def say(self, text: str) -> None:
        """Show ``text`` until there is something else to say."""
        self._said = text

    def _shown(self) -> list[EmissionReport]:
        strongest = sorted(self._tracks.values(), key=lambda one: -one.snr_db)[:MAX_TRACKS]
        return sorted(strongest, key=lambda one: one.center_freq_hz)

    def end_of_source(self) -> None:
        """Nothing to do."""

    def close(self) -> str | None:
        """Nothing is left behind."""
        return None

    def render(self) -> RenderableType:
        """Return the whole view."""
        parts: list[RenderableType] = [self._bars()]
        parts.append(track_table(self._shown()))
        if self.help and (chosen := self.chosen()) is not None:
            parts.append(Text(f"▶ {chosen.center_freq_hz / 1e6:.4f} MHz, {chosen.snr_db:.0f} dB   {self.help}", style="cyan"))
        if self._said:
            parts.append(Text(self._said, style="green"))
        for kind, title in ((GsmCellReport, "Ô GSM / GSM cells"), (LteCellReport, "Ô LTE / LTE cells")):
            if cells := [one for one in self._cells.values() if isinstance(one, kind)]:
                parts.append(cell_table(cells, title))
        if self._health is not None:
            parts.append(Text(health_line(self._health)))
            parts += [Text(f"! {note}", style="yellow") for note in self._health.notes]
        return Group(*parts)

    def _spectrum(self, one: SpectrumReport) -> None:
        self._floor = min(one.floor_dbfs_hz)
        n = max(1, len(one.max_dbfs_hz) // 12)
        skip = len(one.max_dbfs_hz) // 10
        inner = one.max_dbfs_hz[skip : len(one.max_dbfs_hz) - skip]
        for at in range(0, len(inner), n):
            freq = one.lower_freq_hz + (skip + at + n / 2) * one.step_hz
            self._levels[round(freq / 1e5)] = (freq, max(inner[at : at + n]))

    def _bars(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        runs: list[list[tuple[float, float]]] = []
        for freq, level in sorted(self._levels.values()):
            if not runs or freq - runs[-1][-1][0] > 3e6:
                runs.append([])
            runs[-1].append((freq, level))
        for run in runs:
            step = max(1.0, len(run) / self._width)
            groups = [run[int(k * step) : max(int(k * step) + 1, int((k + 1) * step))] for k in range(int(len(run) / step))]
            bar = "".join(_step(max(level for _, level in group) - self._floor) for group in groups if group)
            table.add_row(f"{run[0][0] / 1e6:.0f}-{run[-1][0] / 1e6:.0f} MHz", bar)
        return table


def health_line(one: HealthReport) -> str:
    """Return a report's figures in one line."""
    ppm = "?" if one.ppm is None else f"{one.ppm:+.2f}"
    floor = "?" if one.floor_dbfs_hz is None else f"{one.floor_dbfs_hz:.1f}"
    disk = "?" if one.disk_free_mib is None else f"{one.disk_free_mib}"
    return (
        f"{one.receiver} {one.tuner} {one.gain_db:g} dB | lượt / sweeps {one.sweeps} | bỏ / dropped {one.dropped_dwells} | "
        f"mất / lost {one.lost_samples} | nền / floor {floor} dBFS/Hz | ppm {ppm} | CPU {one.cpu_fraction:.0%} | "
        f"đĩa / disk {disk} MiB | chờ gửi / waiting {one.spool_waiting} | giờ / clock {one.time_source}"
    )


def _step(above_db: float) -> str:
    return STEPS[min(len(STEPS) - 1, max(0, round(above_db / BAR_DB * (len(STEPS) - 1))))]
