"""The windows over a wide carrier, and SIB1 found by walking them as a dongle of 2.4 MS/s would."""

from __future__ import annotations

import pytest

from dsp.lte.sib1_windows import DWELL_S, carrier_windows, window_sib1
from dsp.lte.types import LteCell
from dsp.synth.lte_sib1 import Sib1Transmission
from tests.lte_sib1_air import air, cell, octets
from tests.lte_slices import RATE_HZ, heard


@pytest.mark.parametrize("n_rb", [6, 15, 25, 50, 75, 100])
def test_windows_show_every_block_whole_from_block_0_on(n_rb: int) -> None:
    windows = carrier_windows(n_rb, sample_rate_hz=RATE_HZ)
    assert windows[0].first == 0
    assert {block for w in windows for block in range(w.first, w.last)} == set(range(n_rb))
    for w in windows:
        low_hz = (w.first - n_rb / 2) * 180e3 - w.offset_hz
        high_hz = (w.last - n_rb / 2) * 180e3 - w.offset_hz
        assert max(-low_hz, high_hz) <= 0.41 * RATE_HZ
    assert len(windows) <= 10


def test_a_walk_over_20_mhz_takes_less_than_two_seconds_and_block_0_less_than_half_of_one() -> None:
    retune_s = 0.03  # more than a dongle takes to write its registers and to settle
    windows = carrier_windows(100, sample_rate_hz=RATE_HZ)
    assert windows[0].first == 0
    assert DWELL_S + retune_s <= 0.5
    assert len(windows) * (DWELL_S + retune_s) <= 2.0


def test_where_sib1_was_before_is_looked_at_first_and_in_one_window() -> None:
    first = carrier_windows(50, sample_rate_hz=RATE_HZ, remembered=(43, 7))[0]
    assert first.first <= 43
    assert first.last >= 50


def test_walking_the_windows_finds_sib1_where_it_is() -> None:
    sib1 = Sib1Transmission(octets=octets(), start=18, length=6)
    described = cell(n_rb=50, sib1=sib1)
    iq, view = air(described, snr_db=3.0, frames=5, receiver_ppm=30.0)
    known = LteCell(
        status="identified", reason="", freq_hz=800e6, offset_hz=view.offset_hz, raster_ambiguous=False, pci=described.pci, duplex="fdd",
        cp="normal", n_rb=50, ports=2, phich_duration="normal", phich_resource="1", sfn=0, frame_sample=0, cfo_hz=view.offset_hz,
        ppm=None, ppm_sigma=None, snr_db=3.0, rsrp=1e-5, power=1e-5, taps=(), mib_count=2,
    )  # fmt: skip
    answers = []
    for window in carrier_windows(50, sample_rate_hz=RATE_HZ):
        samples = heard(iq, rate_hz=view.sample_rate_hz, offset_hz=window.offset_hz)
        answers.append(window_sib1(samples, known, window, sample_rate_hz=RATE_HZ))
    decoded = [answer for answer in answers if answer.status == "decoded"]
    assert decoded
    assert all(answer.prb == (18, 6) and answer.message and answer.message.octets == sib1.octets for answer in decoded)
    assert answers[0].status == "not_seen"
    assert "blocks 0 to" in answers[0].reason


@pytest.mark.parametrize("error_hz", [-440.0, -250.0, 250.0, 440.0])
def test_a_receiver_that_is_tuned_in_steps_is_read_all_the_same(error_hz: float) -> None:
    sib1 = Sib1Transmission(octets=octets(), start=18, length=6)
    described = cell(n_rb=50, sib1=sib1)
    iq, view = air(described, snr_db=3.0, frames=5)
    known = LteCell(
        status="identified", reason="", freq_hz=800e6, offset_hz=0.0, raster_ambiguous=False, pci=described.pci, duplex="fdd",
        cp="normal", n_rb=50, ports=2, phich_duration="normal", phich_resource="1", sfn=0, frame_sample=0, cfo_hz=0.0,
        ppm=None, ppm_sigma=None, snr_db=3.0, rsrp=1e-5, power=1e-5, taps=(), mib_count=2,
    )  # fmt: skip
    window = carrier_windows(50, sample_rate_hz=RATE_HZ, remembered=(18, 6))[0]
    samples = heard(iq, rate_hz=view.sample_rate_hz, offset_hz=window.offset_hz)
    found = window_sib1(samples, known, window, sample_rate_hz=RATE_HZ, tuned_offset_hz=window.offset_hz + error_hz)
    assert found.status == "decoded"
    assert found.message is not None
    assert found.message.octets == sib1.octets
