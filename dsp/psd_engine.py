"""How segments become powers: buffers, transforms (pyfftw, else scipy.fft) and sums (compiled, else NumPy).

Transforms are planned with FFTW_ESTIMATE and the stored plans of ``dsp.psd_wisdom``: measuring plans costs up to 0.2 s at start-up, and
which plan wins differs from run to run, and with it the last bits of every result. Out of place: in place is half as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError

RealArray = npt.NDArray[np.float32]
Engine = Literal["auto", "numba+pyfftw", "numpy+pyfftw", "numba+scipy", "numpy+scipy"]
BATCH_SAMPLES: Final = {"numba": 65536, "numpy": 98304}
"""Samples transformed together: fewer cost more in calls, more fall out of the caches."""
FLUSH_AVERAGES: Final = 64
"""Without rows, float32 sums go into the float64 total after so many segments."""


class Sums:
    """What a dwell has gathered, bins in the FFT's order: zero first."""

    def __init__(self, n_fft: int, row_averages: int | None) -> None:
        """``row_averages``: segments in a row, None where no rows are kept."""
        self.row_averages = row_averages or FLUSH_AVERAGES
        self.keep_rows = row_averages is not None
        self.part = np.zeros(n_fft, np.float32)
        self.filled = 0
        self.total = np.zeros(n_fft, np.float64)
        self.holds = np.empty((2, n_fft), np.float32)
        self.bits = self.holds.view(np.int32)  # powers are never negative: their order is that of their bits, which is quicker to tell
        self.rows: list[RealArray] = []
        self.n_averages = 0
        self.clear()

    def clear(self) -> None:
        """Begin a new dwell."""
        self.part[:] = 0.0
        self.total[:] = 0.0
        self.holds[0], self.holds[1] = 0.0, np.inf
        self.rows = []
        self.filled = self.n_averages = 0

    def new_rows(self, n_segments: int) -> RealArray:
        """Return room for the rows that the next ``n_segments`` complete, shape (n_rows, n_fft), to be filled; and count the segments."""
        completed, filled = divmod(self.filled + n_segments, self.row_averages)
        rows = np.empty((completed, self.part.size), np.float32)
        if self.keep_rows and completed:
            self.rows.append(rows)
        self.filled = filled
        self.n_averages += n_segments
        return rows

    def mean(self) -> npt.NDArray[np.float64]:
        """Return the mean over all segments so far, shape (n_fft,)."""
        return (self.total + self.part) / self.n_averages


@lru_cache(maxsize=1)
def default_engine() -> Engine:
    """Return the fastest engine that is installed."""
    from dsp.jit import HAVE_NUMBA

    loops = "numba" if HAVE_NUMBA else "numpy"
    try:
        import_module("pyfftw")
    except ImportError:
        return "numba+scipy" if loops == "numba" else "numpy+scipy"
    return "numba+pyfftw" if loops == "numba" else "numpy+pyfftw"


@lru_cache(maxsize=1)
def _fftw_with_plans() -> ModuleType:
    """Return pyfftw, the stored plans made known to it (it refuses those of another build)."""
    from dsp.psd_wisdom import SINGLE_PRECISION

    fftw = import_module("pyfftw")
    fftw.import_wisdom((b"", SINGLE_PRECISION, b""))
    return fftw


