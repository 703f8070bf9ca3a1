"""What a dongle can do, and what is refused."""

from __future__ import annotations

import pytest

from station.errors import MisuseError, ReceiverError
from station.rtlsdr_limits import asked_freq_hz, checked_rate, tuner_of
from station.tuners import TUNERS


@pytest.mark.parametrize("rate", [225_001, 300_000, 900_001, 1_920_000, 2_400_000, 2_560_000])
def test_rates_without_loss_are_taken(rate: int) -> None:
    assert checked_rate(float(rate)) == rate


@pytest.mark.parametrize("rate", [0.0, 225_000.0, 300_001.0, 500e3, 900_000.0, 2_560_001.0, 3.2e6])
def test_the_gaps_are_refused_with_what_would_do(rate: float) -> None:
    with pytest.raises(MisuseError, match="900001 to 2560000 without loss"):
        checked_rate(rate)


def test_a_fast_crystal_is_asked_for_less() -> None:
    assert asked_freq_hz(944e6, tuner=TUNERS["R820T"], ppm=23.4) == round(944e6 / (1 + 23.4e-6))
    with pytest.raises(MisuseError, match="R820T hears 24-1766 MHz"):
        asked_freq_hz(1842e6, tuner=TUNERS["R820T"], ppm=0.0)


def test_a_tuner_that_nobody_knows_is_refused() -> None:
    assert tuner_of(5).name == "R820T"
    with pytest.raises(ReceiverError, match="no known tuner"):
        tuner_of(0)
