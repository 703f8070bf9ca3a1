"""Seeded noise."""

from __future__ import annotations

import math

import numpy as np

from dsp.types import ComplexArray


def white_noise(n: int, *, power: float, rng: np.random.Generator) -> ComplexArray:
    """Return ``n`` samples of complex white Gaussian noise of mean power ``power`` (full scale squared), shape (n,), complex64.

    Drawn in order from ``rng``: two calls for n and m samples give what one call for n + m samples gives. White noise sampled at fs has
    the density power / fs.
    """
    values = rng.standard_normal(2 * n, dtype=np.float32)
    values *= np.float32(math.sqrt(power / 2.0))
    return values.view(np.complex64)
