"""What evidence a finding wants: a pure answer. Whether a station is asked, how often and until when, is for the part that asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from collector.checks.types import Contribution, Want, WantKind

ASKABLE: Final = ("live", "hil")
"""Origins whose radio is still there to be listened to."""
DURATION_S: Final[dict[WantKind, float]] = {"capture": 2.0, "longer_dwell": 10.0, "watch": 600.0}
"""A capture of 2 s holds each GSM system information once and 50 LTE MIBs; a watch is as long as rule 5's window."""
MAX_FREQS: Final = 4


def wanted(kinds: Sequence[WantKind], evidence: Sequence[Contribution]) -> tuple[Want, ...]:
    """Return one want for each of ``kinds`` and frequency, at the station whose evidence for the violation weighs most.

    ``evidence``: the heaviest first. None where no evidence says at which frequency it was heard.
    """
    best = next((c for c in evidence if c.freqs_hz and c.decibans > 0.0), None)
    if best is None:
        return ()
    return tuple(
        Want(what=kind, station=best.station, freq_hz=freq_hz, duration_s=DURATION_S[kind])
        for kind in kinds
        for freq_hz in best.freqs_hz[:MAX_FREQS]
    )
