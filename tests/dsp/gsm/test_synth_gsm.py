"""The synthetic C0: by reasoning about GMSK and the frame, by demodulation without noise, and by gr-gsm."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.gsm import coding, params
from dsp.synth.fading import MODELS, model, path_gains
from dsp.synth.fading import Path as Route
from dsp.synth.gsm import GsmSignal, noise_power
from dsp.synth.gsm_frames import FrameSource, message_at
from dsp.synth.gsm_messages import BitWriter, CellDescription, Selection

RATE_HZ = 13e6 / 12
CELL = CellDescription(
    bsic=21,
    mcc="456",
    mnc="08",
    lac=801,
    ci=30211,
    cell_channels=(90,),
    neighbours=(45, 62, 88),
    neighbours_2ter=(700, 705),
    lte_neighbours=(1300, 3500),
    gprs=True,
    selection=Selection(cro_db=10, temporary_offset_db=70, penalty_time_s=None),
)


def bits_heard(phase: np.ndarray, first_sample: float, samples_per_symbol: float) -> np.ndarray:
    """The 148 bits of a burst from the turn of ``phase`` over each symbol, without noise: a = -1 where the bit differs from the last."""
    edges = first_sample + samples_per_symbol * np.arange(149)
    first, last = int(edges[0]) - 1, int(edges[-1]) + 3
    at_edges = np.interp(edges, np.arange(first, last), phase[first:last])
    return np.cumsum(np.diff(at_edges) < 0) % 2 ^ 1  # before the burst the bits are ones


@pytest.mark.parametrize(
    ("rate_hz", "offset_hz", "ppm"), [(RATE_HZ, 0.0, 0.0), (2.4e6, 400e3, 0.0), (2.4e6, -310e3, 60.0), (1e6, 0.0, -60.0)]
)
def test_every_slot_holds_its_bits_where_the_clock_says(rate_hz: float, offset_hz: float, ppm: float) -> None:
    signal = GsmSignal(cell=CELL, offset_hz=offset_hz, carrier_hz=950e6, ppm=ppm, start_fn=2715600, start_symbol=17.3, busy_slots=(3,))
    n = round(0.25 * rate_hz)
    x = signal.samples(0, n, rate_hz)
    x = x * np.exp(-2j * np.pi * (signal.offset_hz + signal.cfo_hz) / rate_hz * np.arange(n))
    phase = np.unwrap(np.angle(x))
    per_symbol = rate_hz * (1 + ppm * 1e-6) / params.SYMBOL_RATE_HZ
    sent = signal.source.slots(8 * 2715600, 400)
    for slot in range(1, 400):
        at = signal.sample_of_frame(2715600, rate_hz) + slot * params.SLOT_SYMBOLS * per_symbol
        assert np.array_equal(bits_heard(phase, at, per_symbol), sent[slot]), slot


def test_the_envelope_is_constant_and_the_phase_never_steps_over_slots() -> None:
    x = GsmSignal(cell=CELL, busy_slots=(1, 2, 5)).samples(0, 260_000, 2.6e6)
    assert np.abs(np.abs(x) - 1).max() < 1e-4
    turn = np.angle(x[1:] * x[:-1].conj()) * 2.6e6 / (2 * np.pi)
    assert np.abs(turn).max() < params.FCCH_TONE_HZ * 1.002


def test_an_fcch_is_a_tone_a_quarter_of_the_symbol_rate_above_the_carrier() -> None:
    signal = GsmSignal(cell=CELL)
    x = signal.samples(round(8 * RATE_HZ * 1e-6), round(130 / params.SYMBOL_RATE_HZ * RATE_HZ), RATE_HZ)
    turn = np.unwrap(np.angle(x[40:]))
    assert (turn[-1] - turn[0]) / (len(turn) - 1) * RATE_HZ / (2 * np.pi) == pytest.approx(params.FCCH_TONE_HZ, abs=1.0)


def test_the_spectrum_is_that_of_gmsk_with_bt_0_3() -> None:
    x = GsmSignal(cell=CELL, busy_slots=(1, 2, 3, 4, 5, 6, 7)).samples(0, 1 << 19, 2.6e6)
    segments = x.reshape(-1, 1024) * np.blackman(1024)
    density = np.fft.fftshift(np.mean(np.abs(np.fft.fft(segments, axis=1)) ** 2, axis=0))
    level = 10 * np.log10(density / density.max())
    offset = np.abs(np.arange(1024) - 512) * 2.6e6 / 1024
    assert level[offset < 40e3].min() > -6
    assert -42 < level[np.abs(offset - 200e3) < 5e3].max() < -28  # TS 45.005 cl. 4.2.1.3 allows -30 dB at 200 kHz
    assert level[np.abs(offset - 400e3) < 10e3].max() < -60  # and -60 dB at 400 kHz


@given(start=st.integers(-3000, 400_000), length=st.integers(1, 3000), rate=st.sampled_from([3e5, RATE_HZ, 2.4e6]), faded=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_stretch_is_the_same_whatever_was_asked_before(start: int, length: int, rate: float, faded: bool) -> None:
    paths = model("TU50", 950e6) if faded else (Route(), Route(delay_us=14.8, level_db=-3.0, phase_rad=1.0))
    signal = GsmSignal(cell=CELL, offset_hz=20e3, carrier_hz=950e6, ppm=11.0, paths=paths, seed=5)
    whole = signal.samples(start - 100, length + 200, rate)
    assert np.abs(signal.samples(start, length, rate) - whole[100:-100]).max() < 1e-4


def test_ppm_is_the_receiver_s_a_fast_clock_hears_low_and_slow() -> None:
    signal = GsmSignal(cell=CELL, offset_hz=200e3, carrier_hz=950e6, ppm=20.0)
    assert signal.cfo_hz == pytest.approx(-19e3, abs=5)
    assert signal.sample_of_frame(217, 1e6) == pytest.approx(217 * params.FRAME_S * 1e6 * (1 + 20e-6))


def test_an_echo_is_the_signal_again_later_and_weaker() -> None:
    late = GsmSignal(cell=CELL, paths=(Route(delay_us=12.5, level_db=-3.0, phase_rad=0.7),)).samples(0, 5000, 1.6e6)
    direct = GsmSignal(cell=CELL).samples(-20, 5000, 1.6e6)  # 12.5 us are 20 samples
    assert np.abs(late - 10 ** (-3 / 20) * np.exp(0.7j) * direct).max() < 1e-4
    both = GsmSignal(cell=CELL, paths=(Route(), Route(delay_us=12.5, level_db=-3.0, phase_rad=0.7))).samples(0, 5000, 1.6e6)
    assert np.abs(both - late - GsmSignal(cell=CELL).samples(0, 5000, 1.6e6)).max() < 1e-4


def test_fading_has_the_power_and_the_doppler_it_should() -> None:
    times = np.arange(40_000) / 1000.0
    gains = path_gains(Route(level_db=-3.0, doppler_hz=50.0), times, np.random.default_rng(1))
    assert np.mean(np.abs(gains) ** 2) == pytest.approx(10**-0.3, rel=0.1)
    power = np.abs(gains) ** 2 / np.mean(np.abs(gains) ** 2)
    assert np.mean(power < 0.1) == pytest.approx(1 - np.exp(-0.1), abs=0.02)  # Rayleigh
    spectrum = np.abs(np.fft.fftshift(np.fft.fft(gains))) ** 2
    offset = np.abs(np.fft.fftshift(np.fft.fftfreq(len(gains), 1e-3)))
    assert spectrum[offset > 51.0].sum() < 0.01 * spectrum.sum()
    assert spectrum[offset > 45.0].sum() > 0.2 * spectrum.sum()  # the horns of the classical spectrum


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_models_are_normalised(name: str) -> None:
    paths = model(name, 950e6)
    assert sum(10 ** (path.level_db / 10) for path in paths) == pytest.approx(1.0)
    assert paths[0].doppler_hz == pytest.approx(MODELS[name][1] / 3.6 * 950e6 / 3e8, rel=0.01)


def test_noise_power_is_es_over_n0_in_the_sample_rate() -> None:
    assert noise_power(2.0, 10.0, params.SYMBOL_RATE_HZ * 4) == pytest.approx(0.8)


def test_the_multiframe_carries_what_the_standard_puts_there() -> None:
    blocks = CELL.blocks()
    source = FrameSource(bsic=CELL.bsic, blocks=blocks)
    slots = source.slots(0, 8 * 51 * 8)
    heard = []
    for fn in range(51 * 8):
        burst, place = slots[8 * fn], fn % 51
        if place in params.FCCH_FRAMES:
            assert not burst.any()
        elif place in params.SCH_FRAMES:
            result = coding.decode_sch(1.0 - 2.0 * np.concatenate([burst[3:42], burst[106:145]]))
            assert (result.bsic, result.fn) == (21, fn)
        elif place == 50:
            assert np.array_equal(burst, params.DUMMY_BURST)
        elif place == 2:
            four = slots[8 * np.arange(fn, fn + 4)]
            octets = coding.decode_block(1.0 - 2.0 * np.concatenate([four[:, 3:60], four[:, 88:145]], axis=1)).octets
            heard.append(next(name for name, block in blocks.items() if block == octets))
    assert [heard[k] for k in (0, 1, 2, 3, 6, 7)] == ["SI1", "SI2", "SI3", "SI4", "SI3", "SI4"]
    assert {message_at(51 * tc + 408 * cycle, blocks) for tc in (4, 5) for cycle in range(2)} == {"SI2ter", "SI2quater", "SI13"}
    assert np.array_equal(slots[1], params.DUMMY_BURST)


def test_a_combined_cell_sends_nothing_in_the_dedicated_channels() -> None:
    combined = FrameSource(bsic=5, blocks=CELL.blocks(), combined=True).slots(0, 8 * 51)
    for fn in (22, 29, 32, 45, 49):
        assert np.array_equal(combined[8 * fn], params.DUMMY_BURST)
    assert not np.array_equal(combined[8 * 16], params.DUMMY_BURST)


def test_a_cell_that_cannot_be_is_refused() -> None:
    with pytest.raises(ParameterError, match="mcc"):
        CellDescription(bsic=1, mcc="45", mnc="04", lac=1, ci=1).blocks()
    full = CellDescription(bsic=1, mcc="452", mnc="04", lac=1, ci=1, lte_neighbours=tuple(range(9)))
    with pytest.raises(ParameterError, match="160 bits"):
        full.blocks()
    assert BitWriter().octets(3) == b"\x2b\x2b\x2b"


@pytest.mark.services
@pytest.mark.parametrize("combined", [False, True])
def test_gr_gsm_decodes_a_synthetic_cell_to_the_same_messages(tmp_path: Path, combined: bool) -> None:
    cell = CellDescription(
        bsic=45, mcc="452", mnc="040", lac=65534, ci=1, cell_channels=(1, 77), neighbours=(2, 124), neighbours_2bis=(600, 1000),
        lte_neighbours=(65535,), combined=combined, cbch=combined, selection=None,
    )  # fmt: skip
    signal = GsmSignal(cell=cell, start_fn=4242, start_symbol=-7.7, ppm=3.0, carrier_hz=950e6)
    n = round(4.0 * RATE_HZ)
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((n, 2), dtype=np.float32).view(np.complex64)[:, 0] * np.sqrt(noise_power(1.0, 18.0, RATE_HZ) / 2)
    recording = tmp_path / "cell.cf32"
    (signal.samples(0, n, RATE_HZ) + noise).astype(np.complex64).tofile(recording)
    driver = Path(__file__).parents[2] / "peers" / "grgsm_bcch.py"
    ran = subprocess.run(["/usr/bin/python3", str(driver), str(recording)], capture_output=True, text=True, timeout=120, check=False)
    if ran.returncode == 3:
        pytest.skip(ran.stderr.strip().splitlines()[-1])
    assert ran.returncode == 0, ran.stderr
    heard = json.loads(ran.stdout)["bcch"]
    blocks = cell.blocks()
    for block in heard:
        assert block["octets"] == blocks[message_at(block["fn"], blocks)].hex()
    assert {block["octets"] for block in heard} == {octets.hex() for octets in blocks.values()}
    assert len(heard) >= 15
