"""The live view on a terminal: a bar a band, tracks, cells, health. Takes records like any sink; draws nothing itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from config.wire import AnyRecord, EmissionReport, GsmCellReport, HealthReport, LteCellReport, SpectrumReport
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

    def end_of_source(self) -> None:
        """Nothing to do."""

    def close(self) -> str | None:
        """Nothing is left behind."""
        return None

    def render(self) -> RenderableType:
        """Return the whole view."""
        parts: list[RenderableType] = [self._bars()]
        strongest = sorted(self._tracks.values(), key=lambda one: -one.snr_db)[:MAX_TRACKS]
        parts.append(track_table(sorted(strongest, key=lambda one: one.center_freq_hz)))
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
