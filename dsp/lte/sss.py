"""SSS: the cell identity, frame timing, duplex and cyclic prefix in one decision (TS 36.211 cl. 6.11.2).

The PSS of the same half frame gives the channel, as a few taps about a microsecond apart. The likelihood of a sequence is the energy of
PSS and SSS summed coherently tap by tap, each tap weighted with how sure the PSS is of it, summed over half frames: 168 identities, two
halves of the frame and four places of the SSS before the PSS are compared on one scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, get_args

import numpy as np

from dsp.lte.ofdm import CENTRE_K, HALF_FRAME, N_FFT, Float64Array, demodulate
from dsp.lte.params import SYNC_FIRST_SUBCARRIER, SYNC_SUBCARRIERS, pss_places, sss_places, symbol_starts
from dsp.lte.pss import PssPeak
from dsp.lte.sequences import pss, sss
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.types import ComplexArray

_SYNC = slice(SYNC_FIRST_SUBCARRIER, SYNC_FIRST_SUBCARRIER + SYNC_SUBCARRIERS)
TAP_STEP: Final = N_FFT / (SYNC_SUBCARRIERS + 1)
_TAPS: Final = np.arange(-1, 4) * TAP_STEP  # samples: -1.1 to 3.2 us


@dataclass(frozen=True, slots=True, kw_only=True)
class SssMatch:
    """One identity with its frame timing; ``score`` is the log-likelihood over that of chance, ``spread`` the scores' spread in noise."""

    pci: int
    duplex: Duplex
    cp: CyclicPrefix
    frame_sample: float
    """Where a radio frame begins; may lie before the first sample."""
    score: float
    spread: float

    @property
    def sigmas(self) -> float:
        """The score in standard deviations of what the other identities give."""
        return self.score / self.spread if self.spread > 0 else 0.0


def match_sss(x: ComplexArray, peak: PssPeak, *, n_best: int, duplexes: tuple[Duplex, ...] = ("fdd", "tdd")) -> tuple[SssMatch, ...]:
    """Return the ``n_best`` likeliest identities at ``peak``, likeliest first. ``x``: 1.92 MS/s, shape (n,)."""
    starts = peak.starts()
    received, inside = demodulate(x, starts, offset_hz=peak.offset_hz)
    pilot = received[:, _SYNC] * np.conj(pss(peak.n_id2))
    taps = pilot @ _steering()
    noise = _noise(pilot[inside], taps[inside])
    weight = np.maximum(np.mean(np.abs(taps[inside]) ** 2, axis=0) / (noise / SYNC_SUBCARRIERS) - 1.0, 0.0) if inside.any() else np.zeros(5)
    weight = weight / (1.0 + weight)
    found: list[SssMatch] = []
    for duplex in duplexes:
        for cp in get_args(CyclicPrefix):
            early = pss_to_frame(duplex, cp) - sss_to_frame(duplex, cp)
            scores = _scores(x, peak, starts - early, taps, weight / (noise / SYNC_SUBCARRIERS))
            found += _best(scores, peak, duplex, cp, n_best)
    return tuple(sorted(found, key=lambda m: -m.score)[:n_best])


def pss_to_frame(duplex: Duplex, cp: CyclicPrefix) -> float:
    """Return samples from the frame's start to the useful part of its first PSS."""
    (slot, symbol), _ = pss_places(duplex, cp)
    return float(slot * 960 + symbol_starts(cp, n_fft=N_FFT)[symbol])


def sss_to_frame(duplex: Duplex, cp: CyclicPrefix) -> float:
    """Return samples from the frame's start to the useful part of its first SSS."""
    (slot, symbol), _ = sss_places(duplex, cp)
    return float(slot * 960 + symbol_starts(cp, n_fft=N_FFT)[symbol])


def _scores(x: ComplexArray, peak: PssPeak, starts: Float64Array, taps: ComplexArray, weight: Float64Array) -> Float64Array:
    """Return the scores, shape (2, 168): first half frame taken for subframe 0, for subframe 5."""
    received, inside = demodulate(x, starts, offset_hz=peak.offset_hz)
    first, second = _sequences(peak.n_id2)
    despread = (received[:, np.newaxis, _SYNC] * _steering().T[np.newaxis]).reshape(-1, SYNC_SUBCARRIERS)
    both = (despread @ np.concatenate([first, second]).T).reshape(starts.size, _TAPS.size, 2, -1)
    energy = np.abs(taps[:, :, np.newaxis, np.newaxis] + both) ** 2 - np.abs(taps[:, :, np.newaxis, np.newaxis]) ** 2
    gain = np.einsum("rths,t,r->rhs", energy, weight, inside.astype(np.float64))
    even, odd = gain[0::2].sum(axis=0), gain[1::2].sum(axis=0)
    return np.stack([even[0] + odd[1], even[1] + odd[0]])


def _best(scores: Float64Array, peak: PssPeak, duplex: Duplex, cp: CyclicPrefix, n_best: int) -> list[SssMatch]:
    order = np.argsort(scores, axis=None)[::-1][:n_best]
    middle, spread = float(np.median(scores)), float(np.std(np.sort(scores, axis=None)[: -(n_best + 1)]))
    out = []
    for flat in order:
        half, n_id1 = divmod(int(flat), scores.shape[1])
        frame = peak.sample - pss_to_frame(duplex, cp) - half * (HALF_FRAME + peak.drift)
        out.append(
            SssMatch(
                pci=3 * n_id1 + peak.n_id2,
                duplex=duplex,
                cp=cp,
                frame_sample=frame,
                score=float(scores[half, n_id1]) - middle,
                spread=spread,
            )
        )
    return out


def _noise(pilot: ComplexArray, taps: ComplexArray) -> float:
    """Return the noise power of one resource element: what the taps do not explain."""
    if pilot.size == 0:
        return 1.0
    total = float(np.mean(np.abs(pilot) ** 2))
    explained = float(np.mean(np.sum(np.abs(taps) ** 2, axis=1)))
    left = (total - explained) * SYNC_SUBCARRIERS / (SYNC_SUBCARRIERS - _TAPS.size)
    return max(left, 1e-3 * total, 1e-30)


@lru_cache(maxsize=1)
def _steering() -> ComplexArray:
    """Return what turns subcarriers into taps, shape (62, 5): mean over subcarriers of value x exp(2 pi i k delay / 128)."""
    k = np.array(CENTRE_K)[_SYNC]
    return (np.exp(2j * np.pi * np.outer(k, _TAPS) / N_FFT) / SYNC_SUBCARRIERS).astype(np.complex64)


@lru_cache(maxsize=3)
def _sequences(n_id2: int) -> tuple[ComplexArray, ComplexArray]:
    """Return all sequences of subframe 0 and of subframe 5, shape (168, 62) each."""
    first = np.array([sss(3 * n + n_id2, half=0) for n in range(168)])
    return first, np.array([sss(3 * n + n_id2, half=1) for n in range(168)])
