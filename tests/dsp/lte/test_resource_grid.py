"""Places of reference signals and PBCH, and the precoding, against the figures and matrices of TS 36.211."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.lte.params import cp_lengths, pss_places, sss_places, symbol_starts
from dsp.lte.resource_grid import crs_shift, crs_subcarriers, crs_symbols, pbch_elements, transmit_diversity

PCIS = st.integers(0, 503)


@pytest.mark.parametrize(("cp", "second"), [("normal", 4), ("extended", 3)])
def test_reference_signals_of_pci_0_lie_as_in_the_standards_figure(cp: str, second: int) -> None:
    """TS 36.211 figures 6.10.1.2-1 and 6.10.1.2-2: R0 to R3 of the first block, even and odd slot."""
    figure = {
        (0, 0, 0): 0, (0, 0, second): 3, (0, 1, 0): 0, (0, 1, second): 3,
        (1, 0, 0): 3, (1, 0, second): 0, (1, 1, 0): 3, (1, 1, second): 0,
        (2, 0, 1): 0, (2, 1, 1): 3,
        (3, 0, 1): 3, (3, 1, 1): 0,
    }  # fmt: skip
    ours = {
        (port, slot, symbol): crs_shift(port, slot=slot, symbol=symbol, pci=0)
        for port in range(4)
        for slot in (0, 1)
        for symbol in crs_symbols(port, cp)  # type: ignore[arg-type]
    }
    assert ours == figure


@given(pci=PCIS, slot=st.integers(0, 19))
def test_no_two_ports_share_an_element(pci: int, slot: int) -> None:
    for a, b in combinations(range(4), 2):
        for symbol in set(crs_symbols(a, "normal")) & set(crs_symbols(b, "normal")):
            first = crs_subcarriers(a, slot=slot, symbol=symbol, pci=pci)
            second = crs_subcarriers(b, slot=slot, symbol=symbol, pci=pci)
            assert not set(first) & set(second)
            assert len(first) == 12
            assert max(first) < 72


@given(pci=PCIS)
def test_pbch_leaves_the_places_of_four_ports_free_and_fills_the_rest_in_order(pci: int) -> None:
    for cp, count, with_references in (("normal", 240, (0, 1)), ("extended", 216, (0, 1, 3))):
        symbols, subcarriers = pbch_elements(pci, cp)
        assert symbols.size == count
        assert np.all(np.diff(symbols * 72 + subcarriers) > 0)
        taken = set(zip(symbols.tolist(), subcarriers.tolist(), strict=True))
        for port in range(4):
            for symbol in crs_symbols(port, cp):  # type: ignore[arg-type]
                references = crs_subcarriers(port, slot=1, symbol=symbol, pci=pci)
                assert not taken & {(symbol, int(k)) for k in references}
        assert {s for s in range(4) if sum(t[0] == s for t in taken) == 48} == set(with_references)


def standards_precoder(x: np.ndarray, n_ports: int) -> np.ndarray:
    """TS 36.211 cl. 6.3.4.3: the matrices applied to real and imaginary parts of the layers of cl. 6.3.3.3."""
    if n_ports == 2:
        rows = [[1, 0, 1j, 0], [0, -1, 0, 1j], [0, 1, 0, 1j], [1, 0, -1j, 0]]
    else:
        rows = np.zeros((16, 8), dtype=complex).tolist()
        for row, (re, im, sign_re, sign_im) in {
            0: (0, 4, 1, 1j), 2: (1, 5, -1, 1j), 4: (1, 5, 1, 1j), 6: (0, 4, 1, -1j),
            9: (2, 6, 1, 1j), 11: (3, 7, -1, 1j), 13: (3, 7, 1, 1j), 15: (2, 6, 1, -1j),
        }.items():  # fmt: skip
            rows[row][re], rows[row][im] = sign_re, sign_im
    layers = x.reshape(-1, n_ports).T
    y = np.array(rows) @ np.concatenate([layers.real, layers.imag]) / np.sqrt(2)
    return np.asarray(y.T.reshape(-1, n_ports).T)


@pytest.mark.parametrize("n_ports", [2, 4])
def test_transmit_diversity_is_the_matrix_of_the_standard(n_ports: int) -> None:
    rng = np.random.default_rng(1)
    x = (rng.normal(size=240) + 1j * rng.normal(size=240)).astype(np.complex64)
    assert np.allclose(transmit_diversity(x, n_ports=n_ports), standards_precoder(x, n_ports), atol=1e-6)


@pytest.mark.parametrize("n_ports", [1, 2, 4])
def test_transmit_diversity_spends_the_same_power_whatever_the_number_of_ports(n_ports: int) -> None:
    x = np.exp(1j * np.arange(240)).astype(np.complex64)
    assert np.sum(np.abs(transmit_diversity(x, n_ports=n_ports)) ** 2) == pytest.approx(240, rel=1e-5)


def test_symbols_that_do_not_divide_among_the_ports_are_refused() -> None:
    with pytest.raises(ParameterError, match="multiple of 4"):
        transmit_diversity(np.ones(6, dtype=np.complex64), n_ports=4)
    with pytest.raises(ParameterError, match="1, 2 or 4"):
        transmit_diversity(np.ones(6, dtype=np.complex64), n_ports=3)


@pytest.mark.parametrize("cp", ["normal", "extended"])
@pytest.mark.parametrize("n_fft", [128, 256, 512, 1024, 1536, 2048])
def test_a_slot_lasts_half_a_millisecond(cp: str, n_fft: int) -> None:
    lengths = cp_lengths(cp, n_fft=n_fft)  # type: ignore[arg-type]
    assert sum(lengths) + n_fft * len(lengths) == n_fft * 15 // 2
    starts = symbol_starts(cp, n_fft=n_fft)  # type: ignore[arg-type]
    assert starts[0] == lengths[0]
    assert starts[-1] + n_fft == n_fft * 15 // 2


def test_sss_comes_one_symbol_before_the_pss_in_fdd_and_three_in_tdd() -> None:
    for cp, n in (("normal", 7), ("extended", 6)):
        for duplex, distance in (("fdd", 1), ("tdd", 3)):
            for pss_at, sss_at in zip(pss_places(duplex, cp), sss_places(duplex, cp), strict=True):  # type: ignore[arg-type]
                assert (pss_at[0] * n + pss_at[1]) - (sss_at[0] * n + sss_at[1]) == distance
