"""What the receiver makes itself: its DC spike, the image of a strong carrier, clipping and the products that come with it."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np

from dsp.regions import Region
from dsp.types import Artefact, Emission, FloatArray, NoiseFloor, Psd

DC_BINS: Final = 4
"""The DC spike of a Hann-windowed estimate is three bins wide; one more for a slowly wandering offset."""
DC_BESIDE: Final = DC_BINS + 24
DC_RATIO: Final = 2.0
NEVER_OFF_RATIO: Final = 20.0
HUMP_FALL: Final = 1.5
DC_HUMP_PART: Final = 0.04
"""Zero-IF tuners show 1/f noise about the spike: a hump that wide at most, as a part of the span (E4000: 2.5 % of 1.92 MHz)."""
IMAGE_MIN_DB: Final = 15.0
IMAGE_MAX_DB: Final = 65.0
"""How far below its carrier an image may be: a badly balanced zero-IF tuner 20 dB, a corrected one 60 dB."""
IMAGE_RATIO: Final = 10.0 ** (0.1 * IMAGE_MIN_DB) * (1.0 - 1e-12)
IMAGE_OFFSET_PART: Final = 0.1
IMAGE_OFFSET_BINS: Final = 2.0
CLIPPING_FRACTION: Final = 1e-4
"""Gaussian noise 12 dB under full scale clips less than 1e-4 of its values; more than this and products appear."""
PRODUCT_DB: Final = 35.0
"""Clipped in 1e-4 of the values, a receiver makes third-order products at -40 dB; weaker emissions are not believed while it clips."""
KEYING_RATIO: Final = 300.0
ArtefactKind = Literal["dc_spike", "image", "clipping", "intermodulation"]


def dc_spike(psd: Psd, floor: NoiseFloor) -> Artefact | None:
    """Return the spike at the tuned centre: a bin twice as strong as the strongest of 48 beside it, or one that is never off."""
    centre = psd.n_fft // 2
    spike, least = float(psd.mean[centre]), float(floor.density[centre])
    if spike < DC_RATIO * least or spike < max(psd.mean[centre - 1], psd.mean[centre + 1]):
        return None
    strongest, middle = _beside(psd.mean)
    # one bin in noise of n averages stays within six standard deviations
    limit = max(strongest, least) * max(DC_RATIO, 1.0 + 6.0 * psd.n_averages**-0.5)
    if spike < limit and not _never_off(psd):
        return None
    power = (float(psd.mean[centre - 1]) + spike + float(psd.mean[centre + 1]) - 3.0 * middle) * psd.bin_hz
    return Artefact(kind="dc_spike", center_offset_hz=0.0, bandwidth_hz=3.0 * psd.bin_hz, power=max(power, 1e-30))


def _beside(density: FloatArray) -> tuple[float, float]:
    """Return the strongest and the middle of the 48 values beside the centre."""
    centre = density.size // 2
    values = density[centre - DC_BESIDE : centre - DC_BINS].tolist() + density[centre + DC_BINS + 1 : centre + DC_BESIDE + 1].tolist()
    values.sort()
    return values[-1], 0.5 * (values[len(values) // 2 - 1] + values[len(values) // 2])


def _never_off(psd: Psd) -> bool:
    """Return whether the centre stands out of what is beside it even in the dwell's quietest segment: a spike under a pulsed signal.

    The smallest of many exponential values is exponential itself: 20 times its median comes once in a million.
    """
    return float(psd.min_hold[psd.n_fft // 2]) > NEVER_OFF_RATIO * _beside(psd.min_hold)[1]


def is_dc(region: Region, psd: Psd, *, spike: bool) -> bool:
    """Return whether ``region`` is the tuned centre and nothing else: the spike's bins, or with a ``spike`` the hump about it."""
    centre = psd.n_fft // 2
    low, high = region
    if spike and centre - DC_BINS <= low and high <= centre + DC_BINS + 1:
        return True
    if not spike or high - low > DC_HUMP_PART * psd.n_fft or not low < centre < high - 1:
        return False
    below, above = centre - low, high - 1 - centre
    return abs(below - above) <= 0.25 * (below + above) and _falls(psd.mean[low:centre][::-1]) and _falls(psd.mean[centre + 1 : high])


