"""The channel of one subframe from reference signals around it, as long and as wide as the channel itself holds still.

First in time, then in frequency, by Wiener filters. How fast the channel moves (Doppler), how far it spreads (delay) and how strong signal
and noise are is chosen by likelihood from what was heard, so a channel at rest is averaged over 20 ms and a fast one over a few symbols.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.lte.ofdm import Float64Array
from dsp.lte.params import SUBCARRIER_HZ, SUBCARRIERS_PER_RB
from dsp.types import ComplexArray, FloatArray

PILOT_STEP: Final = 3
"""Subcarriers from one reference signal to the next, both symbols of a slot together."""
_DOPPLERS_HZ: Final = (0.5, 5.0, 20.0, 60.0, 150.0, 350.0)
_SPREADS_S: Final = (0.1e-6, 0.5e-6, 1.5e-6, 3e-6, 6e-6, 12e-6)
_SNRS: Final = 10.0 ** (np.arange(-18.0, 34.0, 1.0) / 10)
_OFFSETS_HZ: Final = np.arange(-300.0, 301.0, 5.0)
_PRIOR_HZ: Final = 120.0
"""What the carrier offset of another tuning of the same receiver leaves open."""
_REACH_RB: Final = 3
_GROUP: Final = 2 * SUBCARRIERS_PER_RB // PILOT_STEP * 5
_THERE: Final = 0.4
"""Part of the expected amplitude below which a subframe has no reference signals of the cell (MBSFN, uplink)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPilots:
    """The reference signals of one port and one of its two shifts: ``values`` received over sent, (n_times, n), at ``seconds``, (n_times,).

    ``first``: subcarrier of the first of them; the others follow every six. ``units``: 0 for symbols that have them in every cell, else a
    number that those share which have them or have not together.
    """

    values: ComplexArray
    seconds: Float64Array
    first: int
    units: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """``gains``: (ports, n_symbols, n_subcarriers); ``signal`` and ``noise``: power of an element; the carrier's offset left over."""

    gains: ComplexArray
    signal: float
    noise: float
    offset_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Likeliest:
    """What the values of a channel are most likely made of: the candidate's place, and the powers."""

    candidate: int
    signal: float
    noise: float


def channel_at(pilots: list[list[PortPilots]], at_s: Float64Array, span: tuple[int, int]) -> Channel:
    """Return the channel of every port at ``at_s``, (n_symbols,), on the subcarriers ``span`` (first, after the last, whole blocks).

    ``pilots``: of each port its two shifts, all on ``span``. Gains are times exp(2 pi i offset t) what they would be without the offset.
    """
    flat = [group for port in pilots for group in port]
    offset_hz = _offset(flat)
    slope = _slope(flat)
    turned = [[_straight(group, offset_hz, slope) for group in port] for port in pilots]
    surely = [_less(group, np.arange(1, 1 + int(group.units.max()))) for port in turned for group in port]
    absent = _absent([group for port in turned for group in port], _in_time_likeliest(surely).signal)
    kept = [[_less(group, absent) for group in port] for port in turned]
    found = _in_time_likeliest([group for port in kept for group in port])
    smooth = [[_in_time(group, at_s, found) for group in port] for port in kept]
    gains, left = _in_frequency(smooth, span, found)
    k = np.arange(*span)
    gains *= np.exp(1j * slope * k).astype(np.complex64)
    gains *= np.exp(2j * np.pi * offset_hz * at_s)[:, np.newaxis].astype(np.complex64)
    return Channel(gains=gains, signal=found.signal, noise=found.noise + left, offset_hz=offset_hz)


def _offset(groups: list[PortPilots]) -> float:
    """Return the carrier offset at which the symbols add up to most, what is expected of it reckoned in."""
    energy = np.zeros(_OFFSETS_HZ.size)
    total = 0.0
    for group in groups:
        level = np.sqrt(np.mean(np.abs(group.values) ** 2, axis=1, keepdims=True)) + 1e-30
        tones = np.exp(-2j * np.pi * np.outer(_OFFSETS_HZ, group.seconds))
        energy += np.sum(np.abs(tones @ (group.values / level)) ** 2, axis=1) / group.seconds.size
        total += group.values.shape[1]
    return float(_OFFSETS_HZ[np.argmax(energy - total / max(total, 1.0) * (_OFFSETS_HZ / _PRIOR_HZ) ** 2 / 2)])


