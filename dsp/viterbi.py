"""Feed-forward convolutional codes of rate 1/n: encoding, and maximum-likelihood decoding from soft bits.

A log-likelihood ratio (LLR) is float32, ln P(bit = 0) / P(bit = 1) up to a common positive factor: **positive means bit 0**, zero an
erasure (a punctured or lost bit).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dsp.crc import BitArray
from dsp.errors import ParameterError
from dsp.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolutionalCode:
    """A code of rate 1/len(taps). The highest bit of a tap (bit constraint_length - 1) is the newest input, D^0.

    GSM: constraint length 5, taps 0o23 (1 + D3 + D4), 0o33 (1 + D + D3 + D4). LTE: 7, taps 0o133, 0o171, 0o165.
    """

    constraint_length: int
    taps: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what the decoder's tables cannot hold."""
        if not 2 <= self.constraint_length <= 10:
            raise ParameterError("constraint_length", self.constraint_length, "2 to 10")
        if not self.taps or any(not 0 < tap < 1 << self.constraint_length for tap in self.taps):
            raise ParameterError("taps", self.taps, f"one or more of 1 to {(1 << self.constraint_length) - 1}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The most likely word."""

    bits: BitArray
    """Shape (n,), uint8: every input bit, tail included."""
    metric: float
    """Sum of (1 - 2 c) LLR over the coded bits c of the word: how well it agrees with what was heard."""
    limit: float
    """Sum of |LLR|: the metric of a word that agrees in every bit."""
    margin: float
    """Metric lead over the second most likely word (tail-biting: at least this lead)."""


def encode(code: ConvolutionalCode, bits: npt.NDArray[np.integer], *, tail_biting: bool = False) -> BitArray:
    """Return the coded bits, shape (len(taps) n,), uint8, output of tap 0 first for each of the n input bits.

    The register starts at zero (append constraint_length - 1 zeros to end there), or where ``tail_biting`` with the last bits.
    """
    memory = code.constraint_length - 1
    past = bits[-memory:] if tail_biting else np.zeros(memory, dtype=np.uint8)
    stream = np.concatenate([past, bits]).astype(np.uint8)
    n = len(bits)
    out = np.zeros((n, len(code.taps)), dtype=np.uint8)
    for column, tap in enumerate(code.taps):
        for delay in range(memory + 1):
            if tap >> (memory - delay) & 1:
                out[:, column] ^= stream[memory - delay : memory - delay + n]
    return out.reshape(-1)


@lru_cache(maxsize=16)
def _outputs(code: ConvolutionalCode) -> npt.NDArray[np.int32]:
    """Return the index of the output word of each register content, shape (2^K,): bit j is the output of tap j."""
    return np.array(
        [
            sum(((register & tap).bit_count() & 1) << j for j, tap in enumerate(code.taps))
            for register in range(1 << code.constraint_length)
        ],
        dtype=np.int32,
    )


def _rows(code: ConvolutionalCode, llr: npt.NDArray[np.floating]) -> FloatArray:
    """Return ``llr`` as rows, shape (n, len(taps)), one per input bit.

    Raises:
        ParameterError: the length is no multiple of the number of taps, or too short.
    """
    n, rest = divmod(llr.size, len(code.taps))
    if rest or n < code.constraint_length:
        limit = f"a multiple of {len(code.taps)}, at least {len(code.taps) * code.constraint_length}"
        raise ParameterError("llr.size", llr.size, limit)
    return np.ascontiguousarray(llr, dtype=np.float32).reshape(n, len(code.taps))


def decode_tailed(code: ConvolutionalCode, llr: npt.NDArray[np.floating]) -> Decoded:
    """Return the most likely word that starts and ends in state zero, of ``llr``, shape (len(taps) n,), float, positive = bit 0.

    The last constraint_length - 1 bits of the result are the tail, always zero.
    """
    from dsp.viterbi_kernel import decode_between

    rows = _rows(code, llr)
    bits, metric, margin = decode_between(rows, _outputs(code), code.constraint_length, 0, 0)
    return Decoded(bits=bits, metric=float(metric), limit=float(np.abs(rows).sum()), margin=float(margin))


def decode_tail_biting(code: ConvolutionalCode, llr: npt.NDArray[np.floating]) -> Decoded:
    """Return the most likely word that ends in the state it starts in, of ``llr``, shape (len(taps) n,), float, positive = bit 0.

    Truly the maximum-likelihood word, not an approximation by wrapping around: one pass with free start bounds the metric of every
    end state; the states are then tried in the order of their bounds until no bound beats the best word found.
    """
    from dsp.viterbi_kernel import decode_circular

    rows = _rows(code, llr)
    bits, metric, margin = decode_circular(rows, _outputs(code), code.constraint_length)
    return Decoded(bits=bits, metric=float(metric), limit=float(np.abs(rows).sum()), margin=float(margin))
