"""Scenes: what was put in is what a receiver finds, wherever it is cut; and the truth says so."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.psd import WelchPsd
from dsp.synth import demo_scene as demo
from dsp.synth.carriers import Gmsk, Tone
from dsp.synth.impairments import Impairments
from dsp.synth.ofdm import Ofdm
from dsp.synth.scene import Keying, Scene, SceneItem, blocks, cn0_dbhz, render
from dsp.synth.truth import scene_truth
from dsp.types import Psd

CENTER_HZ = 942e6
RATE_HZ = 2.4e6
SILENT = -250.0


def heard(scene: Scene, *, start_s: float = 0.0, duration_s: float = 0.05, rate_hz: float = RATE_HZ, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return render(scene, center_freq_hz=CENTER_HZ, sample_rate_hz=rate_hz, start_s=start_s, duration_s=duration_s, rng=rng)


def spectrum(iq: np.ndarray, n_fft: int = 4096, rate_hz: float = RATE_HZ) -> Psd:
    welch = WelchPsd(n_fft=n_fft, sample_rate_hz=rate_hz, sample_format="cf32_le")
    welch.add(iq)
    return welch.result()


def item(freq_hz: float = 942.3e6, *, level_dbfs: float = -20.0, noise: float = -104.0, waveform=None, **more) -> SceneItem:
    given_values = {"name": "it", "waveform": waveform or Tone(), "freq_hz": freq_hz, "bandwidth_hz": 1e3}
    return SceneItem(**{**given_values, "cn0_dbhz": level_dbfs - noise, **more})


def peak_hz(psd: Psd) -> float:
    """Frequency of the strongest tone, by the parabola through the logarithms of three bins."""
    k = int(psd.mean.argmax())
    a, b, c = np.log(psd.mean[k - 1 : k + 2].astype(np.float64))
    return CENTER_HZ + (k - psd.n_fft // 2 + 0.5 * (a - c) / (a - 2 * b + c)) * psd.bin_hz


def test_the_noise_has_the_density_asked():
    psd = spectrum(heard(Scene(items=(), noise_dbfs_hz=-97.0), duration_s=0.3))
    assert 10 * math.log10(float(psd.mean.mean())) == pytest.approx(-97.0, abs=0.03)


def test_a_carrier_stands_at_its_frequency_with_its_power():
    scene = Scene(items=(item(942.3e6, level_dbfs=-20.0),))
    psd = spectrum(heard(scene))
    assert peak_hz(psd) == pytest.approx(942.3e6, abs=10.0)
    assert 10 * math.log10(float(psd.mean.sum()) * psd.bin_hz - 10**-10.4 * RATE_HZ) == pytest.approx(-20.0, abs=0.02)


@pytest.mark.parametrize("ppm", [-50.0, 38.0])
def test_the_receivers_clock_moves_carriers_as_the_truth_says(ppm):
    scene = Scene(items=(item(942.3e6),), impairments=Impairments(ppm=ppm))
    [truth] = scene_truth(scene, center_freq_hz=CENTER_HZ, sample_rate_hz=RATE_HZ, duration_s=0.05)
    assert peak_hz(spectrum(heard(scene))) == pytest.approx(truth.freq_hz + truth.cfo_hz, abs=10.0)
    assert truth.cfo_hz == pytest.approx(-ppm * 1e-6 * 942.3e6, rel=1e-3)


@settings(max_examples=15, deadline=None)
@example(cuts=[2497, 2498])  # inside a ramp
@given(cuts=st.lists(st.integers(1, 23_999), max_size=6, unique=True))
def test_stretches_join_without_a_seam(cuts):
    scene = Scene(
        items=(
            item(waveform=Gmsk()),
            item(941.6e6, drift_hz_s=2e4),
            item(943.15e6, waveform=Ofdm(n_subcarriers=12), bandwidth_hz=195e3),  # over the edge
            item(941.2e6, keying=Keying(on_s=1e-3, period_s=3e-3)),
        ),
        impairments=Impairments(ppm=20.0, dc=0.01, gain_imbalance_db=0.2),
    )
    whole = heard(scene, start_s=2.0, duration_s=0.01)
    rng = np.random.default_rng(0)
    edges = [0, *sorted(cuts), 24_000]
    parts = [
        render(scene, center_freq_hz=CENTER_HZ, sample_rate_hz=RATE_HZ, start_s=2.0 + a / RATE_HZ, duration_s=(b - a) / RATE_HZ, rng=rng)
        for a, b in pairwise(edges)
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=2e-6)


def test_blocks_are_the_scene_and_the_last_one_is_shorter():
    scene = Scene(items=(item(),))
    made = list(
        blocks(scene, center_freq_hz=CENTER_HZ, sample_rate_hz=RATE_HZ, duration_s=0.025, block_s=0.01, rng=np.random.default_rng(0))
    )
    assert [block.size for block in made] == [24_000, 24_000, 12_000]
    np.testing.assert_allclose(np.concatenate(made), heard(scene, duration_s=0.025), atol=2e-6)


def test_a_keyed_carrier_is_on_when_the_truth_says_and_silent_otherwise():
    keying = Keying(on_s=2e-3, period_s=5e-3, first_s=1e-3, count=3)
    scene = Scene(items=(item(keying=keying, noise=SILENT, level_dbfs=-20.0),), noise_dbfs_hz=SILENT)
    level = np.abs(heard(scene, duration_s=0.03))
    truths = scene_truth(scene, center_freq_hz=CENTER_HZ, sample_rate_hz=RATE_HZ, duration_s=0.03)
    assert [(t.first_sample, t.n_samples) for t in truths] == [(2400, 4800), (14400, 4800), (26400, 4800)]
    on = np.zeros(level.size, bool)
    for truth in truths:
        on[truth.first_sample : truth.first_sample + truth.n_samples] = True
        flat = level[truth.first_sample + 60 : truth.first_sample + truth.n_samples - 60]
        np.testing.assert_allclose(flat, 0.1, rtol=1e-4)
    assert level[~on].max() < 1e-8


def test_keying_does_not_splatter():
    scene = Scene(items=(item(keying=Keying(on_s=1e-3, period_s=2e-3), noise=SILENT),), noise_dbfs_hz=SILENT)
    psd = spectrum(heard(scene))
    far = np.abs((np.arange(4096) - 2048) * psd.bin_hz - 300e3) > 400e3
    assert 10 * math.log10(float(psd.mean[far].max()) / float(psd.mean.max())) < -90


def test_a_drifting_carrier_is_where_its_drift_puts_it():
    scene = Scene(items=(item(942.1e6, drift_hz_s=1500.0),))
    for start_s in (0.0, 20.0, 59.0):
        psd = spectrum(heard(scene, start_s=start_s, duration_s=0.02))
        assert peak_hz(psd) == pytest.approx(942.1e6 + 1500.0 * (start_s + 0.01), abs=20.0)


def test_a_carrier_over_the_edge_is_cut_there_and_does_not_come_round():
    wave = Ofdm(n_subcarriers=72)
    edge_hz = CENTER_HZ + RATE_HZ / 2
    scene = Scene(items=(item(edge_hz, waveform=wave, bandwidth_hz=wave.bandwidth_hz, noise=SILENT, level_dbfs=0.0),), noise_dbfs_hz=SILENT)
    psd = spectrum(heard(scene, duration_s=0.1))
    offset = (np.arange(4096) - 2048) * psd.bin_hz
    inside = psd.mean[(offset > 0.75e6) & (offset < 1.1e6)]
    assert 10 * math.log10(float(inside.mean()) * wave.bandwidth_hz) == pytest.approx(0.0, abs=0.2)
    # the window's own main lobe reaches over the edge by two bins
    assert 10 * math.log10(float(psd.mean[4:][offset[4:] < 0.5e6].max()) / float(inside.mean())) < -60
    [truth] = scene_truth(scene, center_freq_hz=CENTER_HZ, sample_rate_hz=RATE_HZ, duration_s=0.1)
    assert (truth.cut_low, truth.cut_high, truth.upper_hz) == (False, True, edge_hz)


def test_the_skirts_of_a_carrier_near_the_edge_do_not_come_round():
    scene = Scene(
        items=(item(CENTER_HZ - 1.05e6, waveform=Gmsk(), bandwidth_hz=250e3, noise=SILENT, level_dbfs=0.0),), noise_dbfs_hz=SILENT
    )
    psd = spectrum(heard(scene, duration_s=0.1))
    assert 10 * math.log10(float(psd.mean[3500:-8].max()) / float(psd.mean.max())) < -90


@pytest.mark.parametrize("freq_hz", [939e6, 945e6, 1.8e9])
def test_a_carrier_outside_the_span_is_not_heard_and_has_no_truth(freq_hz):
    scene = Scene(items=(item(freq_hz, waveform=Gmsk(), bandwidth_hz=250e3, level_dbfs=0.0),))
    np.testing.assert_array_equal(heard(scene), heard(Scene(items=())))
    assert scene_truth(scene, center_freq_hz=CENTER_HZ, sample_rate_hz=RATE_HZ, duration_s=0.05) == ()


def test_the_demo_scene_holds_its_six_carriers_by_name_inside_the_span_and_never_clips():
    scene = demo.demo_scene()
    truths = scene_truth(scene, center_freq_hz=demo.CENTER_FREQ_HZ, sample_rate_hz=demo.SAMPLE_RATE_HZ, duration_s=demo.DURATION_S)
    assert {t.name for t in truths} == {one.name for one in scene.items}
    assert len({t.name for t in truths}) == 6
    assert not any(t.cut_low or t.cut_high for t in truths)
    assert [t.name for t in truths].count("intermittent carrier") == 5
    bands = sorted((t.lower_hz, t.upper_hz, t.name) for t in truths)
    for (_, upper, one), (lower, _, other) in pairwise(bands):
        assert one == other or upper < lower
    assert np.abs(heard(scene, start_s=3.0).view(np.float32)).max() < 0.5


def test_the_weak_carrier_of_the_demo_is_weak_but_there():
    psd = spectrum(heard(demo.demo_scene(), duration_s=0.5))
    [weak] = [one for one in demo.demo_scene().items if one.name == "weak carrier"]
    k = round((weak.freq_hz - CENTER_HZ) / psd.bin_hz) + 2048
    assert 1.5 < float(psd.mean[k - 1 : k + 2].max()) / float(np.median(psd.mean[k - 60 : k + 60])) < 6


def test_cn0_is_the_snr_over_the_bandwidth():
    assert cn0_dbhz(10.0, 200e3) == pytest.approx(63.0103, abs=1e-4)
    assert item(cn0_dbhz=63.0103, bandwidth_hz=200e3).snr_db == pytest.approx(10.0, abs=1e-4)


@pytest.mark.parametrize("values", [{"on_s": 0.0, "period_s": 1.0}, {"on_s": 2.0, "period_s": 1.0}, {"on_s": 1e-5, "period_s": 1.0}])
def test_impossible_keying_is_refused(values):
    with pytest.raises(ParameterError):
        Keying(**values)


def test_a_rate_of_0_is_refused():
    with pytest.raises(ParameterError):
        heard(Scene(items=()), rate_hz=0.0)
