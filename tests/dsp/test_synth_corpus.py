"""The corpus: the truth of every entry is in its samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsp.psd import WelchPsd
from dsp.synth.corpus import CorpusEntry, corpus
from dsp.synth.truth import Truth
from dsp.units import to_complex64

ENTRIES = {entry.name: entry for entry in corpus()}


@pytest.fixture(scope="module")
def recordings_made() -> dict[str, np.ndarray]:
    made = {name: np.concatenate(list(entry.samples())) for name, entry in ENTRIES.items()}
    for samples in made.values():
        samples.flags.writeable = False
    return made


def band_power(entry: CorpusEntry, samples: np.ndarray, truth: Truth) -> float:
    """Power in the band and time of ``truth``, the noise taken off."""
    iq = to_complex64(samples, entry.sample_format)[truth.first_sample : truth.first_sample + truth.n_samples]
    welch = WelchPsd(n_fft=1024, sample_rate_hz=entry.sample_rate_hz, sample_format="cf32_le")
    welch.add(iq)
    psd = welch.result()
    freq_hz = entry.center_freq_hz + (np.arange(1024) - 512) * psd.bin_hz
    inside = (freq_hz > truth.lower_hz - 3 * psd.bin_hz) & (freq_hz < truth.upper_hz + 3 * psd.bin_hz)
    steps = {"cu8": 127.5, "ci8": 128.0, "ci16_le": 32768.0}.get(entry.sample_format, math.inf)
    noise = 10 ** (entry.scene.noise_dbfs_hz / 10) + 2 / 12 / steps**2 / entry.sample_rate_hz
    return float((psd.mean[inside] - noise).sum()) * psd.bin_hz


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.truth()])
def test_every_carrier_is_in_the_samples_with_its_power(name, recordings_made):
    entry = ENTRIES[name]
    for truth in entry.truth():
        if truth.name == "weak carrier" or truth.cut_high:
            continue  # measured by tests of their own
        measured_db = 10 * math.log10(band_power(entry, recordings_made[name], truth))
        assert measured_db == pytest.approx(truth.power_dbfs, abs=0.4), truth


def test_the_length_and_type_are_those_stated(recordings_made):
    for name, entry in ENTRIES.items():
        per_sample = 1 if entry.sample_format == "cf32_le" else 2
        assert recordings_made[name].size == round(entry.duration_s * entry.sample_rate_hz) * per_sample
        for truth in entry.truth():
            assert 0 <= truth.first_sample < truth.first_sample + truth.n_samples <= round(entry.duration_s * entry.sample_rate_hz)


def test_the_cut_carrier_is_cut_at_the_span():
    [truth] = ENTRIES["cut_796M_2.4M"].truth()
    assert (truth.cut_high, truth.upper_hz) == (True, 797.2e6)


def test_the_image_of_the_impaired_receiver_is_where_and_as_weak_as_its_faults_make_it(recordings_made):
    entry = ENTRIES["impaired_948M_2.4M"]
    [truth] = entry.truth()
    samples = recordings_made[entry.name]
    mirrored = Truth(
        **{
            **{f: getattr(truth, f) for f in truth.__slots__},
            "lower_hz": 2 * 948e6 - truth.upper_hz,
            "upper_hz": 2 * 948e6 - truth.lower_hz,
        }
    )
    ratio = band_power(entry, samples, mirrored) / band_power(entry, samples, truth)
    assert 10 * math.log10(ratio) == pytest.approx(entry.scene.impairments.image_db, abs=0.3)


def test_the_empty_recording_has_no_truth_and_no_clipping(recordings_made):
    assert ENTRIES["noise_900M_2.4M"].truth() == ()
    welch = WelchPsd(n_fft=1024, sample_rate_hz=2.4e6, sample_format="cu8")
    welch.add(recordings_made["noise_900M_2.4M"])
    assert welch.result().clipped_fraction == 0.0
