"""EARFCNs against a table by another hand: the PyPI package lte-nr-frequency 0.0.3 (bands 1 to 44), srsRAN's band list (31, 66, 71)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.lte.earfcn import BANDS, downlink_freq_hz, earfcns, uplink_freq_hz

OTHERS = {
    # band: (downlink low, high MHz, first, last, uplink low MHz, uplink first)
    1: (2110, 2170, 0, 599, 1920, 18000),
    3: (1805, 1880, 1200, 1949, 1710, 19200),
    5: (869, 894, 2400, 2649, 824, 20400),
    7: (2620, 2690, 2750, 3449, 2500, 20750),
    8: (925, 960, 3450, 3799, 880, 21450),
    20: (791, 821, 6150, 6449, 832, 24150),
    28: (758, 803, 9210, 9659, 703, 27210),
    31: (462.5, 467.5, 9870, 9919, 452.5, 27760),
    34: (2010, 2025, 36200, 36349, 2010, 36200),
    38: (2570, 2620, 37750, 38249, 2570, 37750),
    39: (1880, 1920, 38250, 38649, 1880, 38250),
    40: (2300, 2400, 38650, 39649, 2300, 38650),
    41: (2496, 2690, 39650, 41589, 2496, 39650),
    66: (2110, 2200, 66436, 67335, 1710, 131972),
    71: (617, 652, 68586, 68935, 663, 133122),
}


def test_every_row_agrees_with_the_other_tables() -> None:
    assert {row.band for row in BANDS} == set(OTHERS)
    for row in BANDS:
        low, high, first, last, uplink, uplink_first = OTHERS[row.band]
        assert (row.low_hz, row.first, row.last) == (low * 1e6, first, last)
        assert downlink_freq_hz(last) == high * 1e6 - 100_000
        assert uplink_freq_hz(first) == uplink * 1e6
        assert row.uplink_first in (None, uplink_first)


@given(row=st.sampled_from(BANDS), data=st.data())
def test_a_carriers_number_leads_back_to_it(row: object, data: st.DataObject) -> None:
    band = next(b for b in BANDS if b is row)
    earfcn = data.draw(st.integers(band.first, band.last))
    assert (band.band, earfcn) in earfcns(float(downlink_freq_hz(earfcn)))


def test_a_carrier_in_overlapping_bands_has_all_its_numbers() -> None:
    assert earfcns(2_120_000_000.0) == ((1, 100), (66, 66536))
    assert earfcns(2_600_000_000.0) == ((38, 38050), (41, 40690))


def test_the_recorded_carriers_have_their_published_numbers() -> None:
    assert earfcns(796e6) == ((20, 6200), (28, 9590))
    assert earfcns(1815.3e6) == ((3, 1303),)
    assert earfcns(1890e6) == ((39, 38350),)


@pytest.mark.parametrize("freq_hz", [0.0, -1e6, 100e6, 1_815_350_000.0, 6e9, 757.9e6])
def test_a_carrier_off_the_raster_or_outside_every_band_has_none(freq_hz: float) -> None:
    assert earfcns(freq_hz) == ()


def test_a_number_of_no_band_is_refused() -> None:
    for earfcn in (600, -1, 70_000):
        with pytest.raises(ParameterError, match="downlink EARFCN"):
            downlink_freq_hz(earfcn)


def test_band_66_has_downlink_that_goes_with_no_uplink() -> None:
    assert uplink_freq_hz(66436 + 699) == 1_779_900_000
    with pytest.raises(ParameterError, match="no uplink"):
        uplink_freq_hz(66436 + 700)
