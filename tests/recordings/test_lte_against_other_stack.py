"""The synthetic downlink against recordings made by srsRAN, element by element; docs/explanation/lte-judges.md says what they leave out."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dsp.lte import bch
from dsp.lte.resource_grid import pbch_elements
from dsp.synth.lte import FFT_SIZES, LteCellDescription, demodulate_frame, modulate_frame
from dsp.synth.lte_grid import PBCH, REFERENCE, RESERVED, SYNC, centre_subcarrier, frame_grid, roles
from dsp.types import ComplexArray
from dsp.units import to_complex64

EVM_LIMIT = 0.12
N_FRAMES = 8
MADE_BY_SRSRAN = ("lte_enb_pci77_6rb", "lte_enb_pci411_25rb", "lte_enb_pci305_75rb")


def load(recordings: Path, name: str) -> tuple[ComplexArray, LteCellDescription]:
    """The samples, and the cell as its annotation describes it."""
    meta = json.loads((recordings / f"{name}.sigmf-meta").read_text())
    truth = meta["annotations"][0]
    raw = np.fromfile(recordings / f"{name}.sigmf-data", dtype=np.int8)
    cell = LteCellDescription(
        pci=truth["truth:pci"], n_rb=truth["truth:n_rb"], n_ports=truth["truth:ports"], load=0.0, sync_on_all_ports=True
    )
    assert meta["global"]["core:sample_rate"] == FFT_SIZES[cell.n_rb] * 15e3
    return to_complex64(raw, "ci8"), cell


def grid_of(cell: LteCellDescription, frame: int) -> ComplexArray:
    return frame_grid(cell, frame, rng=np.random.default_rng(0))


def received_grids(samples: ComplexArray, cell: LteCellDescription) -> list[ComplexArray]:
    """The grids of the frames, found by correlation with a synthetic frame; the carrier offset taken from one frame to the next."""
    n_fft = FFT_SIZES[cell.n_rb]
    length = n_fft * 150
    template = np.sum([modulate_frame(port, cp=cell.cp, n_fft=n_fft) for port in grid_of(cell, 0)], axis=0)
    spectrum = np.fft.fft(samples[: 2 * length]) * np.conj(np.fft.fft(template, 2 * length))
    start = int(np.abs(np.fft.ifft(spectrum)[:length]).argmax())
    ends = [np.vdot(template, samples[start + f * length :][:length]) for f in range(N_FRAMES)]
    turn = np.angle(sum(b * np.conj(a) for a, b in pairwise(ends))) / length
    turned = samples * np.exp(-1j * turn * np.arange(samples.size))
    return [demodulate_frame(turned[start + f * length :], cp=cell.cp, n_rb=cell.n_rb, n_fft=n_fft) for f in range(N_FRAMES)]


def port_gains(grids: list[ComplexArray], cell: LteCellDescription) -> ComplexArray:
    """One complex gain per port, by least squares over the reference signals of all frames (which are the same in each)."""
    at = roles(cell) == REFERENCE
    sent = grid_of(cell, 0)[:, at].T
    heard = np.concatenate([grid[at] for grid in grids])
    gains: ComplexArray = np.linalg.lstsq(np.tile(sent, (len(grids), 1)), heard, rcond=None)[0]
    return gains


def broadcast(grids: list[ComplexArray], gains: ComplexArray, cell: LteCellDescription) -> list[bch.BchDecode]:
    """The block of every run of four frames that holds one."""
    symbols, subcarriers = pbch_elements(cell.pci, cell.cp)
    rows = []
    for grid in grids:
        heard = grid[7 + symbols, centre_subcarrier(cell.n_rb) + subcarriers]
        even, odd = heard[0::2], heard[1::2]
        other = gains[1] if cell.n_ports == 2 else 0.0
        out = np.empty(heard.size, dtype=np.complex64)
        out[0::2] = np.conj(gains[0]) * even + other * np.conj(odd)
        out[1::2] = np.conj(gains[0]) * odd - other * np.conj(even)
        rows.append(out.view(np.float32))
    blocks = [bch.decode(np.array(rows[f : f + 4]), pci=cell.pci, cp=cell.cp, quarter=0) for f in range(len(rows) - 3)]
    return [replace(block, quarter=f) for f, block in enumerate(blocks) if block is not None]


def evm(received: ComplexArray, expected: ComplexArray) -> float:
    return float(np.sqrt(np.mean(np.abs(received - expected) ** 2) / np.mean(np.abs(expected) ** 2)))


@pytest.mark.parametrize("name", MADE_BY_SRSRAN)
def test_every_known_element_is_where_and_what_srsran_sends(recordings: Path, name: str) -> None:
    samples, cell = load(recordings, name)
    grids = received_grids(samples, cell)
    gains = port_gains(grids, cell)
    blocks = broadcast(grids, gains, cell)
    assert len(blocks) >= 1
    first = blocks[0]
    assert (first.mib.n_rb, first.n_ports) == (cell.n_rb, cell.n_ports)
    assert first.margin > 12.0
    assert all(block.mib.sfn - block.quarter == first.mib.sfn - first.quarter for block in blocks)

    same = replace(
        cell,
        phich_duration=first.mib.phich_duration,
        phich_resource=first.mib.phich_resource,
        first_sfn=(first.mib.sfn - first.quarter) % 1024,
        spare=first.mib.spare,
    )
    n_fft = FFT_SIZES[cell.n_rb]
    errors: dict[int, list[float]] = {SYNC: [], REFERENCE: [], PBCH: []}
    for frame, received in enumerate(grids):
        ports = [modulate_frame(port, cp=cell.cp, n_fft=n_fft) for port in grid_of(same, frame)]
        ours = demodulate_frame(np.tensordot(gains, ports, 1), cp=cell.cp, n_rb=cell.n_rb, n_fft=n_fft)
        for role in errors:
            at = roles(cell) == role
            errors[role].append(evm(received[at], ours[at]))
    print(name, {role: f"{max(values):.3f}" for role, values in errors.items()})
    assert max(max(values) for values in errors.values()) <= EVM_LIMIT


@pytest.mark.parametrize("name", MADE_BY_SRSRAN)
def test_elements_kept_empty_are_empty_in_srsrans_signal(recordings: Path, name: str) -> None:
    samples, cell = load(recordings, name)
    grids = received_grids(samples, cell)
    role = roles(cell)
    empty = np.mean([np.mean(np.abs(grid[role == RESERVED]) ** 2) for grid in grids])
    filled = np.mean([np.mean(np.abs(grid[role == SYNC]) ** 2) for grid in grids])
    assert empty < 0.02 * filled


@pytest.mark.parametrize("change", [{"pci": 78}, {"pci": 77 + 6}, {"n_ports": 2}])
def test_a_cell_that_differs_in_one_thing_does_not_match(recordings: Path, change: dict[str, int]) -> None:
    samples, cell = load(recordings, "lte_enb_pci77_6rb")
    grids = received_grids(samples, cell)
    wrong = replace(cell, **change)  # type: ignore[arg-type]
    gains = port_gains(grids, wrong)
    at: npt.NDArray[np.bool_] = roles(wrong) == REFERENCE
    assert evm(grids[0][at], np.tensordot(gains, grid_of(wrong, 0)[:, at], 1)) > 2 * EVM_LIMIT


def over_the_air_tdd(recordings: Path) -> ComplexArray:
    """Three frames' length of a TDD network on the air, its annotated offset taken off."""
    meta = json.loads((recordings / "lte_tdd_ota_1890M_1.92M_rtlsdr.sigmf-meta").read_text())
    raw = np.fromfile(recordings / "lte_tdd_ota_1890M_1.92M_rtlsdr.sigmf-data", dtype=np.uint8, count=2 * 3 * 19_200)
    samples = to_complex64(raw, "cu8")
    samples -= samples.mean()
    cfo_hz = meta["annotations"][0]["truth:cfo_hz"]
    samples *= np.exp(-2j * np.pi * cfo_hz / 1.92e6 * np.arange(samples.size)).astype(np.complex64)
    return samples


