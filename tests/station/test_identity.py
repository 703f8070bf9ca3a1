from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dsp.gsm.search
import dsp.lte.search
from config.settings import IdentitySection
from dsp.types import Detections, Emission, FloorSource, NoiseFloor, PpmEstimate, Psd
from station.analysis import Findings
from station.identity import GsmWatch, Heard, LteWatch, clock_of
from station.receiver import IQBlock

RATE_HZ = 2.4e6
DWELL = 600_000


def emission(lower_hz: float, upper_hz: float) -> Emission:
    return Emission(
        center_offset_hz=(lower_hz + upper_hz) / 2,
        lower_offset_hz=lower_hz,
        upper_offset_hz=upper_hz,
        bandwidth_hz=upper_hz - lower_hz,
        bandwidth_26db_hz=None,
        power=1e-3,
        peak_density=1e-8,
        mean_density=1e-8,
        floor_density=1e-10,
        snr_db=20.0,
        first_s=0.0,
        last_s=0.25,
        burst_count=1,
        duty=1.0,
        cut_low=False,
        cut_high=False,
    )


def findings(*emissions: Emission, dwell: int = 0, source: FloorSource = "free_bins", rate_hz: float = RATE_HZ) -> Findings:
    flat = np.full(4096, 1e-10, np.float32)
    psd = Psd(
        mean=flat,
        max_hold=flat,
        min_hold=flat,
        rows=np.empty((0, 4096), np.float32),
        row_step_s=0.0,
        row_averages=0,
        sample_rate_hz=rate_hz,
        n_fft=4096,
        n_averages=291,
        overlap=0.5,
        n_samples=DWELL,
        clipped_fraction=0.0,
        peak=0.5,
    )
    return Findings(
        first_sample=dwell * DWELL,
        psd=psd,
        floor=NoiseFloor(density=flat, source=source, free_fraction=1.0, uncertainty_db=0.1),
        detections=Detections(emissions=emissions, artefacts=(), sensitivities=(), false_alarm_probability=1e-6),
    )


def blocks(dwell: int = 0, *, rate_hz: float = RATE_HZ) -> list[IQBlock]:
    half = DWELL // 2
    return [
        IQBlock(
            samples=np.full(2 * half, 127, np.uint8),
            sample_format="cu8",
            sample_rate_hz=rate_hz,
            center_freq_hz=941e6,
            first_sample=dwell * DWELL + index * half,
        )
        for index in range(2)
    ]


@pytest.fixture
def lte_calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the LTE search is asked; it finds nothing."""
    calls: list[dict[str, Any]] = []

    def find_cells(iq: Any, **asked: Any) -> tuple[()]:
        calls.append({"n": iq.size, **asked})
        return ()

    monkeypatch.setattr(dsp.lte.search, "find_cells", find_cells)
    return calls


@pytest.fixture
def gsm_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many samples each GSM search was given; it finds nothing."""
    taken: list[int] = []

    class Search:
        def __init__(self, **_: Any) -> None:
            taken.append(0)

        def add(self, iq: Any) -> None:
            taken[-1] += iq.size

        def cells(self) -> tuple[()]:
            return ()

    monkeypatch.setattr(dsp.gsm.search, "GsmSearch", Search)
    return taken


def watch(
    one: GsmWatch | LteWatch, n_dwells: int, *emissions: Emission, source: FloorSource = "free_bins", rate_hz: float = RATE_HZ
) -> None:
    for dwell in range(n_dwells):
        one.wants_samples(dwell * 0.25, DWELL)
        one.dwell(blocks(dwell, rate_hz=rate_hz), findings(*emissions, dwell=dwell, source=source, rate_hz=rate_hz), (dwell + 1) * 0.25)


def test_a_span_with_nothing_in_it_is_searched_for_lte_once(lte_calls: list[dict[str, Any]]) -> None:
    watch(LteWatch(IdentitySection(), sample_rate_hz=RATE_HZ, center_freq_hz=941e6), 40)
    assert [(call["n"], call["carriers"]) for call in lte_calls] == [(384_000, None)]


def test_lte_carriers_are_searched_where_the_wide_emissions_are(lte_calls: list[dict[str, Any]]) -> None:
    wide, narrow = emission(-0.9e6, 0.2e6), emission(0.5e6, 0.7e6)
    watch(LteWatch(IdentitySection(), sample_rate_hz=RATE_HZ, center_freq_hz=941e6), 40, wide, narrow)
    assert [call["carriers"] for call in lte_calls] == [((-0.9e6, 0.2e6),)] * 3


@pytest.mark.parametrize(("source", "edges"), [("assumed", (-0.9e6, 0.2e6)), ("free_bins", (-1.15e6, 1.15e6))])
def test_the_tuned_centre_is_searched_where_a_carrier_may_fill_the_span(
    lte_calls: list[dict[str, Any]], source: FloorSource, edges: tuple[float, float]
) -> None:
    watch(LteWatch(IdentitySection(), sample_rate_hz=RATE_HZ, center_freq_hz=941e6), 2, emission(*edges), source=source)
    assert [call["carriers"] for call in lte_calls] == [None, None]


