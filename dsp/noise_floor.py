"""The noise density under whatever the span holds."""

from __future__ import annotations

from typing import Final

import numpy as np

from dsp.types import FloatArray, NoiseFloor, Psd

RUN_BINS: Final = 16


def estimate_floor(psd: Psd, *, reference: FloatArray | None = None) -> NoiseFloor:
    """Return the noise density of every bin of ``psd``; ``reference``: the receiver's stored noise density, shape (n_fft,)."""
    shape = np.ones(psd.n_fft) if reference is None else np.asarray(reference, np.float64)
    flat = psd.mean / shape
    blocks = flat.reshape(-1, RUN_BINS).mean(axis=1)
    low = float(np.quantile(blocks, 0.05))
    free = blocks < low * 1.4
    level = float(blocks[free].mean())
    contrast = float(np.quantile(blocks, 0.95)) / level
    source = "reference" if reference is not None else ("free_bins" if contrast > 2.0 else "assumed")
    density = (level * shape).astype(np.float32)
    density.flags.writeable = False
    return NoiseFloor(density=density, source=source, free_fraction=float(free.mean()), uncertainty_db=1.0)  # type: ignore[arg-type]
