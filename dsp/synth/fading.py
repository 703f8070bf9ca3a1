"""Echoes and fading: the propagation models of TS 45.005 annex C, and fixed paths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.types import ComplexArray

LIGHT_M_S: Final = 299_792_458.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One path: delay, mean level, phase; ``doppler_hz`` > 0: Rayleigh fading with the classical Doppler spectrum of that width."""

    delay_us: float = 0.0
    level_db: float = 0.0
    phase_rad: float = 0.0
    doppler_hz: float = 0.0


DIRECT: Final = (Path(),)
_TU: Final = ((0.0, -3.0), (0.2, 0.0), (0.5, -2.0), (1.6, -6.0), (2.3, -8.0), (5.0, -10.0))
_HT: Final = ((0.0, 0.0), (0.1, -1.5), (0.3, -4.5), (0.5, -7.5), (15.0, -8.0), (17.2, -17.7))
MODELS: Final = {"TU3": (_TU, 3.0), "TU50": (_TU, 50.0), "HT100": (_HT, 100.0)}
"""TS 45.005 cl. C.3.2, C.3.3, six taps: (delay in us, level in dB) and the speed in km/h; the figures agree with those that other
simulators list as COST 207 TU and HT, six taps, alternative."""


def model(name: str, carrier_hz: float) -> tuple[Path, ...]:
    """Return the paths of the model ``name`` (TU3, TU50, HT100) at ``carrier_hz``, their mean powers adding up to one."""
    taps, speed_km_h = MODELS[name]
    doppler_hz = speed_km_h / 3.6 * carrier_hz / LIGHT_M_S
    total_db = 10 * math.log10(sum(10 ** (level / 10) for _, level in taps))
    return tuple(Path(delay_us=delay, level_db=level - total_db, doppler_hz=doppler_hz) for delay, level in taps)


def path_gains(path: Path, times_s: npt.NDArray[np.floating], rng: np.random.Generator) -> ComplexArray:
    """Return the complex gain of ``path`` at ``times_s``, shape (n,), complex64, mean square 10^(level_db / 10).

    Fading: sum of 32 sinusoids with angles of arrival evenly spread round a random turn and random phases drawn from ``rng``; the
    same generator state gives the same fading at the same times.
    """
    amplitude = 10 ** (path.level_db / 20)
    if path.doppler_hz == 0.0:
        return np.full(times_s.shape, amplitude * np.exp(1j * path.phase_rad), dtype=np.complex64)
    n = 32
    angles = 2 * np.pi * (np.arange(n) + rng.random(n)) / n
    phases = 2 * np.pi * rng.random(n)
    argument = 2 * np.pi * path.doppler_hz * np.outer(times_s, np.cos(angles)) + phases
    gains: ComplexArray = (amplitude / math.sqrt(n) * np.exp(1j * argument).sum(axis=1)).astype(np.complex64)
    return gains
