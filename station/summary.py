"""What was looked at, and how well: gathered over a tuning's dwells, so that "nothing found" means something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import UNSET

from config.wire import Header, SensitivityReport, SummaryReport
from dsp.gsm.types import GsmCell
from dsp.types import FloorSource
from station.analysis import Findings
from station.floor_profile import FloorProfile
from station.messages import fraction, freq, header_fields, level

if TYPE_CHECKING:
    from station.identity import Heard

MAX_NOTES: Final = 64
_RANK: Final[dict[FloorSource, int]] = {"free_bins": 0, "reference": 1, "assumed": 2}
FLOOR_ASSUMED: Final = (
    "floor_assumed: tín hiệu chiếm toàn bộ dải quét sẽ không nhìn thấy được / a signal filling the whole span would be invisible"
)
RELATIVE: Final = "relative: tần số trung tâm không rõ, mọi tần số là độ lệch / the tuned centre is not known, frequencies are offsets"
NO_TIME: Final = "time_unknown: bản ghi không có ngày giờ, thời gian tính từ đầu bản ghi / no date and time, times count from the start"
FULL_SCALE: Final = (
    "full_scale_unknown: mẫu vượt toàn thang 1.0, dBFS chỉ là tương đối, không xét quá tải / samples exceed full scale 1.0, dBFS is "
    "relative and clipping is not judged"
)
CLIPPED: Final = "clipped: máy thu bị quá tải, có thể có tín hiệu giả / the receiver was overloaded, emissions may be its own products"
CLIPPED_LIMIT: Final = 1e-3
_ARTEFACTS: Final = {
    "dc_spike": "dc_spike: gai một chiều của máy thu / the receiver's spike at its centre",
    "image": "image: ảnh gương trong máy thu / the receiver's mirror image of a strong signal",
    "clipping": "clipping: méo do quá tải / distortion by overload",
    "intermodulation": "intermodulation: xuyên điều chế trong máy thu / mixing products of the receiver",
}


class SummaryLog:
    """Adds up what the summary of a tuning says."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.dwells = 0
        self._seconds = 0.0
        self._n_samples = 0
        self._clipped = 0.0
        self._clipping_judged = True
        self._peak = 0.0
        self._pfa = 0.0
        self._floor_source: FloorSource = "free_bins"
        self._floor = 0.0
        self._last: Findings | None = None
        self._sensitivity: dict[float, float] = {}
        self._notes: list[str] = []
        self._cells: dict[str, set[tuple[object, ...]]] = {"gsm": set(), "lte": set()}
        self._profile = FloorProfile()

    def add(self, findings: Findings, *, center_freq_hz: float | None = None, used_hz: float = float("inf")) -> None:
        """Take in a dwell: means are weighted by duration, the worst floor source and Pfa count. ``used_hz``: what of it is used."""
        self._profile.add(findings, center_freq_hz=center_freq_hz or 0.0, used_hz=used_hz)
        psd, found = findings.psd, findings.detections
        self.dwells += 1
        self._seconds += psd.duration_s
        self._n_samples += psd.n_samples
        self._clipping_judged &= psd.clipped_fraction is not None
        self._clipped += (psd.clipped_fraction or 0.0) * psd.n_samples
        self._peak = max(self._peak, psd.peak)
        self._pfa = max(self._pfa, found.false_alarm_probability)
        self._floor_source = max(self._floor_source, findings.floor.source, key=_RANK.__getitem__)
        self._floor += float(np.median(findings.floor.density)) * psd.duration_s
        for one in found.sensitivities:
            self._sensitivity[one.width_hz] = self._sensitivity.get(one.width_hz, 0.0) + one.power * psd.duration_s
        for artefact in found.artefacts:
            self.note(_ARTEFACTS[artefact.kind])
        if self._last is None or psd.n_fft >= self._last.psd.n_fft:
            self._last = findings

    def add_cell(self, heard: Heard) -> None:
        """Count a cell once, however often it is heard; only those count whose identity passed its parity (GSM: SCH, LTE: MIB)."""
        cell = heard.cell
        where = round((cell.freq_hz or cell.offset_hz) / 100e3)
        if isinstance(cell, GsmCell):
            if cell.status != "carrier":
                self._cells["gsm"].add((where, cell.bsic))
        elif cell.status == "identified":
            self._cells["lte"].add((where, cell.pci))

    def note(self, text: str) -> None:
        """Have the summary say ``text``, once."""
        if text not in self._notes and len(self._notes) < MAX_NOTES - 6:
            self._notes.append(text[:400])

    def report(
        self,
        *,
        header: Header,
        start_time_ns: int,
        source: str,
        span: tuple[float | None, float],
        looked_s: tuple[float, float],
        tracks: int,
    ) -> SummaryReport:
        """Return the record. ``span``: centre (None: not known) and sample rate in Hz; ``looked_s``: GSM and LTE."""
        center, rate = span
        full_scale_known = self._clipping_judged or self._peak <= 1.0
        psd = self._last.psd if self._last is not None else None
        seconds = max(self._seconds, 1e-9)
        return SummaryReport(
            **header_fields(header),
            start_time_ns=start_time_ns,
            source=source[:400],
            relative=center is None,
            center_freq_hz=None if center is None else freq(center),
            lower_freq_hz=freq((center or 0.0) - 0.5 * rate),
            upper_freq_hz=freq((center or 0.0) + 0.5 * rate),
            duration_s=round(self._seconds, 6),
            sample_rate_hz=round(rate, 3),
            resolution_hz=round(psd.bin_hz, 3) if psd else 0.0,
            n_averages=psd.n_averages if psd else 0,
            dwells=self.dwells,
            pfa=float(f"{self._pfa:.3e}"),
            floor_source=self._floor_source,
            floor_dbfs_hz=level(self._floor / seconds),
            sensitivity=[
                SensitivityReport(width_hz=round(width, 3), power_dbfs=level(power / seconds))
                for width, power in sorted(self._sensitivity.items())
            ],
            tracks=tracks,
            gsm_cells=len(self._cells["gsm"]),
            lte_cells=len(self._cells["lte"]),
            clipped_fraction=fraction(self._clipped / max(self._n_samples, 1)) if self._clipping_judged and full_scale_known else None,
            full_scale_known=full_scale_known,
            gsm_looked_s=round(looked_s[0], 6),
            lte_looked_s=round(looked_s[1], 6),
            notes=self._all_notes(header, relative=center is None, full_scale_known=full_scale_known),
            floor_profile_dbfs_hz=self._profile.steps((center or 0.0) - 0.5 * rate, (center or 0.0) + 0.5 * rate) or UNSET,
        )

    def _all_notes(self, header: Header, *, relative: bool, full_scale_known: bool) -> list[str]:
        limits = [
            (self._floor_source == "assumed", FLOOR_ASSUMED),
            (relative, RELATIVE),
            (header.time_source == "unknown", NO_TIME),
            (not full_scale_known, FULL_SCALE),
            (self._clipped > CLIPPED_LIMIT * max(self._n_samples, 1), CLIPPED),
        ]
        return [text for holds, text in limits if holds] + self._notes
