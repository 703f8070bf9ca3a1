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
def accumulate(spectra, row_averages, filled, part, bits, total, rows):  # type: ignore[no-untyped-def]
    """Add the powers of ``spectra``, shape (n_segments, n_fft), to the sums, two segments at a time where they are of one row.

    ``filled``: segments already in ``part``, the row being filled, float32; ``bits``: (2, n_fft), maximum and minimum; ``total``: float64,
    the completed rows; ``rows``: their means are written here, from index 0, ``row_averages`` segments each.
    """
    power = np.empty((2, CHUNK), np.float32)
    power_bits = power.view(np.int32)
    for first in range(0, part.size, CHUNK):
        chunk = slice(first, first + CHUNK)
        partial, top, low = part[chunk], bits[0, chunk], bits[1, chunk]
        row, count, s = 0, filled, 0
        while s < spectra.shape[0]:
            pair = 1 if s + 1 < spectra.shape[0] and count + 1 < row_averages else 0
            for i in range(pair + 1):
                spectrum, square = spectra[s + i, chunk], power[i]
                for k in range(spectrum.size):
                    value = spectrum[k]
                    square[k] = value.real * value.real + value.imag * value.imag
            one, other, one_bits, other_bits = power[0], power[pair], power_bits[0], power_bits[pair]
            weight = np.float32(pair)
            for k in range(partial.size):
                partial[k] += one[k] + weight * other[k]
            for k in range(partial.size):
                value_bits, other_value = one_bits[k], other_bits[k]
                top[k] = max(top[k], max(value_bits, other_value))
                low[k] = min(low[k], min(value_bits, other_value))
            s += pair + 1
            count += pair + 1
            if count == row_averages:
                full, mean = total[chunk], rows[row, chunk]
                for k in range(partial.size):
                    full[k] += partial[k]
                    mean[k] = partial[k] / np.float32(row_averages)
                    partial[k] = 0.0
                row += 1
                count = 0
