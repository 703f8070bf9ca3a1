"""Compile the receiver's loops before they are needed: the first time on a machine takes some seconds, then they come from disk."""

from __future__ import annotations

import numpy as np

from dsp.gsm.burst import front_end, soft_bits, symbols
from dsp.gsm.coding import decode_block
from dsp.gsm.fcch import find_candidates
from dsp.gsm.params import SYMBOL_RATE_HZ
from dsp.gsm.sch import find_timing


def compile_kernels() -> None:
    """Run every compiled loop of the GSM receiver once, on noise. Call it before timing anything, or to tell the user what takes long."""
    rng = np.random.default_rng(0)
    rate_hz = 2.0 * SYMBOL_RATE_HZ
    noise = (rng.standard_normal((40_000, 2)) @ [1.0, 1j]).astype(np.complex64)
    end = front_end(rate_hz=rate_hz, offset_hz=0.0)
    find_candidates(noise, sample_rate_hz=rate_hz)
    find_timing(noise, end, about=0.0)
    burst = symbols(noise, end, start=0.0, step=2.0, n=148)
    soft_bits(burst, taps=np.array([0.3, 1.0, 0.3], np.complex128), noise=1.0, prior=np.zeros(148))
    decode_block(rng.standard_normal((4, 114)))
