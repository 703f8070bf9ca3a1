"""The loop that ranks allocations, compiled. Imported on first use only: numba is slow to load."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.jit import compiled
from dsp.types import FloatArray

IntArray = npt.NDArray[np.int64]


@compiled
def repetition(bits: FloatArray, lags: IntArray, out: FloatArray) -> None:
    """Write the sum of products ``lag`` bits apart, and the sum of their squares, to ``out``, shape (n_lags, 2)."""
    for i in range(lags.size):
        lag = lags[i]
        total, squares = np.float32(0.0), np.float32(0.0)
        for k in range(bits.size - lag):
            product = bits[k] * bits[k + lag]
            total += product
            squares += product * product
        out[i, 0], out[i, 1] = total, squares
