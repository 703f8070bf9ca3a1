"""Real and recorded signals, one default setting for all: the annotations are the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsp.detection import DetectionSettings, choose_n_fft
from dsp.emissions import detect
from dsp.noise_floor import estimate_floor
from dsp.psd import WelchPsd
from dsp.types import Detections, NoiseFloor

SETTINGS = DetectionSettings()
DTYPES = {"cu8": np.uint8, "ci8": np.int8, "ci16_le": np.int16, "cf32_le": np.float32}


@dataclass(frozen=True)
class Dwell:
    """One dwell of a recording, looked at."""

    detections: Detections
    floor: NoiseFloor
    center_hz: float

    def edges_mhz(self) -> list[tuple[float, float]]:
        return [((self.center_hz + e.lower_offset_hz) / 1e6, (self.center_hz + e.upper_offset_hz) / 1e6) for e in self.detections.emissions]


def look(folder: Path, name: str, *, dwell_s: float | None = None, n_fft: int | None = None, **options: float) -> Dwell:
    """Look at the first ``dwell_s`` (all: None) of the recording whose name begins with ``name``."""
    (meta_path,) = folder.glob(f"{name}*.sigmf-meta")
    meta: dict[str, Any] = json.loads(meta_path.read_text())
    sample_format, rate_hz = meta["global"]["core:datatype"], meta["global"]["core:sample_rate"]
    raw = np.fromfile(meta_path.with_suffix(".sigmf-data"), DTYPES[sample_format])
    n = raw.size // 2 if dwell_s is None else min(raw.size // 2, round(dwell_s * rate_hz))
    psd = WelchPsd(
        n_fft=n_fft or choose_n_fft(n),
        sample_rate_hz=rate_hz,
        sample_format=sample_format,
        overlap=SETTINGS.overlap,
        row_step_s=options.pop("row_step_s", SETTINGS.row_step_s),
    )
    psd.add(raw[: 2 * n])
    result = psd.result()
    floor = estimate_floor(result)
    return Dwell(detect(result, floor, **options), floor, meta["captures"][0].get("core:frequency", 0.0))


@pytest.mark.parametrize(("name", "bursts"), [("ism_elektromaten", 11), ("ism_enocean", 3), ("ism_homematic", 2)])
def test_bursts_of_three_remote_controls_are_counted_with_one_setting(recordings: Path, name: str, bursts: int) -> None:
    strongest = max(look(recordings, name).detections.emissions, key=lambda e: e.power)
    assert strongest.burst_count == bursts
    assert len(strongest.burst_times_s) == bursts


def test_aircraft_transponders_are_counted_in_fine_rows(recordings: Path) -> None:
    dwell = look(recordings, "adsb_1090M", n_fft=256, row_step_s=64e-6, merge_gap_s=1e-4)
    assert max(e.burst_count for e in dwell.detections.emissions) >= 60


def test_three_gsm_carriers_are_three_emissions_with_their_bandwidth(recordings: Path) -> None:
    dwell = look(recordings, "gsm_3cells", dwell_s=SETTINGS.dwell_s)
    emissions = dwell.detections.emissions
    # the receiver is 6588 Hz off (truth:cfo_hz)
    centres = [(dwell.center_hz + e.center_offset_hz + 6588) / 1e6 for e in emissions]
    np.testing.assert_allclose(centres, [941.0, 941.6, 942.2], atol=0.005)
    assert all(235e3 <= e.bandwidth_hz <= 255e3 for e in emissions)
    levels = [10 * np.log10(e.power / emissions[0].power) for e in emissions]
    np.testing.assert_allclose(levels, [0, -12, -25], atol=0.5)
    assert dwell.floor.source == "free_bins"


def test_every_dwell_of_the_three_gsm_carriers_gives_three(recordings: Path) -> None:
    for dwell_s in (0.05, 0.1, 1.0, 2.0):
        assert len(look(recordings, "gsm_3cells", dwell_s=dwell_s).detections.emissions) == 3, dwell_s


def test_two_gsm_cells_are_two_and_the_spike_between_is_marked(recordings: Path) -> None:
    dwell = look(recordings, "gsm_bts_two_cells", dwell_s=SETTINGS.dwell_s)
    assert [round(dwell.center_hz + e.center_offset_hz, -5) for e in dwell.detections.emissions] == [944.0e6, 944.8e6]
    assert [a.kind for a in dwell.detections.artefacts] == ["dc_spike"]


@pytest.mark.parametrize("name", ["gsm_ota_953.6M_500k", "gsm_bts_metfone", "gsm_bts_viettel"])
def test_one_gsm_carrier_that_nearly_fills_the_span_is_one(recordings: Path, name: str) -> None:
    assert len(look(recordings, name, dwell_s=SETTINGS.dwell_s).detections.emissions) == 1


def test_fading_notches_do_not_split_a_20_mhz_lte_carrier(recordings: Path) -> None:
    dwell = look(recordings, "lte_ota_1815.3M", dwell_s=SETTINGS.dwell_s)
    ((low, high),) = dwell.edges_mhz()
    assert low == pytest.approx(1806.3, abs=0.3)
    assert high == pytest.approx(1824.3, abs=0.3)
    assert {a.kind for a in dwell.detections.artefacts} >= {"dc_spike", "clipping"}


def test_neighbouring_lte_carriers_are_apart_and_the_cut_one_says_so(recordings: Path) -> None:
    dwell = look(recordings, "lte_ota_796M_19.2M", dwell_s=SETTINGS.dwell_s)
    edges = dwell.edges_mhz()
    (inner,) = [(low, high) for low, high in edges if abs(low - 791.5) < 0.6]
    assert inner[1] == pytest.approx(800.5, abs=0.6)
    last = dwell.detections.emissions[-1]
    assert edges[-1][0] == pytest.approx(801.5, abs=0.6)
    assert last.cut_high
    assert not last.cut_low


@pytest.mark.parametrize("name", ["lte_enb_pci77_6rb", "lte_ota_6rb_1.92M"])
def test_a_1_4_mhz_lte_carrier_occupies_1_08_mhz(recordings: Path, name: str) -> None:
    (emission,) = look(recordings, name, dwell_s=SETTINGS.dwell_s).detections.emissions
    assert emission.bandwidth_hz == pytest.approx(1.08e6, rel=0.05)


@pytest.mark.parametrize(("name", "width_mhz"), [("lte_enb_pci411_25rb", 4.5), ("lte_enb_pci305_75rb", 13.5)])
def test_wider_lte_carriers_are_one_each(recordings: Path, name: str, width_mhz: float) -> None:
    (emission,) = look(recordings, name, dwell_s=SETTINGS.dwell_s).detections.emissions
    assert emission.bandwidth_hz == pytest.approx(width_mhz * 1e6, rel=0.05)
    assert (emission.upper_offset_hz - emission.lower_offset_hz) == pytest.approx(width_mhz * 1e6, rel=0.06)


@pytest.mark.parametrize("name", ["lte_ota_1860M_1.92M", "lte_ota_796M_1.92M", "lte_tdd_ota_1890M_1.92M", "lte_ota_50rb_1.92M"])
def test_a_span_that_an_lte_carrier_fills_has_an_assumed_floor(recordings: Path, name: str) -> None:
    assert look(recordings, name, dwell_s=SETTINGS.dwell_s).floor.source == "assumed"


def test_receiver_noise_gives_its_spike_and_no_emission(recordings: Path) -> None:
    dwell = look(recordings, "lte_none_noise", dwell_s=SETTINGS.dwell_s)
    assert dwell.detections.emissions == ()
    assert [a.kind for a in dwell.detections.artefacts] == ["dc_spike"]


def test_a_clipping_receiver_is_marked(recordings: Path) -> None:
    dwell = look(recordings, "lte_none_801M", dwell_s=SETTINGS.dwell_s)
    assert "clipping" in [a.kind for a in dwell.detections.artefacts]
