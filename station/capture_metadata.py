"""What a capture says of itself: its dwells, why it was kept, how the receiver was set; and that as SigMF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from config.wire import Header
from station.calibration import Calibration
from station.levels import Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One dwell in the ring. ``start_ns``: UTC of its first sample."""

    first_byte: int
    n_samples: int
    center_freq_hz: float
    start_ns: int
    settled_samples: int
    """Samples at the head that were heard before the receiver had settled."""

    def end_ns(self, rate_hz: float) -> int:
        """Return UTC after the last sample."""
        return self.start_ns + round(self.n_samples / rate_hz * 1e9)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFacts:
    """What a capture says of how it was made."""

    header: Header
    gain_db: float
    receiver: str
    calibration: Calibration | None
    levels: Levels = field(default_factory=Levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One capture that there is reason for."""

    freq_hz: float
    since_ns: int
    until_ns: int
    reason: str
    task_id: str | None = None
    issued_by: str | None = None
    lost_samples: int = 0


def sigmf_metadata(wanted: Wanted, segments: Sequence[Segment], facts: CaptureFacts, *, rate_hz: float, sha256: str) -> dict[str, Any]:
    """Return what the metadata file of a capture holds (SigMF 1.2.0): how it was made, why, and each dwell with its time."""
    header, known = facts.header, facts.calibration
    top: dict[str, Any] = {
        "core:datatype": "cu8",
        "core:version": "1.2.0",
        "core:sample_rate": rate_hz,
        "core:hw": facts.receiver,
        "core:recorder": "canhsong-station",
        "core:description": wanted.reason,
        "canhsong:sha256": sha256,
        "canhsong:station": header.station,
        "canhsong:origin": header.origin,
        "canhsong:gain_db": facts.gain_db,
        "canhsong:time_source": header.time_source,
        "canhsong:time_error_ms": header.time_error_ms,
        "canhsong:ppm": None if known is None else round(known.ppm, 3),
        "canhsong:ppm_sigma": None if known is None else round(known.sigma_ppm, 3),
    }
    low, high = (extreme(one.center_freq_hz for one in segments) for extreme in (min, max))
    if (dbm := facts.levels.over(low - rate_hz / 2, high + rate_hz / 2, segments[0].start_ns)) is not None:
        top |= {"canhsong:dbm_minus_dbfs": round(dbm[0], 2), "canhsong:dbm_sigma_db": round(dbm[1], 2)}
    for name, value in (("task_id", wanted.task_id), ("issued_by", wanted.issued_by), ("lost_samples", wanted.lost_samples or None)):
        if value is not None:
            top[f"canhsong:{name}"] = value
    if header.position is not None:
        place = [header.position.lon_deg, header.position.lat_deg]
        top["core:geolocation"] = {"type": "Point", "coordinates": place}
    captures, annotations, at = [], [], 0
    for one in segments:
        when = datetime.fromtimestamp(one.start_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
        captures.append({"core:sample_start": at, "core:frequency": one.center_freq_hz, "core:datetime": when})
        if one.settled_samples:
            unsettled = {"core:sample_start": at, "core:sample_count": one.settled_samples, "core:label": "retune"}
            annotations.append(unsettled | {"core:comment": "heard before the receiver had settled"})
        at += one.n_samples
    return {"global": top, "captures": captures, "annotations": annotations}