def likeness(samples: ComplexArray, cell: LteCellDescription) -> dict[int, list[float]]:
    """How alike each symbol's PSS or SSS, or one port's references, are to what is heard in subframes 0 and 5 and DwPTS: 0 to 1."""
    sent, role = grid_of(cell, 0), roles(cell)
    per_subframe = sent.shape[1] // 10
    always = [s for subframe in (0, 5) for s in range(subframe * per_subframe, (subframe + 1) * per_subframe + 3)]
    known = np.zeros_like(sent)
    known[:, always] = np.where((role == SYNC) | (role == REFERENCE), sent, 0)[:, always]
    template = np.fft.fft(modulate_frame(known[0], cp=cell.cp, n_fft=128), samples.size)
    start = int(np.abs(np.fft.ifft(np.fft.fft(samples) * np.conj(template)))[:19_200].argmax())
    heard = demodulate_frame(samples[start : start + 19_200], cp=cell.cp, n_rb=6, n_fft=128)
    out: dict[int, list[float]] = {SYNC: [], REFERENCE: []}
    for symbol in always:
        for kind, ports in ((SYNC, known[:1]), (REFERENCE, known)):
            for port in ports:
                at = (role[symbol] == kind) & (port[symbol] != 0)
                if at.any():
                    a, b = heard[symbol, at], port[symbol, at]
                    out[kind].append(float(np.abs(np.vdot(b, a)) ** 2 / (np.vdot(a, a).real * np.vdot(b, b).real)))
    return out


def test_a_tdd_network_on_the_air_has_its_known_elements_where_the_synthetic_cell_has_them(recordings: Path) -> None:
    """Two ports, PCI 253, normal prefix; a radio channel lies between, so likeness stays below 1."""
    cell = LteCellDescription(pci=253, n_rb=6, n_ports=2, duplex="tdd", load=0.0)
    samples = over_the_air_tdd(recordings)
    right = likeness(samples, cell)
    assert len(right[SYNC]) == 4
    assert min(right[SYNC]) > 0.7
    assert np.mean(right[REFERENCE]) > 0.7
    for wrong in (replace(cell, duplex="fdd"), replace(cell, cp="extended")):
        other = likeness(samples, wrong)
        assert min(other[SYNC]) < 0.2  # the PSS alone is found
        assert np.mean(other[REFERENCE]) < 0.3
