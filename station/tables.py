"""Findings as tables for people: Vietnamese first, English second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from config.wire import AnyRecord, EmissionReport, GsmCellReport, LevelRecord, LteCellReport, SummaryReport

MAX_ROWS = 200
PLAIN_WIDTH = 140
"""Columns where the output is no terminal."""
_CELL_COLUMNS = (
    ("freq_hz", "Tần số / Freq MHz"),
    ("arfcn", "ARFCN"),
    ("bsic", "BSIC"),
    ("pci", "PCI"),
    ("mcc", "MCC"),
    ("mnc", "MNC"),
    ("lac", "LAC"),
    ("ci", "CI"),
    ("duplex", "Duplex"),
    ("n_rb", "RB"),
    ("ports", "Cổng / Ports"),
    ("cfo_hz", "Lệch / CFO Hz"),
    ("power_dbfs", "Mức / Level"),
    ("snr_db", "SNR dB"),
    ("status", "Trạng thái / Status"),
)


def print_tables(records: Sequence[AnyRecord], console: Console | None = None) -> None:
    """Print tracks, cells and summaries of one source."""
    out = console or Console()
    if not out.is_terminal:
        out.width = PLAIN_WIDTH
    tracks: dict[str, EmissionReport] = {one.track_id: one for one in records if isinstance(one, EmissionReport)}
    if tracks:
        out.print(track_table(sorted(tracks.values(), key=lambda one: (one.center_freq_hz, one.first_time_ns))))
    for kind, title in ((GsmCellReport, "Ô GSM / GSM cells"), (LteCellReport, "Ô LTE / LTE cells")):
        if cells := [one for one in records if isinstance(one, kind)]:
            out.print(cell_table(cells, title))
    for one in records:
        if isinstance(one, SummaryReport):
            for line in summary_lines(one):
                out.print(line, markup=False, highlight=False, soft_wrap=True)


def track_table(tracks: Sequence[EmissionReport]) -> Table:
    """Return one row a track; the first 200."""
    table = Table(title="Phát xạ / Emissions")
    for name in (
        "Tần số / Freq MHz",
        "Băng / Band",
        "Rộng / Width kHz",
        "Mức / Level",
        "SNR dB",
        "Bắt đầu / First s",
        "Kéo dài / Duration s",
        "Đợt / Bursts",
        "Ghi chú / Notes",
    ):
        table.add_column(name, justify="left" if "Notes" in name or "Band" in name else "right")
    for one in tracks[:MAX_ROWS]:
        table.add_row(
            f"{one.center_freq_hz / 1e6:+.4f}" if one.relative else f"{one.center_freq_hz / 1e6:.4f}",
            one.band or "-",
            f"{one.bandwidth_hz / 1e3:.1f}",
            level_text(one, one.power_dbfs),
            f"{one.snr_db:.1f}",
            _when(one.first_time_ns, one.time_source),
            f"{one.duration_s:.3f}",
            str(one.burst_count),
            "; ".join(_remarks(one)),
        )
    if len(tracks) > MAX_ROWS:
        table.caption = f"... và {len(tracks) - MAX_ROWS} nữa / and {len(tracks) - MAX_ROWS} more: --json"
    return table


def cell_table(cells: Sequence[Any], title: str) -> Table:
    """Return one row a cell with what it says of itself; a cell heard in several looks is the last of them."""
    table = Table(title=title)
    last = {(cell.freq_hz, getattr(cell, "bsic", None), getattr(cell, "pci", None)): cell for cell in cells}
    shown = [(name, title) for name, title in _CELL_COLUMNS if any(getattr(cell, name, None) is not None for cell in last.values())]
    for _, title in shown:
        table.add_column(title)
    for cell in last.values():
        table.add_row(*(_cell_text(cell, name) for name, _ in shown))
    return table


def level_text(record: LevelRecord, level_dbfs: float, per: str = "") -> str:
    """Return a level with its unit: dBm where the record says what makes dBm of it, else dBFS. ``per``: ``/Hz`` for a density."""
    level_dbm = record.dbm(level_dbfs)
    return f"{level_dbfs:.1f} dBFS{per}" if level_dbm is None else f"{level_dbm:.1f} dBm{per}"


def summary_lines(one: SummaryReport) -> list[str]:
    """Return what was looked at and how well."""
    place = "±" if one.relative else f"{one.center_freq_hz / 1e6:.3f} MHz ± " if one.center_freq_hz is not None else ""
    lines = [
        f"{one.source}: {place}{one.sample_rate_hz / 2e6:.3f} MHz, {one.duration_s:.3f} s, "
        f"{one.tracks} phát xạ / emissions, {one.gsm_cells} GSM, {one.lte_cells} LTE",
        f"  Độ phân giải / resolution {one.resolution_hz:.1f} Hz x {one.n_averages}; Pfa {one.pfa:.2g} / dwell; "
        f"nền nhiễu / noise floor {level_text(one, one.floor_dbfs_hz, '/Hz')} ({one.floor_source}); "
        f"GSM {one.gsm_looked_s:.2f} s, LTE {one.lte_looked_s:.2f} s",
    ]
    if one.sensitivity:
        weakest = ", ".join(f"{level_text(one, s.power_dbfs)} @ {s.width_hz / 1e3:.4g} kHz" for s in one.sensitivity)
        lines.append(f"  Yếu nhất thấy được / weakest visible: {weakest}")
    return lines + [f"  ! {note}" for note in one.notes]


def _remarks(one: EmissionReport) -> list[str]:
    said = [one.label] if one.label else []
    if one.cut_low or one.cut_high:
        said.append("bị cắt ở mép / cut by the span's edge")
    return said


def _when(time_ns: int, source: str) -> str:
    if source == "unknown":
        return f"{time_ns / 1e9:.3f}"
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _cell_text(cell: Any, name: str) -> str:
    value = getattr(cell, name, None)
    if value is None:
        return "-"
    if name == "freq_hz":
        return f"{value / 1e6:.4f}"
    if name == "power_dbfs":
        return level_text(cell, value)
    return f"{value:.1f}" if isinstance(value, float) else str(value)
