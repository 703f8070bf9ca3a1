from __future__ import annotations

import numpy as np
import pytest

from config.band_plan import load_band_plan
from config.settings import AnalysisSection
from dsp.detection import choose_n_fft
from dsp.types import Artefact, NoiseFloor, Psd
from station.analysis import DwellAnalysis, Findings
from station.occupancy import LOOKS_PER_DWELL, OccupancyLog, thinned, without_artefacts

RATE_HZ = 2.4e6
DWELL = 240_000
PLAN = load_band_plan()


def dwell(*carriers: tuple[float, float], seed: int = 0) -> Findings:
    """A dwell of 100 ms of noise with carriers (offset in Hz, part of the dwell from its start that it is on)."""
    rng = np.random.default_rng(seed)
    samples = 0.03 * (rng.standard_normal(DWELL) + 1j * rng.standard_normal(DWELL))
    for offset_hz, part in carriers:
        on = round(part * DWELL)
        samples[:on] += 0.1 * np.exp(2j * np.pi * offset_hz / RATE_HZ * np.arange(on))
    analysis = DwellAnalysis(AnalysisSection(), sample_rate_hz=RATE_HZ, sample_format="cf32_le")
    analysis.begin(0, DWELL)
    analysis.add(samples.astype(np.complex64))
    return analysis.findings()


def log(center_hz: float | None = 941.2e6) -> OccupancyLog:
    return OccupancyLog(PLAN, center_freq_hz=center_hz, sample_rate_hz=RATE_HZ, n_fft=4096)


def test_a_channel_is_occupied_in_the_part_of_the_looks_that_show_something_in_it() -> None:
    observed = log()
    for seed in range(10):
        observed.add(dwell((-0.3e6, 1.0), (0.45e6, 0.5), seed=seed))
    (band,) = observed.take()
    fco = {round(center / 1e3): part for center, part in band.channels}
    assert band.band == "B8"
    assert (band.lower_freq_hz, band.upper_freq_hz, len(band.channels)) == (940e6, 942.4e6, 12)
    assert fco.pop(940_900) == 1.0
    assert fco.pop(941_700) == pytest.approx(0.5, abs=0.07)
    assert max(fco.values()) < 0.05
    assert band.sro == pytest.approx(1.5 / 12, abs=0.01)
    assert 0 < band.fbo < 0.01
    assert band.looks == 10 * LOOKS_PER_DWELL
    assert band.observed_s == pytest.approx(1.0)


def test_a_span_over_two_bands_gives_two_reports() -> None:
    observed = log(880.5e6)
    observed.add(dwell())
    assert [(band.band, round(band.lower_freq_hz / 1e5), round(band.upper_freq_hz / 1e5)) for band in observed.take()] == [
        ("B5", 8794, 8800),
        ("B8-UL", 8800, 8816),
    ]


@pytest.mark.parametrize("center_hz", [433e6, None])
def test_a_span_outside_every_band_is_counted_in_plain_channels(center_hz: float | None) -> None:
    observed = log(center_hz)
    observed.add(dwell((0.1e6, 1.0)))
    (band,) = observed.take()
    assert band.band is None
    assert [round((center - (center_hz or 0.0)) / 1e5) for center, part in band.channels if part > 0.5] == [1]


def test_what_was_taken_is_not_counted_again() -> None:
    observed = log()
    assert observed.take() == []
    observed.add(dwell((-0.3e6, 1.0)))
    observed.take()
    observed.add(dwell())
    (band,) = observed.take()
    assert band.sro < 0.02


def test_a_spike_of_the_receiver_does_not_occupy_its_channel() -> None:
    found = dwell((50e3, 1.0))
    spike = Artefact(kind="dc_spike", center_offset_hz=50e3, bandwidth_hz=3e3, power=1e-2)
    cleaned = without_artefacts(thinned(found.psd), found.floor, [spike])
    near = slice(2048 + 75, 2048 + 95)
    assert found.psd.mean[near].max() > 100 * found.floor.density[near].max()
    assert cleaned.mean[near].max() < 2 * found.floor.density[near].max()
    assert cleaned.rows[:, near].mean() < 2 * found.floor.density[near].max()
    assert cleaned.rows.shape[0] == LOOKS_PER_DWELL


def test_a_short_dwells_bins_may_be_wider_than_a_channel() -> None:
    n_fft = choose_n_fft(400)
    flat = np.full(n_fft, 1e-8, np.float32)
    psd = Psd(
        mean=flat,
        max_hold=flat,
        min_hold=flat,
        rows=np.empty((0, n_fft), np.float32),
        row_step_s=0.0,
        row_averages=0,
        sample_rate_hz=61.44e6,
        n_fft=n_fft,
        n_averages=2,
        overlap=0.5,
        n_samples=400,
        clipped_fraction=0.0,
        peak=0.5,
    )
    found = dwell()
    observed = OccupancyLog(PLAN, center_freq_hz=941.2e6, sample_rate_hz=61.44e6, n_fft=4096)
    observed.add(
        Findings(
            first_sample=0,
            psd=psd,
            floor=NoiseFloor(density=flat, source="assumed", free_fraction=0.0, uncertainty_db=1.0),
            detections=found.detections,
        )
    )
    assert [band.band for band in observed.take()] == []
