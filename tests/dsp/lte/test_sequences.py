"""PSS, SSS, Gold sequence and reference-signal values against their defining properties and a second way to make them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.lte.sequences import crs, gold, pss, split_pci, sss

PCIS = st.integers(0, 503)


def gold_bit_by_bit(c_init: int, length: int) -> list[int]:
    """TS 36.211 cl. 7.2 as it is written down."""
    x1, x2 = [1] + [0] * 30, [c_init >> i & 1 for i in range(31)]
    for n in range(1600 + length):
        x1.append((x1[n + 3] + x1[n]) % 2)
        x2.append((x2[n + 3] + x2[n + 2] + x2[n + 1] + x2[n]) % 2)
    return [(x1[n + 1600] + x2[n + 1600]) % 2 for n in range(length)]


@given(c_init=st.integers(0, 2**31 - 1), length=st.integers(0, 500))
def test_gold_sequence_is_the_recurrence_of_the_standard(c_init: int, length: int) -> None:
    assert gold(c_init, length=length).tolist() == gold_bit_by_bit(c_init, length)


@pytest.mark.parametrize(("n_id2", "root"), [(0, 25), (1, 29), (2, 34)])
def test_pss_is_a_zadoff_chu_sequence_without_its_middle(n_id2: int, root: int) -> None:
    n = np.arange(63)
    whole = np.exp(-1j * np.pi * root * n * (n + 1) / 63)
    assert np.allclose(pss(n_id2), np.delete(whole, 31), atol=1e-6)


def test_pss_of_n_id2_1_and_2_are_conjugates_as_their_roots_add_up_to_63() -> None:
    assert np.allclose(pss(1), np.conj(pss(2)), atol=1e-6)


def test_no_two_of_the_1008_sss_are_much_alike() -> None:
    every = np.array([sss(pci, half=half).real for pci in range(504) for half in (0, 1)])
    assert set(np.unique(every)) == {-1.0, 1.0}
    likeness = np.abs(every @ every.T) / 62
    np.fill_diagonal(likeness, 0.0)
    assert likeness.max() < 0.7


def test_sss_indices_are_those_of_the_standards_table() -> None:
    """Rows of TS 36.211 table 6.11.2.1-1, read off the even places: c0 s(m0) in subframe 0, c0 s(m1) in subframe 5."""
    x = [0, 0, 0, 0, 1]
    for i in range(26):
        x.append((x[i + 2] + x[i]) % 2)
    s = 1 - 2 * np.array(x)
    for n_id1, m0, m1 in [(0, 0, 1), (29, 29, 30), (30, 0, 2), (58, 28, 30), (59, 0, 3), (114, 0, 5), (140, 0, 6), (167, 2, 9)]:
        first, second = (sss(3 * n_id1, half=half).real[0::2] for half in (0, 1))
        assert np.array_equal(first * second, np.roll(s, -m0) * np.roll(s, -m1)), n_id1


@given(pci=PCIS, slot=st.integers(0, 19), n_rb=st.sampled_from([15, 25, 50, 75, 100]))
def test_centre_blocks_carry_the_same_reference_values_on_a_carrier_of_any_width(pci: int, slot: int, n_rb: int) -> None:
    wide = crs(pci, slot=slot, symbol=0, cp="normal", n_rb=n_rb)
    assert np.array_equal(wide[n_rb - 6 : n_rb + 6], crs(pci, slot=slot, symbol=0, cp="normal"))


@given(pci=PCIS, slot=st.integers(0, 19), symbol=st.sampled_from([0, 1, 3, 4]))
def test_reference_values_are_qpsk_of_the_gold_sequence_started_as_the_standard_says(pci: int, slot: int, symbol: int) -> None:
    for cp, n_cp in (("normal", 1), ("extended", 0)):
        c_init = 2**10 * (7 * (slot + 1) + symbol + 1) * (2 * pci + 1) + 2 * pci + n_cp
        bits = gold_bit_by_bit(c_init, 440)
        m = 104  # the centre six of 110 blocks: 2 x 52 values before them
        value = ((1 - 2 * bits[2 * m]) + 1j * (1 - 2 * bits[2 * m + 1])) / np.sqrt(2)
        assert crs(pci, slot=slot, symbol=symbol, cp=cp)[0] == pytest.approx(value, abs=1e-6)


@given(pci=PCIS)
def test_pci_splits_and_joins(pci: int) -> None:
    n_id1, n_id2 = split_pci(pci)
    assert (3 * n_id1 + n_id2, n_id1 < 168, n_id2 < 3) == (pci, True, True)


@pytest.mark.parametrize("pci", [-1, 504])
def test_a_pci_outside_the_504_is_refused(pci: int) -> None:
    with pytest.raises(ParameterError, match="0 to 503"):
        split_pci(pci)


def test_sequences_handed_out_cannot_be_written_to() -> None:
    for array in (pss(0), sss(0, half=0), crs(0, slot=0, symbol=0, cp="normal"), gold(1, length=5)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
