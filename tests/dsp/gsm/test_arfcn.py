"""Carrier numbers against the corner values of TS 45.005 cl. 2."""

from __future__ import annotations

import pytest

from dsp.errors import ParameterError
from dsp.gsm.arfcn import (
    BANDS,
    GSM900,
    ArfcnError,
    arfcn_of_downlink,
    band_of,
    carrier_at,
    carriers_between,
    downlink_freq_hz,
    uplink_freq_hz,
)

CORNERS = [
    (1, "P-GSM900", 890_200_000, 935_200_000),
    (124, "P-GSM900", 914_800_000, 959_800_000),
    (0, "E-GSM900", 890_000_000, 935_000_000),
    (975, "E-GSM900", 880_200_000, 925_200_000),
    (1023, "E-GSM900", 889_800_000, 934_800_000),
    (955, "R-GSM900", 876_200_000, 921_200_000),
    (974, "R-GSM900", 880_000_000, 925_000_000),
    (940, "ER-GSM900", 873_200_000, 918_200_000),
    (128, "GSM850", 824_200_000, 869_200_000),
    (251, "GSM850", 848_800_000, 893_800_000),
    (259, "GSM450", 450_600_000, 460_600_000),
    (293, "GSM450", 457_400_000, 467_400_000),
    (512, "DCS1800", 1_710_200_000, 1_805_200_000),
    (885, "DCS1800", 1_784_800_000, 1_879_800_000),
]


@pytest.mark.parametrize(("arfcn", "band", "uplink_hz", "downlink_hz"), CORNERS)
def test_the_corners_of_every_band_are_where_the_standard_puts_them(arfcn: int, band: str, uplink_hz: int, downlink_hz: int) -> None:
    assert band_of(arfcn) == band
    assert uplink_freq_hz(arfcn) == uplink_hz
    assert downlink_freq_hz(arfcn) == downlink_hz
    assert carrier_at(downlink_hz) == (arfcn, band)


def test_pcs_needs_the_flag() -> None:
    assert (band_of(512), band_of(512, pcs=True)) == ("DCS1800", "PCS1900")
    assert downlink_freq_hz(512, pcs=True) == 1_930_200_000
    assert uplink_freq_hz(810, pcs=True) == 1_909_800_000
    assert band_of(811, pcs=True) == "DCS1800"
    assert carrier_at(1_989_800_000) == (810, "PCS1900")


def test_every_number_comes_back_from_its_frequency() -> None:
    for band in BANDS:
        for arfcn in range(band.first, band.last + 1):
            assert carrier_at(band.downlink_hz(arfcn)) == (arfcn, band.name)


@pytest.mark.parametrize("arfcn", [-1, 125, 252, 300, 886, 939, 1024])
def test_numbers_of_no_band_are_refused(arfcn: int) -> None:
    with pytest.raises(ArfcnError, match=str(arfcn)):
        downlink_freq_hz(arfcn)


def test_a_frequency_between_carriers_or_outside_the_bands_asked_for_is_none() -> None:
    assert carrier_at(944_100_000) is None
    assert carrier_at(944_050_000, tolerance_hz=60_000) == (45, "P-GSM900")
    assert carrier_at(944_000_000, ["DCS1800"]) is None
    assert arfcn_of_downlink(1e9) == (None, None)
    assert arfcn_of_downlink(944e6) == (45, "P-GSM900")
    with pytest.raises(ParameterError, match="GSM950"):
        carrier_at(944e6, ["GSM950"])


def test_the_carriers_of_a_span_come_lowest_first() -> None:
    found = carriers_between(934.7e6, 935.3e6, GSM900)
    assert found == ((1023, "E-GSM900", 934_800_000), (0, "E-GSM900", 935_000_000), (1, "P-GSM900", 935_200_000))
    assert len(carriers_between(925e6, 960e6, GSM900)) == 175
