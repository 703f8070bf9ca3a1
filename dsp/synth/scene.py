"""A scene: carriers at absolute frequencies, each with a name, over noise; any stretch of it as any receiver would hear it.

    scene = demo_scene()
    rng = np.random.default_rng(1)
    iq = render(scene, center_freq_hz=942e6, sample_rate_hz=2.4e6, start_s=0.0, duration_s=0.1, rng=rng)

Stretches rendered one after the other join without a seam: carriers are functions of the sample's number, noise is drawn in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.synth.carriers import Waveform
from dsp.synth.decimation import decimate, lead
from dsp.synth.impairments import PERFECT, Impairments
from dsp.synth.noise import white_noise
from dsp.types import ComplexArray
from dsp.units import from_db

_NCO: Final = 256
_PIECE: Final = 65536
"""Samples made at a time, so that what is on the way stays in the cache."""
_SKIRT_HZ: Final = 150e3
"""How far a carrier's skirts are looked after beyond its bandwidth, at most half of that: GMSK at GSM's rate is 60 dB down there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keying:
    """On from ``first_s`` for ``on_s``, again after every ``period_s``, ``count`` times (None: for ever)."""

    on_s: float
    period_s: float
    first_s: float = 0.0
    count: int | None = None
    ramp_s: float = 20e-6
    """A raised cosine at both ends, inside ``on_s``, so that the keying does not splatter."""

    def __post_init__(self) -> None:
        """Raises ParameterError: on for longer than the period, or ramps longer than it is on."""
        if not 0.0 < self.on_s <= self.period_s:
            raise ParameterError("on_s", self.on_s, f"above 0, at most the period, {self.period_s}")
        if not 0.0 <= self.ramp_s <= self.on_s / 2:
            raise ParameterError("ramp_s", self.ramp_s, f"from 0 to half of on_s, {self.on_s / 2}")

    def intervals(self, start_s: float, stop_s: float) -> list[tuple[float, float]]:
        """Return when it is on between two times, cut at both."""
        low = max(math.floor((start_s - self.first_s) / self.period_s), 0)
        high = math.ceil((stop_s - self.first_s) / self.period_s)
        high = high if self.count is None else min(high, self.count)
        begins = [self.first_s + k * self.period_s for k in range(low, high)]
        return [(max(t, start_s), min(t + self.on_s, stop_s)) for t in begins if t < stop_s and t + self.on_s > start_s]

    def is_steady(self, start_s: float, stop_s: float) -> bool:
        """Return whether it is fully on from ``start_s`` to ``stop_s``, beyond its ramps."""
        turn = math.floor((start_s - self.first_s) / self.period_s)
        inside = start_s - self.first_s - turn * self.period_s
        allowed = 0 <= turn < (math.inf if self.count is None else self.count)
        return allowed and inside >= self.ramp_s and inside + stop_s - start_s <= self.on_s - self.ramp_s

    def envelope(self, times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Return the amplitude at ``times_s``, shape (n,), from 0 to 1."""
        turn = np.floor((times_s - self.first_s) / self.period_s)
        inside = times_s - self.first_s - turn * self.period_s
        allowed = (turn >= 0) & (turn < (math.inf if self.count is None else self.count))
        edge = np.minimum(inside, self.on_s - inside) / max(self.ramp_s, 1e-12)
        return np.where(allowed, np.sin(np.pi / 2 * np.clip(edge, 0.0, 1.0)) ** 2, 0.0).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneItem:
    """One carrier of a scene, and its truth."""

    name: str
    waveform: Waveform
    freq_hz: float
    """Absolute frequency at time 0."""
    bandwidth_hz: float
    """How much of the spectrum it takes: what the truth says, and beyond which a receiver need not look."""
    cn0_dbhz: float
    """Power while on over the noise density, dB Hz."""
    keying: Keying | None = None
    drift_hz_s: float = 0.0

    @property
    def snr_db(self) -> float:
        """Power while on over the noise in ``bandwidth_hz``."""
        return self.cn0_dbhz - 10.0 * math.log10(self.bandwidth_hz)

    def freq_at_hz(self, time_s: float) -> float:
        """Return the frequency at ``time_s``."""
        return self.freq_hz + self.drift_hz_s * time_s

    def on_intervals(self, start_s: float, stop_s: float) -> list[tuple[float, float]]:
        """Return when it is on between two times."""
        return [(start_s, stop_s)] if self.keying is None else self.keying.intervals(start_s, stop_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Carriers over white noise, heard by one receiver."""

    items: tuple[SceneItem, ...]
    noise_dbfs_hz: float = -104.0
    """-40 dBFS in 2.4 MHz: 1.3 steps of an 8-bit converter."""
    impairments: Impairments = PERFECT


def cn0_dbhz(snr_db: float, bandwidth_hz: float) -> float:
    """Return the carrier to noise density, dB Hz, that is ``snr_db`` over the noise in ``bandwidth_hz``."""
    return snr_db + 10.0 * math.log10(bandwidth_hz)


def render(
    scene: Scene, *, center_freq_hz: float, sample_rate_hz: float, start_s: float, duration_s: float, rng: np.random.Generator
) -> ComplexArray:
    """Return the scene from ``start_s`` on as the receiver samples it, shape (round(duration_s x rate),), complex64, full scale 1.0.

    Times are those of the receiver's clock. Carriers that reach over the span's edge are cut there, as by an anti-alias filter.
    """
    if not sample_rate_hz > 0.0:
        raise ParameterError("sample_rate_hz", sample_rate_hz, "positive")
    first = round(start_s * sample_rate_hz)
    n = round((start_s + duration_s) * sample_rate_hz) - first
    density = from_db(scene.noise_dbfs_hz)
    out = white_noise(n, power=density * sample_rate_hz, rng=rng)
    clock = 1.0 + scene.impairments.ppm * 1e-6
    tuned_hz, rate_hz = center_freq_hz * clock, sample_rate_hz * clock
    for item in scene.items:
        amplitude = math.sqrt(from_db(item.cn0_dbhz) * density)
        for begin in range(0, n, _PIECE):
            piece = out[begin : begin + _PIECE]
            _add(piece, item, first + begin, tuned_hz=tuned_hz, rate_hz=rate_hz, amplitude=amplitude)
    return scene.impairments.apply(out)


def blocks(
    scene: Scene, *, center_freq_hz: float, sample_rate_hz: float, duration_s: float, block_s: float, rng: np.random.Generator
) -> Iterator[ComplexArray]:
    """Give the scene from time 0 on in blocks of ``block_s``, the last one shorter; memory is that of one block."""
    for number in range(math.ceil(duration_s / block_s - 1e-9)):
        start_s = number * block_s
        length_s = min(block_s, duration_s - start_s)
        yield render(scene, center_freq_hz=center_freq_hz, sample_rate_hz=sample_rate_hz, start_s=start_s, duration_s=length_s, rng=rng)


def _add(out: ComplexArray, item: SceneItem, first: int, *, tuned_hz: float, rate_hz: float, amplitude: float) -> None:
    """Add ``item`` to ``out``, which begins at sample ``first``."""
    n = out.size
    begin_s, end_s = first / rate_hz, (first + n) / rate_hz
    if not item.on_intervals(begin_s, end_s):
        return
    offsets = [abs(item.freq_at_hz(t) - tuned_hz) for t in (begin_s, end_s)]
    reach = item.bandwidth_hz / 2 + min(item.bandwidth_hz / 2, _SKIRT_HZ)
    if min(offsets) - reach > rate_hz / 2:
        return
    factor = math.ceil(2 * (max(offsets) + reach) / rate_hz)
    if factor <= 1:
        out += _at_offset(item, first, n, tuned_hz=tuned_hz, rate_hz=rate_hz, amplitude=amplitude)
        return
    begin = first * factor - lead(factor)
    wide = _at_offset(item, begin, n * factor + 2 * lead(factor), tuned_hz=tuned_hz, rate_hz=rate_hz * factor, amplitude=amplitude)
    out += decimate(wide, factor)


def _at_offset(item: SceneItem, first: int, n: int, *, tuned_hz: float, rate_hz: float, amplitude: float) -> ComplexArray:
    """Return ``n`` samples of ``item`` from sample ``first`` on at its frequency and level."""
    offset_hz = item.freq_hz - tuned_hz
    if item.drift_hz_s == 0.0:
        turn = _rotation(offset_hz / rate_hz, first, n, amplitude)
    else:
        turn = _chirp(offset_hz, item.drift_hz_s, (first + np.arange(n)) / rate_hz, amplitude)
    turn *= item.waveform.samples(first, n, rate_hz)
    if item.keying is not None and not item.keying.is_steady(first / rate_hz, (first + n) / rate_hz):
        turn *= item.keying.envelope((first + np.arange(n)) / rate_hz)
    return turn


def _rotation(cycles: float, first: int, n: int, amplitude: float) -> ComplexArray:
    """Return amplitude x exp(2 pi i cycles m) for m from ``first`` on, shape (n,): rows of 256 from one row and their starts."""
    starts = np.exp(2j * np.pi * ((cycles * (first + _NCO * np.arange(-(-n // _NCO)))) % 1.0)).astype(np.complex64)
    row = (amplitude * np.exp(2j * np.pi * cycles * np.arange(_NCO))).astype(np.complex64)
    rows: ComplexArray = np.multiply.outer(starts, row).ravel()[:n]
    return rows


def _chirp(offset_hz: float, drift_hz_s: float, times_s: npt.NDArray[np.float64], amplitude: float) -> ComplexArray:
    """Return a carrier that is at ``offset_hz`` at time 0 and moves on evenly, shape (n,)."""
    turns = times_s * (offset_hz + 0.5 * drift_hz_s * times_s)
    turns -= np.rint(turns)
    angle = (turns * (2.0 * np.pi)).astype(np.float32)
    out = np.empty(times_s.size, np.complex64)
    np.cos(angle, out=out.real)
    np.sin(angle, out=out.imag)
    out *= np.float32(amplitude)
    return out
