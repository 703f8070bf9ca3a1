"""The rows of the live view: transmitters, cells, health. One line each, cut at the edge rather than wrapped; Vietnamese first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from config.wire import EmissionReport, GsmCellReport, HealthReport, LteCellReport
from station.tables import level_text

CellRecord = GsmCellReport | LteCellReport
WIDE: Final = 100
"""Columns from which on there is room for what is good to know but not needed."""


def track_rows(tracks: Sequence[EmissionReport], *, chosen: str | None, now_ns: int, width: int) -> Table:
    """Return a line a transmitter that is on the air at ``now_ns``; the chosen one is marked."""
    wide = width >= WIDE
    titles = ("", "MHz", "Băng/band", "kHz", "Mức/level", "SNR", "Lâu/for", *(("Đợt/bursts", "Ghi chú/notes") if wide else ()))
    table = _table(titles, left=(0, 2, 8))
    for one in tracks:
        row = [
            "▶" if one.track_id == chosen else " ",
            f"{one.center_freq_hz / 1e6:.4f}",
            one.band or "—",
            f"{one.bandwidth_hz / 1e3:.1f}",
            level_text(one, one.power_dbfs),
            f"{one.snr_db:.0f} dB",
            duration_text((max(now_ns, one.last_time_ns) - one.first_time_ns) / 1e9),
        ]
        if wide:
            row += [str(one.burst_count), "cắt ở mép / cut at the edge" if one.cut_low or one.cut_high else ""]
        table.add_row(*row, style="bold cyan" if one.track_id == chosen else "")
    return table


def cell_rows(cells: Sequence[CellRecord], *, width: int) -> Table:
    """Return a line a cell: what it says of itself, a dash where that was not read."""
    wide = width >= WIDE
    titles = ("Ô/cell", "MHz", "BSIC/PCI", "Mạng/PLMN", "LAC/TAC", "CI", "Mức/level", *(("SNR", "Đọc/read") if wide else ()))
    table = _table(titles, left=(0, 8))
    for one in cells:
        gsm = isinstance(one, GsmCellReport)
        code = one.bsic if isinstance(one, GsmCellReport) else one.pci
        area = one.lac if isinstance(one, GsmCellReport) else one.tac
        row = [
            "GSM" if gsm else "LTE",
            "—" if one.freq_hz is None else f"{one.freq_hz / 1e6:.4f}",
            _or_dash(code),
            f"{one.mcc}-{one.mnc}" if one.mcc is not None and one.mnc is not None else "—",
            _or_dash(area),
            _or_dash(one.ci),
            level_text(one, one.power_dbfs),
        ]
        if wide:
            row += [f"{one.snr_db:.0f} dB", _READ.get(one.status, one.status)]
        table.add_row(*row, style="" if one.status == "identified" else "dim")
    return table


def health_lines(one: HealthReport, *, width: int) -> list[str]:
    """Return a report's figures, as many to a line as fit."""
    ppm = "?" if one.ppm is None else f"{one.ppm:+.2f}" + ("" if one.ppm_sigma is None else f"±{one.ppm_sigma:.2f}")
    floor = "?" if one.floor_dbfs_hz is None else f"{one.floor_dbfs_hz:.1f}"
    disk = "?" if one.disk_free_mib is None else f"{one.disk_free_mib / 1024:.1f}"
    pieces = [
        f"{one.tuner} {one.gain_db:g} dB" if one.receiver_open else "MẤT MÁY THU / NO RECEIVER",
        f"ppm {ppm}",
        f"nền/floor {floor} dBFS/Hz",
        f"mức/levels {one.level_unit}",
        f"giờ/clock {one.time_source}",
        f"lượt/sweeps {one.sweeps}",
        f"bỏ/dropped {one.dropped_dwells}",
        f"mất/lost {one.lost_samples}",
        f"chờ gửi/waiting {one.spool_waiting}",
        f"đĩa/disk {disk} GiB",
        f"CPU {one.cpu_fraction:.0%}",
        *([] if one.temperature_c is None else [f"{one.temperature_c:.0f} °C"]),
    ]
    lines = [""]
    for piece in pieces:
        longer = f"{lines[-1]} · {piece}" if lines[-1] else piece
        lines = [*lines[:-1], longer] if len(longer) <= width else [*lines, piece]
    return lines


def note_lines(note: str, *, width: int) -> list[str]:
    """Return what is wrong, on two lines at most."""
    return textwrap.wrap(f"! {note}", width, subsequent_indent="  ", max_lines=2, placeholder=" …")


def duration_text(seconds: float) -> str:
    """Return a duration as people say it: 12 s, 3 min, 5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def line(text: str, style: str = "") -> Text:
    """Return one line that is cut where the screen ends."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


_READ: Final = {"identified": "nhận dạng / identified", "synchronised": "đồng bộ / synchronised", "carrier": "sóng mang / carrier"}


def _table(titles: Sequence[str], *, left: tuple[int, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, title in enumerate(titles):
        table.add_column(title, justify="left" if index in left else "right", no_wrap=True, overflow="ellipsis")
    return table


def _or_dash(value: Any) -> str:
    return "—" if value is None else str(value)
