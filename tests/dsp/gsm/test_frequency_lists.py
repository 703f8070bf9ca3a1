"""Frequency lists: every format both ways, against libosmogsm, and lists seen on the air."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.gsm.frequency_lists import FORMATS, Format, FrequencyListError, best_format, decode, encode, list_format

CAPACITY = {"range1024": (16, 1023), "range512": (17, 511), "range256": (21, 255), "range128": (28, 127), "variable": (111, 111)}
"""How many ARFCNs fit beside the first, and how far from it."""


@st.composite
def lists(draw: st.DrawFn) -> tuple[Format, tuple[int, ...]]:
    form: Format = draw(st.sampled_from(FORMATS))
    if form == "bitmap0":
        return form, tuple(sorted(draw(st.sets(st.integers(1, 124)))))
    count, span = CAPACITY[form]
    steps = draw(st.sets(st.integers(1, span), max_size=count))
    if form == "range1024":
        return form, tuple(sorted(steps | draw(st.sets(st.just(0)))))
    origin = draw(st.integers(0, 1023))
    return form, tuple(sorted({origin} | {(origin + step) % 1024 for step in steps}))


@given(made=lists(), header=st.sampled_from([0x00, 0x10, 0x20, 0x30]))
@settings(max_examples=150, deadline=None)
def test_a_list_comes_back_in_every_format(made: tuple[Format, tuple[int, ...]], header: int) -> None:
    form, arfcns = made
    octets = encode(arfcns, form, header_bits=header)
    assert len(octets) == 16
    assert list_format(octets) == form
    assert octets[0] & 0x30 == header
    assert decode(octets) == arfcns


@given(made=lists())
@settings(max_examples=150, deadline=None)
def test_the_library_reads_the_same_arfcns_in_every_format(osmo: ModuleType, made: tuple[Format, tuple[int, ...]]) -> None:
    form, arfcns = made
    assert osmo.decode_list(encode(arfcns, form)) == arfcns
    assert osmo.decode_list(encode(arfcns, form), neighbours_2=True) == arfcns


@given(octets=st.binary(min_size=16, max_size=16))
@settings(max_examples=200, deadline=None)
def test_any_octets_give_a_list_or_none_and_never_an_error(octets: bytes) -> None:
    arfcns = decode(octets)
    assert (arfcns is None) == (octets[0] & 0xC0 in (0x40, 0xC0))
    assert arfcns is None or (list(arfcns) == sorted(set(arfcns)) and all(0 <= a < 1024 for a in arfcns))


@pytest.mark.parametrize(
    ("octets", "arfcns"),
    [
        ("00000000088000002000100000000000", (45, 62, 88, 92)),
        ("8f5e0410000000000000000000000000", (700, 705, 711)),
        ("08000000020000002000000000001001", (1, 13, 62, 90, 124)),
        ("00000000000000000000100000000000", (45,)),
    ],
)
def test_lists_of_recorded_cells_are_read(octets: str, arfcns: tuple[int, ...]) -> None:
    assert decode(bytes.fromhex(octets)) == arfcns


def test_the_multiband_bits_of_si2ter_are_not_the_format_s() -> None:
    octets = bytearray(encode((700, 705), "variable"))
    octets[0] |= 0x60  # multiband reporting
    assert decode(bytes(octets), neighbours_2=True) == (700, 705)
    assert decode(bytes(octets)) is None


def test_the_fullest_list_of_each_range_fits_and_one_more_does_not() -> None:
    for form, (count, span) in CAPACITY.items():
        if form == "variable":
            continue
        first = (0,) if form == "range1024" else (100,)
        full = [first[0] + 1 + k * (span // (count + 2)) for k in range(count)]
        assert len(decode(encode([*first, *full], form)) or ()) == count + 1  # type: ignore[arg-type]
        with pytest.raises(FrequencyListError):
            encode([*first, *full, first[0] + span], form)  # type: ignore[arg-type]


def test_lists_that_do_not_fit_are_refused() -> None:
    refused: tuple[tuple[Format, list[int]], ...] = (
        ("bitmap0", [0]),
        ("bitmap0", [125]),
        ("range128", [1, 200]),
        ("variable", [1, 113]),
        ("range512", []),
        ("variable", [1024]),
    )
    for form, arfcns in refused:
        with pytest.raises(FrequencyListError):
            encode(arfcns, form)


def test_the_best_format_holds_the_list() -> None:
    assert best_format(range(1, 125)) == "bitmap0"
    assert best_format([45, 700]) == "range1024"
    assert best_format([512 + 5 * k for k in range(25)]) == "range128"
    assert best_format([512 + 12 * k for k in range(20)]) == "range256"
    assert best_format([512 + 28 * k for k in range(18)]) == "range512"
    assert best_format(range(900, 1010)) == "variable"
    with pytest.raises(FrequencyListError):
        best_format(range(0, 1024, 10))
