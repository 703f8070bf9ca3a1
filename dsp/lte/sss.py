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

from dsp.lte.ofdm import CENTRE_K, HALF_FRAME, N_FFT, SAMPLE_RATE_HZ, Float64Array, demodulate
from dsp.lte.params import SYNC_FIRST_SUBCARRIER, SYNC_SUBCARRIERS, pss_places, sss_places, symbol_starts
from dsp.lte.pss import PssPeak
from dsp.lte.sequences import pss, sss
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.types import ComplexArray

_SYNC = slice(SYNC_FIRST_SUBCARRIER, SYNC_FIRST_SUBCARRIER + SYNC_SUBCARRIERS)
BLIND_SLACK_HZ: Final = 2500.0
"""Three times what the PSS alone leaves open at the threshold of the search."""
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
    weights: tuple[float, ...]
    """How much each of the five taps counts, 0 to 1."""

    offset_error_hz: float
    """What the phase from SSS to PSS says the carrier offset is off by."""

    @property
    def sigmas(self) -> float:
        """The score in standard deviations of what the other identities give."""
        return self.score / self.spread if self.spread > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    """The channel as the PSS has it: ``taps``, shape (n_rows, 5), and their ``weight`` over the noise, shape (5,)."""

    taps: ComplexArray
    weight: Float64Array
    shares: tuple[float, ...]


def match_sss(
    x: ComplexArray, peak: PssPeak, *, n_best: int, duplexes: tuple[Duplex, ...] = ("fdd", "tdd"), slack_hz: float = BLIND_SLACK_HZ
) -> tuple[SssMatch, ...]:
    """Return the ``n_best`` likeliest identities at ``peak``, likeliest first.

    ``x``: 1.92 MS/s, shape (n,). ``slack_hz``: how far the peak's carrier offset may be off; the phase between SSS and PSS is free
    within what that allows (in TDD, 0.21 ms apart, it is free altogether when the search was blind).
    """
    reference = _reference(x, peak)
    found: list[SssMatch] = []
    for duplex in duplexes:
        for cp in get_args(CyclicPrefix):
            found += _matches(x, peak, reference, (duplex, cp), slack_hz, n_best)
    return tuple(sorted(found, key=lambda m: -m.score)[:n_best])


def pss_to_frame(duplex: Duplex, cp: CyclicPrefix) -> float:
    """Return samples from the frame's start to the useful part of its first PSS."""
    (slot, symbol), _ = pss_places(duplex, cp)
    return float(slot * 960 + symbol_starts(cp, n_fft=N_FFT)[symbol])


def sss_to_frame(duplex: Duplex, cp: CyclicPrefix) -> float:
    """Return samples from the frame's start to the useful part of its first SSS."""
    (slot, symbol), _ = sss_places(duplex, cp)
    return float(slot * 960 + symbol_starts(cp, n_fft=N_FFT)[symbol])


def _reference(x: ComplexArray, peak: PssPeak) -> _Reference:
    received, inside = demodulate(x, peak.starts(), offset_hz=peak.offset_hz)
    pilot = received[:, _SYNC] * np.conj(pss(peak.n_id2))
    taps = pilot @ _steering()
    noise = _noise(pilot[inside], taps[inside]) / SYNC_SUBCARRIERS
    excess = np.sum(np.abs(taps) ** 2, axis=0) / max(int(inside.sum()), 1) / noise - 1.0
    share = np.maximum(excess, 0.0) / np.maximum(1.0 + excess, 1.0)
    return _Reference(taps=taps, weight=share / noise, shares=tuple(float(s) for s in share))


def _matches(
    x: ComplexArray, peak: PssPeak, reference: _Reference, place: tuple[Duplex, CyclicPrefix], slack_hz: float, n_best: int
) -> list[SssMatch]:
    """Return the likeliest identities with the SSS in one place before the PSS."""
    duplex, cp = place
    early = pss_to_frame(duplex, cp) - sss_to_frame(duplex, cp)
    energy, product = _correlate(x, peak, reference, early)
    free = min(np.pi, 2 * np.pi * slack_hz * early / SAMPLE_RATE_HZ)
    left = np.maximum(np.abs(np.angle(product)) - free, 0.0)
    scores = energy + 2 * np.abs(product) * np.cos(left)
    order = np.argsort(scores, axis=None)[::-1][:n_best]
    middle, spread = float(np.median(scores)), float(np.std(np.sort(scores, axis=None)[: -(n_best + 1)]))
    turns = np.clip(np.angle(product), -free, free) / (2 * np.pi) * SAMPLE_RATE_HZ / early
    out = []
    for half, n_id1 in zip(*np.unravel_index(order, scores.shape), strict=True):
        match = SssMatch(
            pci=3 * int(n_id1) + peak.n_id2,
            duplex=duplex,
            cp=cp,
            frame_sample=peak.sample - pss_to_frame(duplex, cp) - int(half) * (HALF_FRAME + peak.drift),
            score=float(scores[half, n_id1]) - middle,
            spread=spread,
            weights=reference.shares,
            offset_error_hz=float(turns[half, n_id1]),
        )
        out.append(match)
    return out


def _correlate(x: ComplexArray, peak: PssPeak, reference: _Reference, early: float) -> tuple[Float64Array, ComplexArray]:
    """Return the weighted energy of each identity's SSS taps and their product with the PSS taps, SSS to PSS, shape (2, 168) each.

    First index: the first half frame is taken for subframe 0, for subframe 5.
    """
    received, _ = demodulate(x, peak.starts() - early, offset_hz=peak.offset_hz)
    despread = (received[:, np.newaxis, _SYNC] * _steering().T[np.newaxis]).reshape(-1, SYNC_SUBCARRIERS)
    taps = (despread @ _sequences(peak.n_id2)).reshape(received.shape[0], _TAPS.size, 2, -1)
    power = taps.real**2 + taps.imag**2
    energy = [np.tensordot(reference.weight, power[parity::2].sum(axis=0), axes=1) for parity in (0, 1)]
    pss_taps = reference.taps * reference.weight
    product = [np.tensordot(pss_taps[parity::2], np.conj(taps[parity::2]), axes=([0, 1], [0, 1])) for parity in (0, 1)]
    return (
        np.stack([energy[0][0] + energy[1][1], energy[0][1] + energy[1][0]]),
        np.stack([product[0][0] + product[1][1], product[0][1] + product[1][0]]),
    )


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
def _sequences(n_id2: int) -> ComplexArray:
    """Return all sequences as columns, those of subframe 0, then of subframe 5, shape (62, 336)."""
    rows = [sss(3 * n_id1 + n_id2, half=half) for half in (0, 1) for n_id1 in range(168)]
    return np.ascontiguousarray(np.array(rows).T)
