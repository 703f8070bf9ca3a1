"""How long a transform may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.detection import MIN_AVERAGES, MIN_N_FFT, DetectionSettings, choose_n_fft
from dsp.errors import ParameterError, TooFewSamplesError


def averages(n_samples: int, n_fft: int, overlap: float) -> int:
    return (n_samples - n_fft) // round(n_fft * (1 - overlap)) + 1


@given(st.integers(256, 10_000_000), st.sampled_from([0.0, 0.5]))
def test_sixteen_averages_are_kept_as_long_as_256_bins_allow(n_samples: int, overlap: float) -> None:
    n_fft = choose_n_fft(n_samples, overlap=overlap)
    assert n_fft.bit_count() == 1
    assert MIN_N_FFT <= n_fft <= DetectionSettings().n_fft
    assert n_fft == MIN_N_FFT or averages(n_samples, n_fft, overlap) >= MIN_AVERAGES
    # and no shorter than it must be
    assert n_fft == 4096 or averages(n_samples, 2 * n_fft, overlap) < MIN_AVERAGES


def test_less_than_one_segment_is_refused() -> None:
    with pytest.raises(TooFewSamplesError, match="255 samples given, at least 256 needed"):
        choose_n_fft(255)


def test_an_overlap_of_one_is_refused() -> None:
    with pytest.raises(ParameterError, match="overlap"):
        choose_n_fft(10_000, overlap=1.0)
