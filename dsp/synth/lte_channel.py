"""What lies between an LTE base station and the samples: paths, fading, and the two clocks.

Every path of every port is taken out of the transmitted samples at its own moment by one windowed-sinc interpolator, which also does the
change of sample rate, so echoes fall between samples as they do on air and a clock error stretches the signal as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from dsp.jit import compiled
from dsp.types import ComplexArray

PHASES: Final = 256
"""Steps of the interpolator's table; between them it interpolates linearly (error below -90 dB)."""
_KAISER_BETA: Final = 7.0  # 70 dB
_GAIN_STEP_S: Final = 1e-4
_OSCILLATORS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One path: delay, level, phase. Equal for all ports up to the port's own phase."""

    delay_us: float = 0.0
    level_db: float = 0.0
    phase_rad: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FadingProfile:
    """Independent Rayleigh paths; levels are scaled to a total of 1 (TS 36.101 annex B.2)."""

    delays_ns: tuple[float, ...]
    levels_db: tuple[float, ...]
    doppler_hz: float


FadingName = Literal["EPA5", "ETU70"]
FADING: Final[dict[str, FadingProfile]] = {
    "EPA5": FadingProfile(delays_ns=(0, 30, 70, 90, 110, 190, 410), levels_db=(0.0, -1.0, -2.0, -3.0, -8.0, -17.2, -20.8), doppler_hz=5.0),
    "ETU70": FadingProfile(
        delays_ns=(0, 50, 120, 200, 230, 500, 1600, 2300, 5000),
        levels_db=(-1.0, -1.0, -1.0, 0.0, 0.0, 0.0, -3.0, -5.0, -7.0),
        doppler_hz=70.0,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """How one receiver hears one cell.

    ``offset_hz`` is the nominal carrier against the tuned centre; the clocks add to it: apparent - nominal is about
    (cell_ppm - receiver_ppm) x carrier_hz, with the samples stretched by the same clocks.
    """

    re_power: float = 1e-5
    """Power of one resource element, full scale squared: the noise density x 15 kHz that equals it is 0 dB."""
    carrier_hz: float = 800e6
    offset_hz: float = 0.0
    cell_ppm: float = 0.0
    receiver_ppm: float = 0.0
    start_s: float = 0.0
    """Where in the cell's frame 0 the first sample falls, seconds of the cell's time; any value."""
    paths: tuple[Path, ...] = field(default_factory=lambda: (Path(),))
    port_phases_rad: tuple[float, ...] = (0.0, 2.1, 4.0, 5.3)
    fading: FadingName | None = None
    """Takes the place of ``paths``."""


def noise_variance(re_power: float, *, snr_db: float, sample_rate_hz: float) -> float:
    """Return the variance of complex white noise that makes Es/N0 of one resource element ``snr_db``."""
    return float(re_power * 10 ** (-snr_db / 10) * sample_rate_hz / 15e3)


def path_delays_s(reception: Reception) -> npt.NDArray[np.float64]:
    """Return the delay of each path, shape (n_paths,)."""
    if reception.fading is not None:
        return np.array(FADING[reception.fading].delays_ns) * 1e-9
    return np.array([path.delay_us for path in reception.paths]) * 1e-6


class Gains:
    """The complex gain of each path and port over time: fixed, or a sum of sinusoids at the Doppler shifts of evenly spread arrivals."""

    def __init__(self, reception: Reception, *, n_ports: int, seed: int) -> None:
        """Draw the fading's phases from ``seed``."""
        self._fading = FADING[reception.fading] if reception.fading is not None else None
        if self._fading is None:
            path = np.array([10 ** (p.level_db / 20) * np.exp(1j * p.phase_rad) for p in reception.paths])
            self._fixed = np.exp(1j * np.array(reception.port_phases_rad[:n_ports]))[:, None] * path
            return
        rng = np.random.default_rng((seed, 0xFAD))
        shape = (n_ports, len(self._fading.delays_ns), _OSCILLATORS)
        arrival = 2 * np.pi * (np.arange(_OSCILLATORS) + rng.random(shape)) / _OSCILLATORS
        self._omega = 2 * np.pi * self._fading.doppler_hz * np.cos(arrival)
        self._phase = 2 * np.pi * rng.random(shape)
        power = 10 ** (np.array(self._fading.levels_db) / 10)
        self._level = np.sqrt(power / power.sum() / _OSCILLATORS)

    def at(self, times_s: npt.NDArray[np.float64]) -> ComplexArray:
        """Return the gains at ``times_s``, shape (n_ports, n_paths, n_times)."""
        if self._fading is None:
            return np.repeat(self._fixed[:, :, None], times_s.size, axis=2).astype(np.complex64)
        angle = self._omega[..., None] * times_s + self._phase[..., None]
        gains: ComplexArray = (np.exp(1j * angle).sum(axis=2) * self._level[:, None]).astype(np.complex64)
        return gains


def gain_times_s(first_s: float, last_s: float) -> npt.NDArray[np.float64]:
    """Return the moments, 0.1 ms apart and on a fixed grid, that cover the stretch."""
    return np.arange(np.floor(first_s / _GAIN_STEP_S), np.floor(last_s / _GAIN_STEP_S) + 2) * _GAIN_STEP_S


def interpolator(*, pass_hz: float, stop_hz: float, rate_hz: float) -> npt.NDArray[np.float32]:
    """Return the table of a windowed sinc, shape (PHASES + 1, n_taps): flat to ``pass_hz``, 70 dB down from ``stop_hz``.

    Row p weighs the samples around a moment p / PHASES of a sample past tap n_taps / 2 - 1.
    """
    width = 2 * np.pi * (stop_hz - pass_hz) / rate_hz
    n_taps = 2 * int(np.ceil((70.0 - 8.0) / (2.285 * width) / 2 + 1))
    cutoff = (pass_hz + stop_hz) / rate_hz
    at = np.arange(n_taps) - (n_taps // 2 - 1) - np.arange(PHASES + 1)[:, None] / PHASES
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0.0, 1 - (2 * at / n_taps) ** 2))) / np.i0(_KAISER_BETA)
    return (cutoff * np.sinc(cutoff * at) * window).astype(np.float32)


@compiled
def add_path(
    out: ComplexArray,
    source: ComplexArray,
    table: npt.NDArray[np.float32],
    walk: tuple[float, float],
    gains: ComplexArray,
    gain_walk: tuple[float, float],
) -> None:
    """Add to ``out`` the samples of ``source`` at walk[0] + n walk[1], times ``gains`` at gain_walk[0] + n gain_walk[1].

    Gains are taken off the line between two neighbours.
    """
    n_taps = table.shape[1]
    phases = table.shape[0] - 1
    for n in range(out.size):
        at = walk[0] + n * walk[1]
        whole = int(np.floor(at))
        phase = (at - whole) * phases
        row = int(phase)
        weight = np.float32(phase - row)
        start = whole - (n_taps // 2 - 1)
        low = np.complex64(0.0)
        high = np.complex64(0.0)
        for t in range(n_taps):
            value = source[start + t]
            low += value * table[row, t]
            high += value * table[row + 1, t]
        where = gain_walk[0] + n * gain_walk[1]
        index = int(where)
        part = np.float32(where - index)
        gain = gains[index] + part * (gains[index + 1] - gains[index])
        out[n] += gain * (low + weight * (high - low))
