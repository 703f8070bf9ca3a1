"""Every LTE annotation of the recordings comes out of find_cells, and nothing else is called identified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dsp.lte.search import find_cells
from dsp.lte.types import LteCell
from dsp.synth.lte_channel import add_path, interpolator
from dsp.units import SampleFormat, to_complex64

CELLS = [
    "lte_enb_pci305_75rb",
    "lte_enb_pci411_25rb",
    "lte_enb_pci77_6rb",
    "lte_ota_1815.3M_19.2M_hackrf",
    "lte_ota_1860M_1.92M_rtlsdr",
    "lte_ota_50rb_1.92M_srs",
    "lte_ota_6rb_1.92M_srs",
    "lte_ota_796M_1.92M_rtlsdr",
    "lte_ota_796M_19.2M_hackrf",
    "lte_tdd_ota_1890M_1.92M_rtlsdr",
]
NO_CELLS = [
    "adsb_1090M_2M",
    "gsm_3cells_941.2M_2.4M",
    "gsm_bts_metfone_arfcn90",
    "gsm_bts_two_cells_944.4M",
    "gsm_ota_953.6M_1M",
    "ism_elektromaten",
    "lte_none_801M_1.92M_rtlsdr",
    "lte_none_821M_1.92M_rtlsdr",
    "lte_none_noise_1.92M",
]
STORED: dict[str, npt.DTypeLike] = {"cu8": np.uint8, "ci8": np.int8, "ci16_le": "<i2", "cf32_le": "<c8"}
DWELL_S = 0.08
IQ = npt.NDArray[np.complex64]


def load(recordings: Path, name: str, *, first_s: float = 0.0) -> tuple[IQ, float, float | None, list[dict[str, Any]]]:
    meta = json.loads((recordings / f"{name}.sigmf-meta").read_text())
    kind: SampleFormat = meta["global"]["core:datatype"]
    rate = float(meta["global"]["core:sample_rate"])
    iq = to_complex64(np.fromfile(recordings / f"{name}.sigmf-data", dtype=STORED[kind]), kind)
    part = iq[round(first_s * rate) : round((first_s + DWELL_S) * rate)]
    part.setflags(write=False)
    return part, rate, meta["captures"][0].get("core:frequency"), [a for a in meta["annotations"] if a.get("truth:rat") == "lte"]


def emissions(truths: list[dict[str, Any]], centre: float | None) -> list[tuple[float, float]]:
    """The emission as a detector gives it: the carrier's occupied width, a raster step and a half off."""
    first = truths[0]
    offset = 0.0 if centre is None else first["truth:freq_hz"] - centre
    half = first["truth:n_rb"] * 90e3
    return [(offset - half - 20e3, offset + half + 60e3)]


def identified(cells: tuple[LteCell, ...]) -> list[LteCell]:
    return [cell for cell in cells if cell.status == "identified"]


def check(cells: tuple[LteCell, ...], truths: list[dict[str, Any]], *, shift_hz: float = 0.0) -> None:
    known = {t["truth:pci"]: t for t in truths}
    wanted = {pci for pci, t in known.items() if not t.get("truth:optional")}
    said = identified(cells)
    assert wanted <= {cell.pci for cell in said} <= set(known)
    assert len({cell.pci for cell in said}) == len(said)
    for cell in said:
        truth = known[cell.pci]
        assert (cell.n_rb, cell.ports, cell.duplex, cell.cp) == (truth["truth:n_rb"], truth["truth:ports"], truth["truth:duplex"], "normal")
        if "truth:cfo_hz" in truth:
            assert cell.freq_hz is not None
            assert cell.freq_hz + cell.cfo_hz == pytest.approx(truth["truth:freq_hz"] + truth["truth:cfo_hz"] + shift_hz, abs=500.0)
            if not cell.raster_ambiguous:
                assert cell.cfo_hz == pytest.approx(truth["truth:cfo_hz"] + shift_hz, abs=500.0)


@pytest.mark.parametrize("name", CELLS)
def test_every_annotated_cell_comes_out_and_no_other(recordings: Path, name: str) -> None:
    iq, rate, centre, truths = load(recordings, name)
    check(find_cells(iq, sample_rate_hz=rate, center_freq_hz=centre, carriers=emissions(truths, centre)), truths)


@pytest.mark.parametrize("name", ["lte_ota_1860M_1.92M_rtlsdr", "lte_tdd_ota_1890M_1.92M_rtlsdr"])
@pytest.mark.parametrize("first_s", [0.31, 0.77])
def test_so_they_do_later_in_the_recording(recordings: Path, name: str, first_s: float) -> None:
    iq, rate, centre, truths = load(recordings, name, first_s=first_s)
    check(find_cells(iq, sample_rate_hz=rate, center_freq_hz=centre), truths)


@pytest.mark.parametrize("name", NO_CELLS)
def test_recordings_without_a_cell_give_none(recordings: Path, name: str) -> None:
    iq, rate, centre, truths = load(recordings, name)
    assert truths == []
    assert identified(find_cells(iq, sample_rate_hz=rate, center_freq_hz=centre)) == []


@pytest.mark.parametrize("name", ["lte_ota_796M_1.92M_rtlsdr", "lte_tdd_ota_1890M_1.92M_rtlsdr"])
def test_a_shift_by_37_khz_moves_the_offset_and_makes_no_second_cell(recordings: Path, name: str) -> None:
    iq, rate, centre, truths = load(recordings, name)
    shifted = iq * np.exp(2j * np.pi * 37e3 / rate * np.arange(iq.size)).astype(np.complex64)
    cells = find_cells(shifted, sample_rate_hz=rate, center_freq_hz=centre)
    check(cells, truths, shift_hz=37e3)
    assert len(identified(cells)) == 1


@pytest.mark.parametrize("ppm", [-60.0, 60.0])
@pytest.mark.parametrize("name", ["lte_ota_796M_1.92M_rtlsdr", "lte_ota_1860M_1.92M_rtlsdr", "lte_tdd_ota_1890M_1.92M_rtlsdr"])
def test_another_rate_another_clock_eight_bits_and_a_dc_spike_change_nothing(recordings: Path, name: str, ppm: float) -> None:
    iq, rate, centre, truths = load(recordings, name)
    assert centre is not None
    heard = as_a_dongle_hears(iq, rate, centre, ppm)
    cells = find_cells(heard, sample_rate_hz=2.4e6, center_freq_hz=centre)
    check(cells, truths, shift_hz=-ppm * 1e-6 * centre)


def as_a_dongle_hears(iq: IQ, rate: float, centre: float, ppm: float) -> IQ:
    """The recording at 2.4 MS/s by a receiver whose both clocks are ``ppm`` fast against the first, in 8 bits, with a DC spike."""
    step = rate / (2.4e6 * (1 + ppm * 1e-6))
    count = int((iq.size - 200) / step)
    table = interpolator(pass_hz=0.85e6, stop_hz=0.96e6, rate_hz=rate)
    out = np.zeros(count, dtype=np.complex64)
    add_path(out, np.ascontiguousarray(iq), table, (100.0, step), np.ones(4, np.complex64), (0.0, 0.0))
    out *= np.exp(-2j * np.pi * ppm * 1e-6 * centre / 2.4e6 * np.arange(count)).astype(np.complex64)
    flat = out.view(np.float32) / np.float32(4 * np.sqrt(np.mean(np.abs(out) ** 2))) + np.float32(0.06)
    return to_complex64(np.clip(np.round(flat * 127.5 + 127.5), 0, 255).astype(np.uint8), "cu8")