class Workspace:
    """Buffers and plans for one size of transform. Holds nothing from one call to the next but scratch."""

    def __init__(self, n_fft: int, engine: Engine) -> None:
        """Raises ParameterError: ``engine`` names what isn't installed."""
        loops, _, transform = engine.partition("+")
        if engine not in ("numba+pyfftw", "numpy+pyfftw", "numba+scipy", "numpy+scipy"):
            raise ParameterError("engine", engine, "auto, or numba or numpy + pyfftw or scipy")
        self.n_fft = n_fft
        self.batch = max(1, BATCH_SAMPLES[loops] // n_fft)
        self._kernels: ModuleType | None = import_module("dsp.psd_kernels") if loops == "numba" else None
        self._fftw: ModuleType | None = _fftw_with_plans() if transform == "pyfftw" else None
        self._input: npt.NDArray[np.complex64] = self._empty()
        self._output: npt.NDArray[np.complex64] = self._empty()
        self._plans: dict[int, Callable[[], Any]] = {}
        self._floats = np.empty(2 * self.batch * n_fft, np.float32)
        self._extreme = np.empty(n_fft, np.int32)
        self._power = np.empty((self.batch if loops == "numpy" else 0, n_fft), np.float32)

    def add(self, raw: npt.NDArray[Any], *, offset: float, window: RealArray, hop: int, sums: Sums) -> None:
        """Add the segments of ``raw`` to ``sums``; interleaved values, (n_segments - 1) hop + n_fft samples, at most ``batch`` segments.

        ``window``: shape (2 n_fft,), each value twice; ``hop`` in samples; ``offset``: the raw value that means zero.
        """
        n = (raw.size // 2 - self.n_fft) // hop + 1
        target = self._input[:n].view(np.float32)
        if self._kernels is not None and raw.dtype.itemsize == 1:
            self._kernels.convert(raw, np.float32(offset), window, 2 * hop, target)
        else:
            self._convert(raw, offset, window, 2 * hop, target)
        self._gather(self._transform(n), sums)

    def _empty(self) -> npt.NDArray[np.complex64]:
        """Return a buffer for one batch, on a boundary the vector unit likes."""
        shape = (self.batch, self.n_fft)
        if self._fftw is None:
            return np.zeros(shape, np.complex64)
        aligned: npt.NDArray[np.complex64] = self._fftw.zeros_aligned(shape, np.complex64)
        return aligned

    def _transform(self, n: int) -> npt.NDArray[np.complex64]:
        """Return the transforms of the first ``n`` segments in the input buffer."""
        if self._fftw is None:
            scipy_fft = import_module("scipy.fft")
            spectra: npt.NDArray[np.complex64] = scipy_fft.fft(self._input[:n], axis=1)
            return spectra
        done = 0
        while done < n:  # in powers of two, so that a dwell of any length needs few plans
            size = 1 << ((n - done).bit_length() - 1)
            while done % size:
                size >>= 1
            self._plan(done, size)()
            done += size
        return self._output[:n]

    def _plan(self, first: int, size: int) -> Callable[[], Any]:
        """Return the call that transforms ``size`` segments from ``first`` on."""
        key = first * (self.batch + 1) + size
        if key not in self._plans:
            assert self._fftw is not None
            part = slice(first, first + size)
            flags = ("FFTW_ESTIMATE", "FFTW_DESTROY_INPUT")
            self._plans[key] = self._fftw.FFTW(self._input[part], self._output[part], axes=(1,), flags=flags).execute
        return self._plans[key]

    def _convert(self, raw: npt.NDArray[Any], offset: float, window: RealArray, hop: int, target: RealArray) -> None:
        """Write (raw - offset) x window to ``target``, segment by segment; each value is converted once, though segments overlap."""
        if raw.dtype != np.float32:
            floats = self._floats[: raw.size]
            np.copyto(floats, raw)
            if offset:
                floats -= np.float32(offset)
            raw = floats
        segments: RealArray = np.ndarray(target.shape, np.float32, buffer=raw, strides=(4 * hop, 4))
        np.multiply(segments, window, out=target)

    def _gather(self, spectra: npt.NDArray[np.complex64], sums: Sums) -> None:
        """Add the powers of ``spectra`` to ``sums``."""
        n, filled = spectra.shape[0], sums.filled
        rows = sums.new_rows(n)
        if self._kernels is not None:
            self._kernels.accumulate(spectra, sums.row_averages, filled, sums.part, sums.bits, sums.total, rows)
            return
        halves, power = spectra.view(np.float32), self._power[:n]
        np.multiply(halves, halves, out=halves)
        np.add(halves[:, ::2], halves[:, 1::2], out=power)
        bits, extreme = power.view(np.int32), self._extreme
        np.maximum(sums.bits[0], np.maximum.reduce(bits, axis=0, out=extreme), out=sums.bits[0])
        np.minimum(sums.bits[1], np.minimum.reduce(bits, axis=0, out=extreme), out=sums.bits[1])
        _add_rows(power, filled, sums, rows)


def _add_rows(power: RealArray, filled: int, sums: Sums, rows: RealArray) -> None:
    """Add ``power``, shape (n_segments, n_fft), to ``sums``, whose row had ``filled`` segments, and write the completed rows' means."""
    size, head = sums.row_averages, 0
    if filled:
        head = min(size - filled, power.shape[0])
        sums.part += power[:head].sum(axis=0)
        if filled + head < size:
            return
        sums.total += sums.part
        rows[0] = sums.part
    whole = rows.shape[0] - (1 if filled else 0)
    end = head + whole * size
    if whole:
        stretches = rows[-whole:]
        power[head:end].reshape(whole, size, -1).sum(axis=1, out=stretches)
        sums.total += stretches.sum(axis=0)
    rows /= np.float32(size)
    sums.part[:] = power[end:].sum(axis=0)


_pool: dict[tuple[int, Engine], list[Workspace]] = {}


def borrow(n_fft: int, engine: Engine) -> Workspace:
    """Return a workspace nobody else holds: planning costs as much as a short dwell, so they are kept. Give it back."""
    idle = _pool.setdefault((n_fft, engine), [])
    try:
        return idle.pop()  # one step, so two threads never get the same
    except IndexError:
        return Workspace(n_fft, engine)


def give_back(workspace: Workspace, engine: Engine) -> None:
    """Return a borrowed workspace."""
    _pool[workspace.n_fft, engine].append(workspace)
