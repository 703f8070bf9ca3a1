"""The dBFS convention, in one place.

**0 dBFS is the mean power of a full-scale complex tone, |x| = 1, where full scale is 127.5 for cu8 (centre 127.5), 128 for ci8,
32768 for ci16 and 1.0 (unless given) for cf32.**
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

SampleFormat = Literal["cu8", "ci8", "ci16_le", "cf32_le"]
FULL_SCALE: Final[dict[str, float]] = {"cu8": 127.5, "ci8": 128.0, "ci16_le": 32768.0, "cf32_le": 1.0}
OFFSET: Final[dict[str, float]] = {"cu8": 127.5, "ci8": 0.0, "ci16_le": 0.0, "cf32_le": 0.0}
BYTES_PER_SAMPLE: Final[dict[str, int]] = {"cu8": 2, "ci8": 2, "ci16_le": 4, "cf32_le": 8}
POWER_FLOOR: Final = 1e-30  # -300 dBFS: below anything a receiver can hold; keeps log10 finite


def db(power_ratio: float) -> float:
    """Return ``power_ratio`` in dB; values at or below 1e-30 give -300 dB, never -inf."""
    return 10.0 * math.log10(max(power_ratio, POWER_FLOOR))


def db_array(power_ratio: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return ``power_ratio`` in dB, element by element; values at or below 1e-30 give -300 dB."""
    return 10.0 * np.log10(np.maximum(np.asarray(power_ratio, dtype=np.float64), POWER_FLOOR))


def from_db(level_db: float) -> float:
    """Return the power ratio of ``level_db``."""
    return float(10.0 ** (level_db / 10.0))


def to_complex64(samples: npt.NDArray[np.generic], sample_format: SampleFormat, full_scale: float = 1.0) -> npt.NDArray[np.complex64]:
    """Return complex samples, shape (n,), full scale 1.0, from interleaved I, Q (shape (2n,)) or complex64 (shape (n,)).

    ``full_scale`` applies to cf32_le alone: the magnitude that counts as 0 dBFS.
    """
    if np.iscomplexobj(samples):
        iq = samples.astype(np.complex64)
        return iq if full_scale == 1.0 else iq / np.float32(full_scale)
    scale = full_scale if sample_format == "cf32_le" else FULL_SCALE[sample_format]
    flat = samples.astype(np.float32)
    flat -= np.float32(OFFSET[sample_format])
    flat *= np.float32(1.0 / scale)
    return flat.view(np.complex64)
