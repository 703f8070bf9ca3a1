"""SIB1 of cells wider than the dongle, found by the scan plan from a stream of 2.4 MS/s through unmodified pyrtlsdr."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsp.synth.lte import FFT_SIZES, LteDownlink
from dsp.synth.lte_channel import Reception
from dsp.synth.lte_grid import LteCellDescription
from dsp.synth.lte_sib1 import Sib1Description, Sib1Transmission, sib1_octets

Band = Callable[..., Any]
FREQ_HZ = 785.5e6


def wide_cell(folder: Path, n_rb: int, start: int) -> str:
    """Write 80 ms of a cell of Cambodia, SIB1 in six blocks from ``start`` on; return the scene's line."""
    said = Sib1Description(plmns=(("456", "06"),), tac=1207, ci=(44031 << 8) + 1, band=28)
    cell = LteCellDescription(pci=77, n_rb=n_rb, n_ports=2, sib1=Sib1Transmission(octets=sib1_octets(said), start=start, length=6))
    rate_hz = FFT_SIZES[n_rb] * 15e3
    made = LteDownlink(cell, Reception(re_power=1 / (12 * n_rb)), sample_rate_hz=rate_hz, seed=5)
    flat = np.concatenate(list(made.frames(8))).view(np.float32)
    path = folder / f"lte{n_rb}.ci8"
    np.clip(np.round(flat * (96.0 / np.abs(flat).max())), -127, 127).astype(np.int8).tofile(path)
    return f"source file={path} format=ci8 rate={rate_hz!r} freq={FREQ_HZ} level_db=-35"


def lte_cells(said: str) -> list[dict[str, Any]]:
    return [one for one in map(json.loads, said.splitlines()) if one["kind"] == "lte_cell" and one["status"] == "identified"]


@pytest.mark.parametrize(("n_rb", "start"), [(50, 0), (50, 44), (100, 62)])
def test_the_scan_plan_finds_the_operator_of_a_carrier_wider_than_the_dongle(band: Band, tmp_path: Path, n_rb: int, start: int) -> None:
    # 439 Hz: the steps of a real tuner here
    station = band(
        "ppm 23.4", "pll_step_hz 439.453125", "noise_dbfs_hz -130", "dc 0.01 0.01", wide_cell(tmp_path, n_rb, start), scene=False
    )
    done = station.run("scan", "--band", "774-797", "--once", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = lte_cells(done.stdout)
    assert (found["freq_hz"], found["pci"], found["n_rb"]) == (FREQ_HZ, 77, n_rb)
    assert (found["sib1_status"], found["mcc"], found["mnc"], found["tac"], found["enb"]) == ("decoded", "456", "06", 1207, 44031)
    assert found["sib1_prb"] == {"start": start, "length": 6}


def test_a_base_station_on_the_air_is_read_through_the_dongle(band: Band, recordings: Path) -> None:
    wide = recordings / "lte_ota_796M_19.2M_hackrf"
    truth = next(one for one in json.loads(wide.with_name(wide.name + ".sigmf-meta").read_text())["annotations"])
    line = f"source file={wide}.sigmf-data format=ci8 rate=19200000 freq=796000000 level_db=-32"
    station = band("ppm -14", "noise_dbfs_hz -150", "dc 0.01 0.01", line, scene=False)
    # the recording's own noise fills its 19 MHz: what the sweep sees is not the carrier alone
    done = station.run("scan", "--band", "786-806", "--once", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = lte_cells(done.stdout)
    assert (found["freq_hz"], found["pci"], found["n_rb"]) == (796e6, truth["truth:pci"], truth["truth:n_rb"])
    assert (found["mcc"], found["mnc"], found["tac"], found["ci"]) == tuple(truth[f"truth:{name}"] for name in ("mcc", "mnc", "tac", "ci"))
    assert found["sib1_hex"] == truth["truth:sib1_hex"]