def _slope(groups: list[PortPilots]) -> float:
    """Return the phase per subcarrier: the middle of the delays."""
    products = [
        np.sum(np.conj(g.values[:, :-1]) * g.values[:, 1:], axis=1) / (np.sum(np.abs(g.values) ** 2, axis=1) + 1e-30) for g in groups
    ]
    return float(np.angle(sum(complex(np.sum(p)) for p in products))) / (2 * PILOT_STEP)


def _straight(group: PortPilots, offset_hz: float, slope: float) -> PortPilots:
    k = group.first + 2 * PILOT_STEP * np.arange(group.values.shape[1])
    turn = np.exp(-2j * np.pi * offset_hz * group.seconds)[:, np.newaxis] * np.exp(-1j * slope * k)
    return replace(group, values=(group.values * turn).astype(np.complex64))


def _absent(groups: list[PortPilots], signal: float) -> npt.NDArray[np.int64]:
    """Return the units whose symbols do not look like those that are sure to be the cell's."""
    n_units = 1 + max(int(group.units.max()) for group in groups)
    total, number = np.zeros(n_units), np.zeros(n_units)
    for group in groups:
        mean = group.values[group.units == 0].mean(axis=0)
        product = np.mean((np.conj(mean) * group.values).real, axis=1)
        total += np.bincount(group.units, weights=product, minlength=n_units)
        number += np.bincount(group.units, minlength=n_units)
    likeness = total / np.maximum(number, 1.0)
    return np.flatnonzero((likeness < _THERE * signal) & (np.arange(n_units) > 0))


def _less(group: PortPilots, absent: npt.NDArray[np.int64]) -> PortPilots:
    keep = ~np.isin(group.units, absent)
    return replace(group, values=group.values[keep], seconds=group.seconds[keep], units=group.units[keep])


def _likeliest(energies: Float64Array, eigenvalues: Float64Array, counts: Float64Array) -> tuple[float, float, float]:
    """Return (log-likelihood, signal, noise) of the mean energies in the eigenvectors of a correlation.

    The sum over elements of -log(s + n) - e / (s + n), with s = signal x eigenvalue, at the best signal-to-noise ratio of ``_SNRS``.
    """
    shape = 1.0 + _SNRS[:, np.newaxis] * eigenvalues
    level = (counts * energies / shape).sum(axis=1) / counts.sum()
    score = -counts.sum() * np.log(level) - (counts * np.log(shape)).sum(axis=1)
    best = int(np.argmax(score))
    return float(score[best]), float(_SNRS[best] * level[best]), float(level[best])


def _in_time_likeliest(groups: list[PortPilots]) -> _Likeliest:
    """Return which Doppler, signal and noise are likeliest."""
    results = []
    for candidate, doppler in enumerate(_DOPPLERS_HZ):
        energies, eigenvalues, counts = [], [], []
        for group in groups:
            values, vectors = _time_modes(tuple(np.round((group.seconds - group.seconds[0]) * 1e9).astype(int).tolist()), doppler)
            energies.append(np.mean(np.abs(vectors.T @ group.values) ** 2, axis=1) + 1e-30)
            eigenvalues.append(values)
            counts.append(np.full(values.size, group.values.shape[1], dtype=np.float64))
        results.append((*_likeliest(np.concatenate(energies), np.concatenate(eigenvalues), np.concatenate(counts)), candidate))
    _, signal, noise, candidate = max(results)
    return _Likeliest(candidate=candidate, signal=signal, noise=noise)


@lru_cache(maxsize=512)
def _time_modes(times_ns: tuple[int, ...], doppler_hz: float) -> tuple[Float64Array, FloatArray]:
    """Return the eigenvalues and vectors of the correlation between the times."""
    seconds = np.array(times_ns) * 1e-9
    values, vectors = np.linalg.eigh(_over_time(seconds, seconds, doppler_hz))
    return np.maximum(values, 0.0), vectors.astype(np.float32)


def _in_time(group: PortPilots, at_s: Float64Array, found: _Likeliest) -> tuple[int, ComplexArray, float]:
    """Return (first subcarrier, values at ``at_s`` with unit gain, (n_symbols, n), their error over the signal)."""
    doppler = _DOPPLERS_HZ[found.candidate]
    covariance = _over_time(group.seconds, group.seconds, doppler) + found.noise / found.signal * np.eye(group.seconds.size)
    cross = _over_time(group.seconds, at_s, doppler)
    weight = np.linalg.solve(covariance, cross)
    gain = np.clip(np.sum(weight * cross, axis=0), 1e-6, 1 - 1e-6)
    values: ComplexArray = ((weight / gain).T @ group.values).astype(np.complex64)
    return group.first, values, float(np.mean((1 - gain) / gain))


