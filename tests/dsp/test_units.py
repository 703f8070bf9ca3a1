"""The dBFS convention: 0 dBFS is the mean power of a full-scale complex tone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.units import db, db_array, from_db, to_complex64


def tone(n: int) -> np.ndarray:
    return np.exp(2j * np.pi * 0.1171875 * np.arange(n))


@pytest.mark.parametrize(
    ("sample_format", "dtype", "full", "offset"),
    [("cu8", np.uint8, 127.5, 127.5), ("ci8", np.int8, 127, 0), ("ci16_le", np.int16, 32767, 0)],
)
def test_a_tone_that_fills_the_converter_has_0_dbfs(sample_format, dtype, full, offset):
    iq = tone(4096)
    raw = np.rint(np.stack([iq.real, iq.imag], axis=1).ravel() * full + offset).astype(dtype)
    power = np.mean(np.abs(to_complex64(raw, sample_format)) ** 2)
    assert db(power) == pytest.approx(0.0, abs=0.08)


@pytest.mark.parametrize("full_scale", [1.0, 2.0, 0.25])
def test_full_scale_of_cf32_is_1_unless_given(full_scale):
    iq = (0.5 * tone(4096)).astype(np.complex64)
    expected = 20 * math.log10(0.5 / full_scale)
    assert db(np.mean(np.abs(to_complex64(iq, "cf32_le", full_scale)) ** 2)) == pytest.approx(expected, abs=1e-4)
    assert db(np.mean(np.abs(to_complex64(iq.view(np.float32), "cf32_le", full_scale)) ** 2)) == pytest.approx(expected, abs=1e-4)


def test_the_middle_of_cu8_is_127_and_a_half():
    assert to_complex64(np.array([127, 128], np.uint8), "cu8")[0] == pytest.approx((-0.5 + 0.5j) / 127.5)


def test_nothing_is_minus_300_db_and_never_minus_infinity():
    assert db(0.0) == -300.0
    assert list(db_array(np.array([0.0, 1.0, 100.0]))) == [-300.0, 0.0, 20.0]


@given(st.floats(-250.0, 250.0))
def test_db_and_from_db_are_inverse(level_db):
    assert db(from_db(level_db)) == pytest.approx(level_db, abs=1e-9)


def test_conversion_leaves_its_input_alone():
    raw = np.arange(64, dtype=np.uint8)
    raw.flags.writeable = False
    to_complex64(raw, "cu8")
    iq = tone(64).astype(np.complex64)
    assert not np.shares_memory(to_complex64(iq, "cf32_le"), iq)
