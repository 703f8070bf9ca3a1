"""The quietest hop of a sweep as the noise reference of the others: a carrier that fills a hop is then seen in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from config.settings import AnalysisSection
from dsp.emissions import detect
from dsp.errors import DspError
from dsp.noise_floor import estimate_floor
from dsp.types import FloatArray
from station.analysis import Findings
from station.sweep import HopResult

MIN_HOPS: Final = 4
"""Fewer hops may all be filled by the same carrier: then there is no reference among them."""
FILLED_DB: Final = 2.0
"""A hop most of whose span stands this far above the reference is filled, or its band is noisier: either is worth being told."""
SAME_FLOOR_DB: Final = 0.7
"""A hop whose own floor is this near to the reference has seen it between its signals."""


def reference_of(results: Sequence[HopResult]) -> FloatArray | None:
    """Return the floor of the quietest of ``results``, shape (n_fft,); None: too few hops."""
    floors = [one.findings.floor.density for one in results if one.findings is not None]
    if len(floors) < MIN_HOPS or len({len(floor) for floor in floors}) != 1:
        return None
    return min(floors, key=lambda floor: float(np.median(floor)))


def with_reference(results: Sequence[HopResult], settings: AnalysisSection, kept: FloatArray | None = None) -> list[HopResult]:
    """Return ``results`` with the emissions of filled hops found against the quietest one. ``kept``: a reference known from before."""
    reference = kept if kept is not None else reference_of(results)
    if reference is None:
        return list(results)
    return [replace(one, findings=_again(one.findings, settings, reference)) for one in results]


def _again(findings: Findings | None, settings: AnalysisSection, reference: FloatArray) -> Findings | None:
    if findings is None or len(reference) != findings.psd.n_fft:
        return findings
    level, quiet = float(np.median(reference)), float(np.median(findings.floor.density))
    filled = float(np.median(findings.psd.mean)) > level * 10 ** (FILLED_DB / 10)
    if not filled or quiet < level * 10 ** (SAME_FLOOR_DB / 10):
        return findings
    try:
        floor = estimate_floor(findings.psd, reference=reference)
        found = detect(
            findings.psd,
            floor,
            pfa=findings.detections.false_alarm_probability,
            merge_gap_hz=settings.merge_gap_hz,
            merge_gap_s=settings.merge_gap_s,
        )
    except DspError:
        return findings
    return replace(findings, floor=floor, detections=found)


class References:
    """The quietest hop of each length of transform, of this sweep or the last one that had hops enough: a sweep over one band may not."""

    def __init__(self, settings: AnalysisSection) -> None:
        """Nothing was swept."""
        self._settings = settings
        self._kept: dict[int, FloatArray] = {}

    def applied(self, results: Sequence[HopResult]) -> list[HopResult]:
        """Return ``results`` with the emissions of filled hops found against the quietest one."""
        reference = reference_of(results)
        if reference is not None:
            self._kept[len(reference)] = reference
        lengths = {len(one.findings.floor.density) for one in results if one.findings is not None}
        kept = self._kept.get(next(iter(lengths))) if len(lengths) == 1 else None
        return with_reference(results, self._settings, kept)