def _in_frequency(
    smooth: list[list[tuple[int, ComplexArray, float]]], span: tuple[int, int], found: _Likeliest
) -> tuple[ComplexArray, float]:
    """Return the gains, (ports, n_symbols, n_subcarriers), and the power of what they miss."""
    ports = []
    for groups in smooth:
        order = np.argsort([first for first, _, _ in groups])
        ports.append(np.stack([groups[i][1] for i in order], axis=-1).reshape(groups[0][1].shape[0], -1))
    shift = min(first for first, _, _ in smooth[0]) - span[0]
    error = float(np.mean([e for groups in smooth for _, _, e in groups]))
    spread = _spread([values[values.shape[0] // 2] for values in ports], error)
    out = np.zeros((len(ports), ports[0].shape[0], span[1] - span[0]), dtype=np.complex64)
    n_blocks = (span[1] - span[0]) // SUBCARRIERS_PER_RB
    per_block = SUBCARRIERS_PER_RB // PILOT_STEP
    left = 0.0
    for block in range(n_blocks):
        low = min(max(block - _REACH_RB, 0), max(n_blocks - 2 * _REACH_RB - 1, 0))
        high = min(low + 2 * _REACH_RB + 1, n_blocks)
        weight, missed = _frequency_weights(spread, round(10 * np.log10(error)), shift, (low - block, high - block))
        left += missed / n_blocks
        for port, values in enumerate(ports):
            near = values[:, per_block * low : per_block * high]
            out[port, :, SUBCARRIERS_PER_RB * block : SUBCARRIERS_PER_RB * (block + 1)] = near @ weight
    return out, left * found.signal


def _spread(rows: list[ComplexArray], error: float) -> int:
    """Return which delay spread is likeliest for neighbouring values of each port, (n,), whose error is known."""
    results = []
    for candidate, spread in enumerate(_SPREADS_S):
        score = 0.0
        for row in rows:
            size = min(_GROUP, row.size)
            groups = row[: row.size // size * size].reshape(-1, size)
            eigenvalues, vectors = _frequency_modes(size, spread)
            energies = np.mean(np.abs(groups @ vectors) ** 2, axis=0)
            power = max(float(np.mean(np.abs(row) ** 2)) / (1 + error), 1e-30)
            level = power * (np.maximum(eigenvalues, 0.0) + error)
            score -= len(groups) * float(np.sum(np.log(level) + energies / level))
        results.append((score, -candidate))
    return -max(results)[1]


@lru_cache(maxsize=64)
def _frequency_modes(size: int, spread: float) -> tuple[Float64Array, Float64Array]:
    k = np.arange(size, dtype=np.float64) * PILOT_STEP
    values, vectors = np.linalg.eigh(_over_frequency(k, k, spread).astype(np.float64))
    return values, vectors


@lru_cache(maxsize=256)
def _frequency_weights(spread: int, error_db: int, shift: int, blocks: tuple[int, int]) -> tuple[npt.NDArray[np.float32], float]:
    """Return the weights of the pilots in ``blocks`` (counted from the wanted one) for its subcarriers, (n, 12), and the error left."""
    per_block = SUBCARRIERS_PER_RB // PILOT_STEP
    at = shift + PILOT_STEP * np.arange(per_block * blocks[0], per_block * blocks[1], dtype=np.float64)
    wanted = np.arange(SUBCARRIERS_PER_RB, dtype=np.float64)
    covariance = _over_frequency(at, at, _SPREADS_S[spread]) + 10 ** (error_db / 10) * np.eye(at.size)
    cross = _over_frequency(at, wanted, _SPREADS_S[spread])
    weight = np.linalg.solve(covariance, cross)
    return weight.astype(np.float32), float(np.clip(1.0 - np.mean(np.sum(weight * cross, axis=0)), 0.0, 1.0))


def _over_frequency(k1: Float64Array, k2: Float64Array, spread: float) -> Float64Array:
    """Return the correlation over subcarriers of delays spread evenly."""
    return np.sinc((k1[:, np.newaxis] - k2) * SUBCARRIER_HZ * spread)


def _over_time(t1: Float64Array, t2: Float64Array, doppler_hz: float) -> Float64Array:
    """Return the correlation over time of scattering all round."""
    from scipy.special import j0

    out: Float64Array = j0(2 * np.pi * doppler_hz * (t1[:, np.newaxis] - t2))
    return out