def _falls(density: FloatArray) -> bool:
    """Return whether ``density``, from the spike outwards, falls like 1/f: its first quarter half as strong again as its third, and on."""
    parts = [float(part.mean()) for part in np.array_split(density[2:], 4) if part.size]
    return len(parts) == 4 and parts[0] > HUMP_FALL * parts[2] and parts[1] > parts[3]


def clipping(psd: Psd) -> Artefact | None:
    """Return the mark that the converter clipped in this dwell; its products may be anywhere in the span."""
    if psd.clipped_fraction is None or psd.clipped_fraction < CLIPPING_FRACTION:
        return None
    power = float(psd.mean.astype(np.float64).sum()) * psd.bin_hz * psd.clipped_fraction
    return Artefact(kind="clipping", center_offset_hz=0.0, bandwidth_hz=psd.sample_rate_hz, power=max(power, 1e-30))


def sorted_out(emissions: list[Emission], psd: Psd) -> tuple[list[Emission], list[Artefact]]:
    """Return the true emissions, and as artefacts those that are images or, while the converter clips, products of stronger ones.

    A pulsed carrier's keying, far weaker and on only while it is, is neither: it is that carrier's, and left out.
    """
    clipped = psd.clipped_fraction is not None and psd.clipped_fraction >= CLIPPING_FRACTION
    strongest = max((e.power * e.duty for e in emissions), default=0.0)
    loudest = max((e.power for e in emissions), default=0.0)
    kept: list[Emission] = []
    marked: list[Artefact] = []
    for emission in emissions:
        # most emissions have no carrier beside them that is strong enough
        louder = [c for c in emissions if c.power >= IMAGE_RATIO * emission.power] if loudest >= IMAGE_RATIO * emission.power else []
        if emission.duty < 1.0 and any(_is_keying(emission, carrier) for carrier in louder):
            continue
        kind: ArtefactKind | None = None
        if any(_is_image(emission, carrier, psd.bin_hz) for carrier in louder):
            kind = "image"
        elif clipped and emission.power * emission.duty < strongest * 10 ** (-PRODUCT_DB / 10.0):
            kind = "intermodulation"
        if kind is None:
            kept.append(emission)
        else:
            marked.append(_as_artefact(emission, kind))
    return kept, marked


def _is_image(emission: Emission, carrier: Emission, bin_hz: float) -> bool:
    """Return whether ``emission`` is ``carrier`` mirrored at the tuned centre: same offset, no wider, far weaker, on at the same time."""
    slack = max(IMAGE_OFFSET_BINS * bin_hz, IMAGE_OFFSET_PART * carrier.bandwidth_hz)
    if abs(emission.center_offset_hz + carrier.center_offset_hz) > slack or abs(carrier.center_offset_hz) <= slack:
        return False
    far_weaker = IMAGE_MIN_DB <= 10.0 * math.log10(carrier.power / emission.power) <= IMAGE_MAX_DB
    as_wide = emission.bandwidth_hz <= 1.2 * carrier.bandwidth_hz + 4.0 * bin_hz
    together = emission.first_s <= carrier.last_s and carrier.first_s <= emission.last_s
    return far_weaker and as_wide and together


def _is_keying(emission: Emission, carrier: Emission) -> bool:
    """Return whether ``emission`` is what ``carrier`` spills: pulsed, 25 dB weaker, and on only in the carrier's bursts.

    Beside a carrier that is always on: within one bandwidth of it, what its modulation's peaks and its frames' ends spill.
    """
    if emission.duty >= 1.0 or carrier.power < KEYING_RATIO * emission.power or emission.duty > carrier.duty:
        return False
    if carrier.duty >= 1.0:
        reach = 0.5 * carrier.bandwidth_hz + carrier.bandwidth_hz
        return abs(emission.center_offset_hz - carrier.center_offset_hz) <= reach
    return all(any(a < d and c < b for c, d in carrier.burst_times_s) for a, b in emission.burst_times_s)


def _as_artefact(emission: Emission, kind: ArtefactKind) -> Artefact:
    return Artefact(
        kind=kind, center_offset_hz=emission.center_offset_hz, bandwidth_hz=emission.bandwidth_hz, power=emission.power * emission.duty
    )
