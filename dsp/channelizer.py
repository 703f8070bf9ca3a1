"""A bank of channel filters that takes a wide span apart: one forward FFT for all channels, one small inverse FFT for each.

Fast convolution (overlap-save) with the resampling done in the frequency domain: the polyphase bank's cost, without its tie of
channel spacing, sample rate and output rate to each other. Any input rate and any centre (to a bin) do. What lies outside the span
given counts as zero and is not wrapped around.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.filters import cosine_skirt
from dsp.types import ComplexArray

_N_OUT: Final = 1040
"""Points of a channel's inverse FFT: 8 x 130, so that 3/4 and 1/8 of a block are whole samples; 0.4 of a GSM slot's frequency steps."""


_SLAB: Final = 1 << 19
"""Input samples transformed at a time: bounds the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPlan:
    """Sizes of a bank: input block ``n_in``, output block ``n_out``; a channel comes out at sample_rate_hz * n_out / n_in."""

    sample_rate_hz: float
    n_in: int
    n_out: int
    response: npt.NDArray[np.float64]
    """Shape (n_out,), lowest frequency first."""

    @property
    def bin_hz(self) -> float:
        """Step of the centres a channel can have."""
        return self.sample_rate_hz / self.n_in

    @property
    def out_rate_hz(self) -> float:
        """Sample rate of a channel."""
        return self.bin_hz * self.n_out

    @property
    def hop_in(self) -> int:
        """New input samples per block."""
        return self.n_in * 3 // 4

    def nearest_bin(self, offset_hz: float) -> int:
        """Return the bin whose frequency is nearest to ``offset_hz``."""
        return round(offset_hz / self.bin_hz)


def plan_bank(*, sample_rate_hz: float, out_rate_hz: float, pass_hz: float, stop_hz: float) -> BankPlan:
    """Return the plan of a bank whose channels come out within 1 % of ``out_rate_hz``, flat to ``pass_hz``, nothing from ``stop_hz`` on.

    Raises:
        ParameterError: the skirts do not fit the output rate, or the input rate is too small.
    """
    if not 0.0 < pass_hz < stop_hz <= 0.5 * out_rate_hz:
        raise ParameterError("stop_hz", stop_hz, f"above pass_hz and at most half of {out_rate_hz:g}")
    ideal = sample_rate_hz / out_rate_hz * _N_OUT
    if not math.isfinite(ideal) or ideal < 64:
        raise ParameterError("sample_rate_hz", sample_rate_hz, f"at least {64 * out_rate_hz / _N_OUT:g}")
    near = list(range(8 * math.ceil(ideal * 0.992 / 8), int(ideal * 1.008) + 1, 8)) or [8 * round(ideal / 8)]
    n_in = min(near, key=lambda n: (_fft_effort(n), abs(n - ideal)))
    bin_hz = sample_rate_hz / n_in
    freq_hz = (np.arange(_N_OUT) - _N_OUT // 2) * bin_hz
    response = cosine_skirt(freq_hz, pass_hz=pass_hz, stop_hz=stop_hz)
    response.setflags(write=False)
    return BankPlan(sample_rate_hz=sample_rate_hz, n_in=n_in, n_out=_N_OUT, response=response)


def _fft_effort(n: int) -> int:
    """Return the sum of the prime factors of ``n``: what a mixed-radix FFT costs per point."""
    effort, p = 0, 2
    while n > 1:
        while n % p == 0:
            effort, n = effort + p, n // p
        p += 1
    return effort


def split(iq: ComplexArray, *, plan: BankPlan, bins: tuple[int, ...], first_block: int = 0) -> ComplexArray:
    """Return the channels centred on ``bins``, shape (len(bins), n_blocks * 3/4 n_out), complex64.

    ``iq``: shape (n,), with n_in/8 samples of history before the first new one; n - n_in/4 new samples must be whole blocks of
    ``hop_in``. Output sample j of a channel lies at the time of the j-th n_in/n_out-th new input sample. ``first_block``: how many
    blocks came before, which keeps a channel's phase from call to call.
    """
    import scipy.fft

    n_blocks = (iq.size - plan.n_in // 4) // plan.hop_in
    frames = np.lib.stride_tricks.sliding_window_view(iq, plan.n_in)[:: plan.hop_in][:n_blocks]
    edge = plan.n_out // 8
    out = np.empty((len(bins), n_blocks, plan.n_out - 2 * edge), np.complex64)
    step = max(1, _SLAB // plan.n_in)
    for first in range(0, n_blocks, step):
        rows = slice(first, min(first + step, n_blocks))
        span = scipy.fft.fft(frames[rows], axis=1)
        for channel, k in enumerate(bins):
            picked = _pick(span, k, plan)
            turns = -0.75 * k * (first_block + np.arange(rows.start, rows.stop)) + 0.125 * k
            phase = np.exp(2j * np.pi * (turns % 1.0)).astype(np.complex64)
            out[channel, rows] = scipy.fft.ifft(picked, axis=1, overwrite_x=True)[:, edge:-edge] * phase[:, None]
    return out.reshape(len(bins), -1)


def _pick(span: ComplexArray, k: int, plan: BankPlan) -> ComplexArray:
    """Return the ``n_out`` bins around bin ``k``, weighted and in FFT order, of the spectra ``span``; zero outside the span."""
    half = plan.n_out // 2
    low, high = max(k - half, -(plan.n_in // 2) + 1), min(k + half, plan.n_in // 2)
    weight = (plan.response * (plan.n_out / plan.n_in)).astype(np.float32)
    picked = np.zeros((span.shape[0], plan.n_out), np.complex64)
    for first, last in ((low, min(high, 0)), (max(low, 0), high)):  # negative and other frequencies lie apart in the spectrum
        for start, stop in ((first, min(last, k)), (max(first, k), last)):  # and in the channel
            if start < stop:
                to = (start - k) % plan.n_out
                of = start % plan.n_in
                taps = weight[start - k + half : stop - k + half]
                picked[:, to : to + stop - start] = span[:, of : of + stop - start] * taps
    return picked
