"""The compiled loops of the Welch estimate: convert and window, square and gather.

Maximum and minimum run on the bits of the powers, read as int32: the order of non-negative floats is that of their bits, and the
compiler vectorises integer comparison but not the floating one (1.3 ns against 0.3 ns a bin).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from dsp.jit import compiled

CHUNK: Final = 512
"""Bins taken together, so that power, sum and holds stay in the first-level cache."""


@compiled
def convert(raw, offset, window, hop, out):  # type: ignore[no-untyped-def]
    """Write (raw - offset) x window of each segment to ``out``, shape (n_segments, 2 n_fft); segments begin ``hop`` values apart."""
    n = out.shape[1]
    for s in range(out.shape[0]):
        segment, target = raw[s * hop : s * hop + n], out[s]
        for i in range(n):
            target[i] = (np.float32(segment[i]) - offset) * window[i]


@compiled
def accumulate(spectra, counts, part, holds, total, rows):  # type: ignore[no-untyped-def]
    """Add the powers of ``spectra``, shape (n_segments, n_fft), to the sums; return how many rows were completed.

    ``counts``: (segments in a row, segments already in ``part``). ``part``: the row being filled, float32; ``holds``: (2, n_fft), the
    bits of maximum and minimum; ``total``: float64, completed rows; ``rows``: their means are written here, from index 0.
    """
    row_averages, filled = counts
    power = np.empty(CHUNK, np.float32)
    bits = power.view(np.int32)
    row = 0
    for first in range(0, part.size, CHUNK):
        partial, full = part[first : first + CHUNK], total[first : first + CHUNK]
        top, low = holds[0, first : first + CHUNK], holds[1, first : first + CHUNK]
        row, count = 0, filled
        for s in range(spectra.shape[0]):
            spectrum = spectra[s, first : first + CHUNK]
            for k in range(spectrum.size):
                value = spectrum[k]
                square = value.real * value.real + value.imag * value.imag
                power[k] = square
                partial[k] += square
            for k in range(spectrum.size):
                value_bits = bits[k]
                top[k] = max(top[k], value_bits)
                low[k] = min(low[k], value_bits)
            count += 1
            if count == row_averages:
                mean = rows[row, first : first + CHUNK]
                for k in range(spectrum.size):
                    full[k] += partial[k]
                    mean[k] = partial[k] / np.float32(row_averages)
                    partial[k] = 0.0
                row += 1
                count = 0
    return row