def test_a_rate_that_cannot_hold_an_lte_carrier_is_not_searched(lte_calls: list[dict[str, Any]]) -> None:
    one = LteWatch(IdentitySection(), sample_rate_hz=1.0e6, center_freq_hz=941e6)
    watch(one, 4, emission(-0.5e6, 0.5e6), source="assumed", rate_hz=1.0e6)
    assert lte_calls == []
    assert one.looked_s == 0.0


def test_a_gsm_look_takes_whole_dwells_until_it_has_its_seconds(gsm_calls: list[int]) -> None:
    one = GsmWatch(IdentitySection(gsm_look_s=1.0, tries=2), sample_rate_hz=RATE_HZ, center_freq_hz=941e6)
    watch(one, 16, emission(-0.3e6, -0.1e6))
    assert gsm_calls == [4 * DWELL, 4 * DWELL]
    assert one.looked_s == pytest.approx(2.0)


def test_a_gsm_look_that_the_recordings_end_cuts_short_is_concluded(gsm_calls: list[int]) -> None:
    one = GsmWatch(IdentitySection(), sample_rate_hz=RATE_HZ, center_freq_hz=941e6)
    watch(one, 3, emission(-0.3e6, -0.1e6))
    one.finish(0.75)
    assert gsm_calls == [3 * DWELL]
    assert one.looked_s == pytest.approx(0.75)


def test_gsm_is_not_looked_for_without_anything_as_wide(gsm_calls: list[int]) -> None:
    watch(GsmWatch(IdentitySection(), sample_rate_hz=RATE_HZ, center_freq_hz=941e6), 8, emission(0.0, 20e3), source="assumed")
    assert gsm_calls == []


def test_gsm_is_looked_for_in_a_narrow_span_that_it_may_fill(gsm_calls: list[int]) -> None:
    watch(GsmWatch(IdentitySection(), sample_rate_hz=400e3, center_freq_hz=941e6), 2, source="assumed", rate_hz=400e3)
    assert len(gsm_calls) == 1


@pytest.mark.parametrize(("center_hz", "searched"), [(None, 1), (796e6, 0), (941e6, 1), (433e6, 0), (1860e6, 1), (870e6, 1)])
def test_gsm_is_looked_for_where_its_bands_are(gsm_calls: list[int], center_hz: float | None, searched: int) -> None:
    watch(GsmWatch(IdentitySection(), sample_rate_hz=RATE_HZ, center_freq_hz=center_hz), 2, emission(-0.3e6, -0.1e6))
    assert len(gsm_calls) == searched


def test_what_is_switched_off_is_not_looked_for(gsm_calls: list[int], lte_calls: list[dict[str, Any]]) -> None:
    settings = IdentitySection(gsm=False, lte=False)
    for one in (
        GsmWatch(settings, sample_rate_hz=RATE_HZ, center_freq_hz=941e6),
        LteWatch(settings, sample_rate_hz=RATE_HZ, center_freq_hz=941e6),
    ):
        assert one.wants_samples(0.0, DWELL) == 0
        watch(one, 2, emission(-1.1e6, 1.1e6), source="assumed")
    assert gsm_calls == lte_calls == []


def test_no_more_samples_are_kept_than_a_look_needs() -> None:
    lte = LteWatch(IdentitySection(), sample_rate_hz=RATE_HZ, center_freq_hz=941e6)
    assert lte.wants_samples(0.0, DWELL) == 384_000
    assert lte.wants_samples(0.0, 1000) == 1000
    gsm = GsmWatch(IdentitySection(), sample_rate_hz=RATE_HZ, center_freq_hz=941e6)
    assert gsm.wants_samples(0.0, DWELL) == DWELL


def test_what_a_cell_says_of_the_clock_narrows_the_next_look_until_one_finds_nothing(
    lte_calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = LteWatch(IdentitySection(tries=5), sample_rate_hz=RATE_HZ, center_freq_hz=941e6)
    one.clock = PpmEstimate(ppm=23.4, sigma_ppm=0.5)
    watch(one, 3, emission(-0.9e6, 0.2e6))
    assert [call["ppm"] for call in lte_calls] == [PpmEstimate(ppm=23.4, sigma_ppm=0.5), None, None]


def cell(ppm: float | None, sigma: float | None, status: str = "identified") -> Heard:
    return Heard(cell=SimpleNamespace(status=status, ppm=ppm, ppm_sigma=sigma), first_sample=0)  # type: ignore[arg-type]


def test_the_surest_identified_cell_tells_the_clock_and_no_surer_than_it_can_stay() -> None:
    heard = [cell(30.0, 2.0), cell(23.4, 0.01), cell(99.0, 0.001, "synchronised"), cell(None, None)]
    assert clock_of(heard) == PpmEstimate(ppm=23.4, sigma_ppm=0.5)
    assert clock_of(heard[2:]) is None
    assert clock_of([]) is None
