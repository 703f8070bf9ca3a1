"""From receptions to cells: shadows, identities in one stream, the joint clock, and why a cell went no further."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from dsp.gsm.cell import Heard, by_identity, is_ghost, messages
from dsp.gsm.coding import decode_block, encode_block
from dsp.gsm.ppm import CarrierClock, nominal_hz, off_raster_hz, solve
from dsp.gsm.receiver import BcchHeard, Reception, receive
from dsp.synth.gsm_messages import CellDescription, si3
from dsp.types import PpmEstimate

RATE_HZ = 13e6 / 24
CELL = CellDescription(bsic=21, mcc="452", mnc="01", lac=20501, ci=12345)


@pytest.fixture(scope="module")
def strong(scenes: ModuleType) -> Heard:
    """One cell in one stream at two samples per symbol."""
    rng = np.random.default_rng(1)
    sent = scenes.signal(rng, cell=CELL, start_symbol=0.0, start_fn=51 * 8 * 100)
    x = scenes.heard(rng, sent, duration_s=1.0, snr_db=15.0, rate_hz=RATE_HZ)
    (got,) = receive(x, rate_hz=RATE_HZ, offset_hz=0.0, about=0.0)
    return Heard(receptions=(got,), offset_hz=0.0, first_sample=0, samples_per_stream_sample=1.0)


def weaker(heard: Heard, **changes: object) -> Heard:
    """The same reception 20 dB down on another channel, with ``changes``."""
    channel = replace(heard.reception.channel, covariance=heard.reception.channel.covariance / 100.0)
    return replace(heard, offset_hz=400e3, receptions=(replace(heard.reception, channel=channel, **changes),))  # type: ignore[arg-type]


def test_the_same_frames_at_the_same_time_on_another_channel_are_a_shadow(strong: Heard) -> None:
    assert is_ghost(weaker(strong), strong)
    assert not is_ghost(strong, weaker(strong))
    assert is_ghost(weaker(strong, bsic=None, fn_zero=None, bcch=()), strong)


def test_a_cell_of_its_own_on_the_same_clock_is_no_shadow(strong: Heard) -> None:
    assert not is_ghost(weaker(strong, bsic=strong.reception.bsic ^ 1), strong)  # type: ignore[operator]
    block = strong.reception.bcch[0]
    other = replace(block, block=decode_block(10.0 - 20.0 * encode_block(si3(replace(CELL, ci=777))).astype(float)))
    assert not is_ghost(weaker(strong, bcch=(other,)), strong)


def test_other_timing_or_like_power_is_no_shadow(strong: Heard) -> None:
    timing = strong.reception.timing
    assert not is_ghost(weaker(strong, timing=replace(timing, start=timing.start + 40.0), bcch=()), strong)
    assert not is_ghost(replace(strong, offset_hz=400e3), strong)


def with_si3(part: Reception, ci: int) -> Reception:
    """``part`` with nothing but an SI3 that names ``ci``."""
    block = decode_block(10.0 - 20.0 * encode_block(si3(replace(CELL, ci=ci))).astype(float))
    return replace(part, bcch=(replace(part.bcch[0], block=block),))


def test_stretches_that_name_different_cells_are_kept_apart_even_with_one_bsic(strong: Heard) -> None:
    part = strong.reception
    silent = replace(part, bcch=())
    assert [len(g) for g in by_identity((with_si3(part, 1), silent, with_si3(part, 1)))] == [3]
    assert [len(g) for g in by_identity((with_si3(part, 1), with_si3(part, 2)))] == [1, 1]
    assert [len(g) for g in by_identity((part, replace(part, bsic=5)))] == [1, 1]


def test_repeats_of_one_message_are_summed_until_the_fire_code_passes(strong: Heard) -> None:
    part = strong.reception
    rng = np.random.default_rng(3)
    octets = si3(CELL)
    clean = 1.0 - 2.0 * encode_block(octets).astype(float)
    frames = [f for f in range(51 * 16) if (part.fn(f) % 51, part.fn(f) // 51 % 8) in ((2, 2), (2, 6))][:2]
    noisy = [clean + 1.12 * rng.standard_normal((4, 114)) for _ in frames]
    blocks = tuple(BcchHeard(frame=f, llr=n, block=decode_block(n)) for f, n in zip(frames, noisy, strict=True))
    assert not any(b.block.passed for b in blocks)
    alone = replace(strong, receptions=(replace(part, bcch=blocks[:1]),))
    assert messages(alone) == {}
    assert messages(replace(strong, receptions=(replace(part, bcch=blocks),))) == {"SI3": [octets]}


def test_two_different_messages_summed_give_one_of_them_or_nothing(strong: Heard) -> None:
    part = strong.reception
    rng = np.random.default_rng(4)
    truth = [si3(CELL), si3(replace(CELL, lac=999))]
    frames = [f for f in range(51 * 16) if (part.fn(f) % 51, part.fn(f) // 51 % 8) in ((2, 2), (2, 6))][:2]
    for _ in range(30):
        llrs = [1.0 - 2.0 * encode_block(o).astype(float) + 1.3 * rng.standard_normal((4, 114)) for o in truth]
        blocks = tuple(BcchHeard(frame=f, llr=n, block=decode_block(n)) for f, n in zip(frames, llrs, strict=True))
        said = messages(replace(strong, receptions=(replace(part, bcch=blocks),)))
        assert all(o in truth for o in said.get("SI3", []))


def clocks(ppm: float, *nominals_hz: float) -> tuple[CarrierClock, ...]:
    return tuple(CarrierClock(apparent_hz=f / (1 + ppm * 1e-6), drift_ppm=ppm, drift_sigma_ppm=0.3) for f in nominals_hz)


@pytest.mark.parametrize("ppm", [-60.0, -3.3, 0.0, 59.9])
@pytest.mark.parametrize("freq_hz", [869.2e6, 944.0e6, 1842.6e6, 1989.8e6])
def test_one_carrier_and_its_drift_give_the_ppm_and_the_raster_point(ppm: float, freq_hz: float) -> None:
    found = solve(clocks(ppm, freq_hz), max_ppm=60.0)
    assert found is not None
    assert found.ppm == pytest.approx(ppm, abs=0.01)
    assert nominal_hz(freq_hz / (1 + ppm * 1e-6), found.ppm) == freq_hz
    assert abs(off_raster_hz(freq_hz / (1 + ppm * 1e-6), found.ppm)) < 1.0


def test_a_base_station_off_its_frequency_does_not_move_the_others() -> None:
    true = clocks(7.0, 941.0e6, 942.2e6, 944.6e6)
    rogue = CarrierClock(apparent_hz=943.0e6 / (1 + 7e-6) + 3000.0, drift_ppm=4.0, drift_sigma_ppm=0.3)
    found = solve((*true, rogue), max_ppm=60.0)
    assert found is not None
    assert found.ppm == pytest.approx(7.0, abs=0.05)


def test_a_clock_beyond_the_limit_is_not_guessed() -> None:
    assert solve(clocks(100.0, 944.0e6), max_ppm=60.0) is None
    assert solve((), max_ppm=60.0) is None


def test_what_is_known_of_the_clock_decides_where_the_carrier_alone_cannot() -> None:
    lone = CarrierClock(apparent_hz=1842.6e6 / (1 + 58e-6), drift_ppm=0.0, drift_sigma_ppm=1e3)
    found = solve((lone,), max_ppm=60.0, prior=PpmEstimate(ppm=57.0, sigma_ppm=2.0))
    assert found is not None
    assert found.ppm == pytest.approx(58.0, abs=0.1)


def test_a_cell_where_no_band_has_a_downlink_is_no_more_than_a_carrier(scenes: ModuleType) -> None:
    rng = np.random.default_rng(6)
    sent = scenes.signal(rng, carrier_hz=1000.0e6)
    (cell,) = scenes.cells(scenes.heard(rng, sent, duration_s=1.0, snr_db=15.0), center_freq_hz=1000.0e6)
    assert cell.status == "carrier"
    assert "no GSM band" in cell.reason
