"""Distributed allocations against a second implementation: the closed formulas of TS 36.211 cl. 6.2.3.2, not its interleaver."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.lte.virtual_blocks import gap_blocks, slot_blocks, virtual_blocks

CARRIERS = [(6, 1), (15, 1), (25, 1), (50, 1), (50, 2), (75, 1), (75, 2), (100, 1), (100, 2), (7, 1), (11, 1), (27, 1), (49, 1), (110, 2)]


def by_formula(n_rb: int, gap: int, slot: int, virtual: int) -> int:
    """n_PRB(n_s) of the virtual block, step by step with the names of the text."""
    n_gap = gap_blocks(n_rb, gap)
    n_vrb = 2 * min(n_gap, n_rb - n_gap) if gap == 1 else n_rb // (2 * n_gap) * 2 * n_gap
    unit = n_vrb if gap == 1 else 2 * n_gap
    p = 1 if n_rb <= 10 else 2 if n_rb <= 26 else 3 if n_rb <= 63 else 4
    n_row = (unit + 4 * p - 1) // (4 * p) * p
    n_null = 4 * n_row - unit
    v = virtual % unit
    base = unit * (virtual // unit)
    one = 2 * n_row * (v % 2) + v // 2 + base
    two = n_row * (v % 4) + v // 4 + base
    if n_null and v >= unit - n_null and v % 2 == 1:
        even = one - n_row
    elif n_null and v >= unit - n_null:
        even = one - n_row + n_null // 2
    elif n_null and v % 4 >= 2:
        even = two - n_null // 2
    else:
        even = two
    here = even if slot == 0 else (even + unit // 2) % unit + base
    return here if here < unit // 2 or gap == 2 else here + n_gap - unit // 2


@pytest.mark.parametrize(("n_rb", "gap"), CARRIERS)
def test_every_virtual_block_lies_where_the_formulas_have_it(n_rb: int, gap: int) -> None:
    n = virtual_blocks(n_rb, gap)
    for virtual in range(n):
        both = slot_blocks(n_rb, start=virtual, length=1, gap=gap)
        assert both[:, 0].tolist() == [by_formula(n_rb, gap, slot, virtual) for slot in (0, 1)]


@pytest.mark.parametrize(("n_rb", "gap"), CARRIERS)
def test_virtual_blocks_take_physical_ones_of_the_carrier_once_in_each_slot(n_rb: int, gap: int) -> None:
    n = virtual_blocks(n_rb, gap)
    for row in slot_blocks(n_rb, start=0, length=n, gap=gap):
        assert np.all(np.diff(row) > 0)
        assert row[0] >= 0
        assert row[-1] < n_rb


def test_the_numbers_of_a_20_mhz_carrier() -> None:
    """96 virtual blocks in 24 rows: the first four lie 24 apart, and 48 further on in the second slot."""
    assert virtual_blocks(100, 1) == 96
    assert slot_blocks(100, start=0, length=4, gap=1).tolist() == [[0, 24, 48, 72], [0, 24, 48, 72]]
    assert [slot_blocks(100, start=v, length=1, gap=1).ravel().tolist() for v in (0, 1)] == [[0, 48], [24, 72]]
    assert slot_blocks(100, start=0, length=2, gap=2).tolist() == [[0, 8], [16, 24]]


def test_a_localised_allocation_is_the_same_in_both_slots() -> None:
    assert slot_blocks(25, start=7, length=3).tolist() == [[7, 8, 9]] * 2


def test_a_second_gap_is_for_fifty_blocks_and_more() -> None:
    assert [virtual_blocks(n_rb, 2) for n_rb in (6, 15, 25, 50, 75, 100)] == [0, 0, 0, 36, 64, 96]
    with pytest.raises(ParameterError):
        gap_blocks(25, 3)
    with pytest.raises(ParameterError):
        gap_blocks(111, 1)
