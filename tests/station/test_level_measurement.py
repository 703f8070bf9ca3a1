"""What a known carrier and the noise of a load make of a receiver's levels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from station.errors import StationError
from station.level_measurement import KnownLoad, KnownSource, curve_problem, load_point, source_point
from station.level_table import LevelPoint

RATE_HZ = 2.4e6
N = 480_000
KNOWN = KnownSource(level_dbm=-60.0, sigma_db=0.3)
LOAD = KnownLoad(noise_figure_db=6.0, sigma_db=2.0)


def quantised(wave: npt.NDArray[np.complexfloating]) -> npt.NDArray[np.uint8]:
    flat = wave.astype(np.complex64).view(np.float32) * 127.5 + 127.5
    return np.clip(np.round(flat), 0, 255).astype(np.uint8)


def noise(density_dbfs_hz: float, seed: int = 3) -> npt.NDArray[np.complexfloating]:
    sigma = 10 ** (density_dbfs_hz / 20) * (RATE_HZ / 2) ** 0.5
    made: npt.NDArray[np.complexfloating] = sigma * (np.random.default_rng(seed).standard_normal((N, 2)) @ np.array([1.0, 1j]))
    return made


def carrier(level_dbfs: float, offset_hz: float) -> npt.NDArray[np.complexfloating]:
    made: npt.NDArray[np.complexfloating] = 10 ** (level_dbfs / 20) * np.exp(2j * np.pi * offset_hz / RATE_HZ * np.arange(N))
    return made


@pytest.mark.parametrize("off_hz", [0.0, 21.7e3, -40e3])
def test_a_carrier_s_level_gives_the_offset_also_where_the_crystal_is_out(off_hz: float) -> None:
    samples = quantised(carrier(-25.0, 250e3 - off_hz) + noise(-105.0))
    found = source_point(samples, freq_hz=930e6, sample_rate_hz=RATE_HZ, known=KNOWN)
    assert found.freq_mhz == 930.0
    assert found.dbm_minus_dbfs == pytest.approx(-35.0, abs=0.1)
    assert 0.3 <= found.sigma_db < 0.4


@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (noise(-100.0), "no carrier stands 20 dB over the noise"),
        (carrier(-90.0, 250e3) + noise(-100.0), "no carrier stands 20 dB over the noise"),
        (3.0 * carrier(0.0, 250e3), "the receiver is overloaded"),
        (carrier(-25.0, 250e3) * np.repeat([1.0, 0.5], N // 2) + noise(-105.0), "the carrier's level moves"),
    ],
)
def test_what_cannot_be_a_calibration_is_refused_in_words(wave: npt.NDArray[np.complexfloating], said: str) -> None:
    with pytest.raises(StationError, match=said):
        source_point(quantised(wave), freq_hz=930e6, sample_rate_hz=RATE_HZ, known=KNOWN)


def test_the_noise_at_the_socket_is_ktb_and_the_noise_figure() -> None:
    assert KnownLoad(noise_figure_db=0.0, sigma_db=1.0, temperature_c=16.85).density_dbm_hz == pytest.approx(-173.98, abs=0.01)
    assert KnownLoad(noise_figure_db=6.0, sigma_db=1.0, temperature_c=16.85).density_dbm_hz == pytest.approx(-167.98, abs=0.01)
    # a hotter load makes more noise, less than in proportion: the receiver's own stays
    hot = KnownLoad(noise_figure_db=6.0, sigma_db=1.0, temperature_c=76.85).density_dbm_hz
    assert hot == pytest.approx(-167.98 + 10 * np.log10((350 + 290 * 2.981) / (290 * 3.981)), abs=0.01)


def test_a_load_s_noise_gives_the_offset_without_the_converter_s_own_noise_and_spurs() -> None:
    spur = sum(carrier(-60.0, at) for at in (-700e3, 100e3, 400e3))
    samples = quantised(noise(-106.0) + spur + 0.02)
    found = load_point(samples, freq_hz=930e6, sample_rate_hz=RATE_HZ, known=LOAD)
    assert found.dbm_minus_dbfs == pytest.approx(LOAD.density_dbm_hz + 106.0, abs=0.15)
    assert found.sigma_db == pytest.approx(2.0, abs=0.05)


def test_an_antenna_instead_of_a_load_and_too_low_a_gain_are_refused() -> None:
    busy = noise(-100.0) + sum(carrier(-40.0, at) for at in np.arange(-900e3, 900e3, 15e3))
    with pytest.raises(StationError, match="is the 50 ohm load on the socket"):
        load_point(quantised(busy / 2), freq_hz=930e6, sample_rate_hz=RATE_HZ, known=LOAD)
    with pytest.raises(StationError, match="raise --gain"):
        load_point(quantised(noise(-112.0)), freq_hz=930e6, sample_rate_hz=RATE_HZ, known=LOAD)


def test_a_jump_between_points_is_told() -> None:
    points = [LevelPoint(freq_mhz=f, dbm_minus_dbfs=o, sigma_db=0.5) for f, o in ((920, -40), (930, -41), (940, -49))]
    assert "930 and 940 MHz differ by 8.0 dB" in curve_problem(points)
    assert curve_problem(points[:2]) == ""
