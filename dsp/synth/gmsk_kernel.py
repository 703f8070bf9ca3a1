"""The GMSK modulator's inner loop, compiled. Imported on first use only: numba is slow to load."""

from __future__ import annotations

import cmath
import math

import numpy as np
import numpy.typing as npt
from numba import njit

STEPS = 128
"""Table points per symbol; linear interpolation between them errs by less than -90 dB."""
RENEW = 512
"""Samples between exact renewals of the carrier's rotation."""


@njit(cache=True)
def modulate(
    out: npt.NDArray[np.complex64],
    shape: npt.NDArray[np.complex64],
    patterns: npt.NDArray[np.uint8],
    turns: npt.NDArray[np.uint8],
    clock: npt.NDArray[np.float64],
    gains: npt.NDArray[np.complex64],
) -> None:
    """Add one path of the signal to ``out``, shape (n,).

    ``shape``: (32, STEPS + 1), the phasor over one symbol by the five symbols round it. ``patterns``, ``turns``: (n_slots, symbols),
    that index, and the quarter turns gathered before, for the symbols from LEAD before a slot's start. ``clock``: (first slot, slot
    length, LEAD, symbol time of the first sample, symbols per sample, carrier turns per sample, carrier turns at the first sample,
    samples per gain, samples from gain 0 to the first sample). ``gains``: (n_gains,), the path's complex gain, linear in between.
    """
    first_slot, slot_length, lead, start, step, spin, angle, hold, late = clock
    quarter = np.array([1.0, 1.0j, -1.0, -1.0j], dtype=np.complex64)
    n = out.shape[0]
    slot, slot_end, slot_start = -1, -math.inf, 0.0
    slot_phase = 1.0 + 0.0j
    turn, rotation = cmath.exp(2j * math.pi * spin), 1.0 + 0.0j
    for m in range(n):
        time = start + m * step
        if time >= slot_end:
            absolute = math.floor((time + lead) / slot_length)
            slot = int(absolute - first_slot)
            slot_start = absolute * slot_length
            slot_end = slot_start + slot_length - lead
            slot_phase = cmath.exp(1j * (math.pi / 8) * (absolute % 16))
        if m % RENEW == 0:
            turns_now = angle + m * spin
            rotation = cmath.exp(2j * math.pi * (turns_now - math.floor(turns_now)))
        else:
            rotation *= turn
        position = time - slot_start + lead
        symbol = int(position)
        place = (position - symbol) * STEPS
        left = int(place)
        pattern = patterns[slot, symbol]
        low = shape[pattern, left]
        value = low + np.float32(place - left) * (shape[pattern, left + 1] - low)
        at = (m + late) / hold
        g = int(at)
        gain = gains[g] + np.float32(at - g) * (gains[g + 1] - gains[g])
        out[m] += np.complex64(value * quarter[turns[slot, symbol]] * gain * np.complex64(slot_phase * rotation))
