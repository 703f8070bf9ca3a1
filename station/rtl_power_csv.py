"""Sweeps as rtl_power writes them, for the heat-map tools that read its files.

One line a hop: date, time (local), lower edge, upper edge, step in Hz, number of samples, then the mean density of each step in dB.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import numpy as np

from dsp.units import db_array
from station.analysis import bins_of
from station.errors import StationError
from station.sweep import HopResult


def csv_line(one: HopResult) -> str | None:
    """Return the line of one hop, the part of its span that counts; None where the hop gave nothing."""
    if one.findings is None:
        return None
    psd = one.findings.psd
    part = bins_of(psd, one.hop.lower_hz - one.center_freq_hz, one.hop.upper_hz - one.center_freq_hz)
    low = one.center_freq_hz + (part.start - psd.n_fft // 2) * psd.bin_hz
    high = one.center_freq_hz + (part.stop - psd.n_fft // 2) * psd.bin_hz
    mean, middle = psd.mean.astype(np.float64), psd.n_fft // 2
    mean[middle - 2 : middle + 3] = 0.5 * (mean[middle - 3] + mean[middle + 3])  # the receiver's own spike, as rtl_power does
    when = datetime.fromtimestamp(one.start_ns / 1e9).astimezone()
    levels = ", ".join(f"{level:.2f}" for level in np.asarray(db_array(mean[part])))
    return f"{when:%Y-%m-%d, %H:%M:%S}, {low:.0f}, {high:.0f}, {psd.bin_hz:.2f}, {psd.n_samples}, {levels}"


class CsvFile:
    """A file that grows by one line a hop."""

    def __init__(self, path: Path) -> None:
        """Begin ``path`` anew.

        Raises:
            StationError: it cannot be written.
        """
        self._path = path
        self._write("w", "")

    def add(self, results: Iterable[HopResult]) -> None:
        """Append the hops of one sweep."""
        lines = [line for line in map(csv_line, results) if line is not None]
        self._write("a", "".join(f"{line}\n" for line in lines))

    def _write(self, mode: str, text: str) -> None:
        try:
            with contextlib.ExitStack() as stack:
                stack.enter_context(self._path.open(mode)).write(text)
        except OSError as error:
            raise StationError(f"{self._path}: cannot be written: {error.strerror}: check the folder and the disk") from error
