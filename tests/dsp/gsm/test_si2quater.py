"""LTE neighbours of SI2quater: by libosmogsm's encoder, and behind every other part."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.gsm import si2quater
from dsp.gsm.csn1 import BitReader
from dsp.synth.gsm_messages import BitWriter


@given(
    earfcns=st.lists(st.integers(0, 65535).filter(lambda n: n != 666), min_size=1, max_size=8, unique=True),
    bandwidth=st.sampled_from([255, 0, 5]),
    third=st.lists(st.tuples(st.sampled_from([10564, 10588]), st.integers(0, 511)), max_size=4, unique=True),
    flags=st.fixed_dictionaries({"thresh_lo_valid": st.integers(0, 1), "prio_valid": st.integers(0, 1), "qrxlm_valid": st.integers(0, 1)}),
)
@settings(max_examples=80, deadline=None)
def test_we_read_the_library_s_lte_neighbours(
    osmo: ModuleType, earfcns: list[int], bandwidth: int, third: list[tuple[int, int]], flags: dict[str, int]
) -> None:
    octets, n_sent = osmo.encode_si2quater(earfcns, uarfcns=sorted(third), bandwidth=bandwidth, thresh_hi=9, **flags)
    assert si2quater.lte_neighbours(octets) == tuple(earfcns[:n_sent])


Part = Callable[[BitWriter, st.DataObject], None]


def number(bits: BitWriter, data: st.DataObject, n: int) -> int:
    value: int = data.draw(st.integers(0, (1 << n) - 1))
    bits.put(value, n)
    return value


def optional(*widths: int) -> Part:
    """{ 0 | 1 fields }, by chance."""

    def put(bits: BitWriter, data: st.DataObject) -> None:
        present = data.draw(st.booleans())
        bits.put(present)
        for width in widths if present else ():
            number(bits, data, width)

    return put


def fixed(*widths: int) -> Part:
    def put(bits: BitWriter, data: st.DataObject) -> None:
        for width in widths:
            number(bits, data, width)

    return put


def in_order(*parts: Part) -> Part:
    def put(bits: BitWriter, data: st.DataObject) -> None:
        for part in parts:
            part(bits, data)

    return put


def counted(width: int, each: int) -> Part:
    """A count of ``width`` bits, small, and so many fields."""

    def put(bits: BitWriter, data: st.DataObject) -> None:
        n = data.draw(st.integers(0, 4))
        bits.put(n, width)
        for _ in range(n):
            number(bits, data, each)

    return put


def extension(bits: BitWriter, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, 12))
    bits.put(n, 8)
    number(bits, data, n + 1)


def fdd_neighbours(bits: BitWriter, data: st.DataObject) -> None:
    in_order(optional(7), optional(7))(bits, data)
    bits.put(1)
    optional(3)(bits, data)
    for _ in range(data.draw(st.integers(0, 2))):
        bits.put(0b10, 2)
        number(bits, data, 15)
        n = data.draw(st.integers(0, 2))
        bits.put(n, 5)
        number(bits, data, (0, 10, 19)[n])
    bits.put(0b00, 2)


RELEASE_99: tuple[Part, ...] = (
    in_order(optional(5), fixed(6), counted(7, 7)),
    counted(7, 1),
    in_order(fixed(3), optional(2), optional(2), fixed(2), *[optional(3, 3)] * 5),
    in_order(fixed(2), optional(3, 3, 3)),
    extension,
    fdd_neighbours,
    in_order(fixed(5), optional(4, 1, 2, 3), optional(4, 2)),
    in_order(fixed(5), optional(1, 2), optional(3, 3), optional(2), optional(3, 3)),
)
"""In the message's order, without the real time differences, which are not skipped."""


def thresholds(width: int) -> Part:
    def put(bits: BitWriter, data: st.DataObject) -> None:
        present = data.draw(st.booleans())
        bits.put(present)
        if present:
            in_order(fixed(width), optional(6), optional(3))(bits, data)

    return put


def eutran_measurement(bits: BitWriter, data: st.DataObject) -> None:
    fixed(7)(bits, data)
    fine = data.draw(st.booleans())
    bits.put(fine)
    in_order(*[thresholds(6 if fine else 3)] * 2)(bits, data)
    if fine:
        fixed(1)(bits, data)


LEVELS = in_order(optional(3), fixed(5), optional(5), optional(5))


def priorities_3g(bits: BitWriter, data: st.DataObject) -> None:
    in_order(fixed(2), optional(3, 5, 5))(bits, data)
    for _ in range(data.draw(st.integers(0, 1))):
        bits.put(1)
        for _ in range(data.draw(st.integers(0, 2))):
            bits.put(1)
            number(bits, data, 5)
        bits.put(0)
        LEVELS(bits, data)
    bits.put(0)


@given(data=st.data(), chosen=st.sets(st.integers(0, 11), max_size=3), earfcns=st.lists(st.integers(0, 65535), max_size=2, unique=True))
@settings(max_examples=120, deadline=None)
def test_the_neighbours_are_found_behind_every_other_part(data: st.DataObject, chosen: set[int], earfcns: list[int]) -> None:
    bits = BitWriter()
    number(bits, data, 11)
    optional(1, 2)(bits, data)
    bits.put(0)
    for k, part in enumerate(RELEASE_99):
        bits.put(k in chosen)
        if k in chosen:
            part(bits, data)
    bits.put_level(high=True)
    optional(3, 4)(bits, data)
    bits.put(8 in chosen)
    if 8 in chosen:
        optional(6)(bits, data)
    bits.put_level(high=True)
    number(bits, data, 1)
    bits.put_level(high=True)
    in_order(optional(3, 3), optional(3, 3))(bits, data)
    bits.put_level(high=True)
    bits.put(1)
    optional(3, 4, 4, 2, 2)(bits, data)
    for k, part in ((9, priorities_3g), (10, eutran_measurement), (11, in_order(fixed(7), thresholds(3), thresholds(3)))):
        bits.put(k in chosen)
        if k in chosen:
            part(bits, data)
        if k == 9:
            bits.put(1)
            number(bits, data, 3)
    for earfcn in earfcns:
        bits.put(0b11, 2)
        bits.put(earfcn, 16)
        optional(3)(bits, data)
        bits.put(0)
        LEVELS(bits, data)
    bits.put(0)
    try:
        octets = bits.octets(20)
    except ParameterError:
        assume(False)
    assert si2quater.lte_neighbours(octets) == tuple(earfcns)


def test_a_part_that_cannot_be_skipped_gives_no_answer() -> None:
    for flags in (0b01 << 8, 0b0000000_1 << 2):
        bits = BitWriter()
        bits.put(0, 11)
        bits.put(flags, 10)
        bits.put((1 << 30) - 1, 30)
        assert si2quater.lte_neighbours(bits.octets(20)) is None
    assert si2quater.lte_neighbours(b"\xff" * 20) is None


def test_a_message_without_the_later_releases_has_no_lte_neighbours() -> None:
    bits = BitWriter()
    bits.put(0, 21)
    assert si2quater.lte_neighbours(bits.octets(20)) == ()
    assert BitReader(bits.octets(20)).bits(21) == 0


@given(octets=st.binary(min_size=20, max_size=20))
@settings(max_examples=200, deadline=None)
def test_no_contents_raise_an_error(octets: bytes) -> None:
    found = si2quater.lte_neighbours(octets)
    assert found is None or len(set(found)) == len(found)
