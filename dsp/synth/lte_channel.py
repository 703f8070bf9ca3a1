"""What lies between an LTE base station and the samples: paths, fading, and the two clocks.

Every path of every port is taken out of the transmitted samples at its own moment by one windowed-sinc interpolator, which also does the
change of sample rate, so echoes fall between samples as they do on air and a clock error stretches the signal as a whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from dsp.jit import compiled
from dsp.synth.fading import DIRECT, Path, path_gains
from dsp.types import ComplexArray

PHASES: Final = 256
"""Steps of the interpolator's table; between them it interpolates linearly (error below -90 dB)."""
_KAISER_BETA: Final = 7.0  # 70 dB
_GAIN_STEP_S: Final = 1e-4


FadingName = Literal["EPA5", "ETU70"]
_PROFILES: Final[dict[FadingName, tuple[float, tuple[tuple[float, float], ...]]]] = {
    "EPA5": (5.0, ((0, 0.0), (30, -1.0), (70, -2.0), (90, -3.0), (110, -8.0), (190, -17.2), (410, -20.8))),
    "ETU70": (
        70.0,
        ((0, -1.0), (50, -1.0), (120, -1.0), (200, 0.0), (230, 0.0), (500, 0.0), (1600, -3.0), (2300, -5.0), (5000, -7.0)),
    ),
}
"""TS 36.101 tables B.2.1-2 and B.2.1-4: (delay in ns, level in dB); the number in the name is the Doppler shift in Hz."""


def fading_paths(name: FadingName) -> tuple[Path, ...]:
    """Return the Rayleigh paths of the model ``name``, their mean powers adding up to one."""
    doppler_hz, taps = _PROFILES[name]
    total_db = 10 * math.log10(sum(10 ** (level / 10) for _, level in taps))
    return tuple(Path(delay_us=delay * 1e-3, level_db=level - total_db, doppler_hz=doppler_hz) for delay, level in taps)


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
    paths: tuple[Path, ...] = DIRECT
    """From every port; a path that fades does so independently for each."""
    port_phases_rad: tuple[float, ...] = (0.0, 2.1, 4.0, 5.3)
    fading: FadingName | None = None
    """Takes the place of ``paths``."""

    @property
    def all_paths(self) -> tuple[Path, ...]:
        """The paths there are."""
        return self.paths if self.fading is None else fading_paths(self.fading)


def noise_variance(re_power: float, *, snr_db: float, sample_rate_hz: float) -> float:
    """Return the variance of complex white noise that makes Es/N0 of one resource element ``snr_db``."""
    return float(re_power * 10 ** (-snr_db / 10) * sample_rate_hz / 15e3)


def port_gains(reception: Reception, *, port: int, seed: int, times_s: npt.NDArray[np.float64]) -> ComplexArray:
    """Return the gain of each path from ``port`` at ``times_s``, shape (n_paths, n_times); ``seed`` decides the fading."""
    rows = [path_gains(path, times_s, np.random.default_rng((seed, port, number))) for number, path in enumerate(reception.all_paths)]
    turned: ComplexArray = np.array(rows, dtype=np.complex64) * np.complex64(np.exp(1j * reception.port_phases_rad[port]))
    return turned


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
