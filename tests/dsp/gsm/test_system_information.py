"""System information: described cells come back, libosmogsm agrees on the rest octets, recorded blocks read as annotated."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.gsm import rest_octets
from dsp.gsm.frequency_lists import FORMATS, Format
from dsp.gsm.system_information import lai, message_name, read, read_messages
from dsp.gsm.types import SystemInformation
from dsp.synth.gsm import GsmSignal
from dsp.synth.gsm_frames import EMPTY_PAGING
from dsp.synth.gsm_messages import CellDescription, Selection

METFONE_SI3 = bytes.fromhex("49061b760354f6800321c90114256540e5040085216f2b")

digits = st.text("0123456789", min_size=3, max_size=3)
selections = st.builds(
    Selection,
    cro_db=st.integers(0, 63).map(lambda n: 2 * n),
    temporary_offset_db=st.integers(0, 7).map(lambda n: 10 * n),
    penalty_time_s=st.none() | st.integers(1, 31).map(lambda n: 20 * n),
    cell_bar_qualify=st.booleans(),
)
Listed = tuple[tuple[int, ...], Format | None]
ROOM: dict[Format, tuple[int, int]] = {
    "range1024": (16, 1023), "range512": (17, 511), "range256": (21, 255), "range128": (28, 127), "variable": (111, 111),
}  # fmt: skip
"""How many ARFCNs fit beside the first, and how far from it."""


@st.composite
def listed(draw: st.DrawFn) -> Listed:
    """ARFCNs and a format that holds them."""
    form: Format = draw(st.sampled_from(FORMATS))
    if form == "bitmap0":
        return tuple(sorted(draw(st.sets(st.integers(1, 124), max_size=60)))), form
    count, span = ROOM[form]
    first = draw(st.integers(0, 1023))
    steps = draw(st.sets(st.integers(1, span), max_size=min(count, 30) - 1))
    return tuple(sorted({first} | {(first + step) % 1024 for step in steps})), form


@st.composite
def cells(draw: st.DrawFn) -> CellDescription:
    channels, neighbours = draw(listed()), draw(listed())
    second, third = draw(st.just(((), None)) | listed()), draw(st.just(((), None)) | listed())
    return CellDescription(
        bsic=draw(st.integers(0, 63)),
        mcc=draw(digits),
        mnc=draw(st.text("0123456789", min_size=2, max_size=3)),
        lac=draw(st.integers(0, 65535)),
        ci=draw(st.integers(0, 65535)),
        cell_channels=channels[0],
        cell_channels_format=channels[1],
        neighbours=neighbours[0],
        neighbours_format=neighbours[1],
        neighbours_2bis=second[0],
        neighbours_2bis_format=second[1],
        neighbours_2ter=third[0],
        neighbours_2ter_format=third[1],
        lte_neighbours=tuple(draw(st.lists(st.integers(0, 65535), max_size=5, unique=True))),
        t3212=draw(st.integers(0, 255)),
        selection=draw(st.none() | selections),
        combined=draw(st.booleans()),
        attach_detach_allowed=draw(st.booleans()),
        bs_pa_mfrms=draw(st.integers(2, 9)),
        ms_txpwr_max_cch=draw(st.integers(0, 31)),
        rxlev_access_min_dbm=draw(st.integers(-110, -47)),
        cell_reselect_hysteresis_db=2 * draw(st.integers(0, 7)),
        barred=draw(st.booleans()),
        reestablishment_allowed=draw(st.booleans()),
        access_classes_barred=tuple(sorted(draw(st.sets(st.sampled_from([k for k in range(16) if k != 10]))))),
        emergency_calls_allowed=draw(st.booleans()),
        ncc_permitted=tuple(sorted(draw(st.sets(st.integers(0, 7))))),
        gprs=draw(st.booleans()),
        ba_ind=draw(st.integers(0, 1)),
        band_1900=draw(st.booleans()),
        cbch=draw(st.booleans()),
    )


SAME = (
    "mcc", "mnc", "lac", "ci", "t3212", "attach_detach_allowed", "bs_pa_mfrms", "ms_txpwr_max_cch", "rxlev_access_min_dbm",
    "cell_reselect_hysteresis_db", "barred", "reestablishment_allowed", "access_classes_barred", "emergency_calls_allowed",
    "ncc_permitted", "cell_channels", "gprs", "ba_ind", "band_1900",
)  # fmt: skip


def agrees(found: SystemInformation, cell: CellDescription) -> None:
    for name in SAME:
        assert getattr(found, name) == getattr(cell, name), name
    assert found.neighbours == tuple(sorted({*cell.neighbours, *cell.neighbours_2bis, *cell.neighbours_2ter}))
    assert found.neighbours_continued == bool(cell.neighbours_2bis)
    assert (found.ccch_combined, found.ccch_count) == (cell.combined, 1)
    assert found.lte_neighbours == (cell.lte_neighbours or None)
    assert dict(found.si_hex) == {name: block.hex() for name, block in cell.blocks().items()}


@given(cell=cells())
@settings(max_examples=80, deadline=None)
def test_a_described_cell_comes_back_field_by_field(cell: CellDescription) -> None:
    blocks = cell.blocks()
    assert all(len(block) == 23 and message_name(block) == name for name, block in blocks.items())
    found = read(blocks)
    agrees(found, cell)
    if cell.selection is None:
        assert (found.cro_db, found.temporary_offset_db, found.penalty_time_s) == (None, None, None)
    else:
        assert found.cro_db == cell.selection.cro_db
        assert found.temporary_offset_db == cell.selection.temporary_offset_db
        assert found.penalty_time_s == cell.selection.penalty_time_s


@given(cell=cells())
@settings(max_examples=40, deadline=None)
def test_si4_alone_gives_the_area_and_the_selection_but_no_cell_identity(cell: CellDescription) -> None:
    found = read({"SI4": cell.blocks()["SI4"]})
    assert (found.mcc, found.mnc, found.lac, found.ci) == (cell.mcc, cell.mnc, cell.lac, None)
    assert found.cro_db == (cell.selection.cro_db if cell.selection else None)
    assert (found.gprs, found.t3212, found.neighbours) == (cell.gprs, None, None)


def options_of(cell: CellDescription) -> dict[str, int]:
    fields: dict[str, int] = {"gprs_present": int(cell.gprs)}
    if cell.selection is not None:
        penalty = cell.selection.penalty_time_s
        fields |= {
            "selection_present": 1,
            "cbq": int(cell.selection.cell_bar_qualify),
            "cell_resel_off": cell.selection.cro_db // 2,
            "temp_offs": cell.selection.temporary_offset_db // 10,
            "penalty_time": 31 if penalty is None else penalty // 20 - 1,
        }
    return fields


@given(cell=cells())
@settings(max_examples=40, deadline=None)
def test_the_library_reads_our_rest_octets_as_we_meant_them(osmo: ModuleType, cell: CellDescription) -> None:
    blocks = cell.blocks()
    theirs = osmo.decode_options(blocks["SI3"][19:], si4=False)
    for name, value in options_of(cell).items():
        assert theirs[name] == value, name
    assert theirs["si2ter_indicator"] == bool(cell.neighbours_2ter)
    rest = blocks["SI4"][1 + (blocks["SI4"][0] >> 2) :]
    theirs = osmo.decode_options(rest, si4=True)
    for name, value in options_of(cell).items():
        assert theirs[name] == value, name
    if cell.gprs:
        assert osmo.si13_is_understood(blocks["SI13"][3:])


@given(cell=cells(), power=st.booleans(), scheduling=st.booleans(), ter=st.booleans())
@settings(max_examples=40, deadline=None)
def test_we_read_the_library_s_rest_octets_as_it_meant_them(
    osmo: ModuleType, cell: CellDescription, power: bool, scheduling: bool, ter: bool
) -> None:
    extra = {"power_offset_present": int(power), "power_offset": 3 * power}
    more = {"scheduling_present": int(scheduling), "where": 5 * scheduling, "si2ter_indicator": int(ter)}
    wanted = cell.selection
    for si4, octets in (
        (False, osmo.encode_options(**options_of(cell), **extra, **more)),
        (True, osmo.encode_options(si4_octets=10, **options_of(cell), **extra)),
    ):
        found = rest_octets.selection_options(octets, si4=si4)
        assert found.gprs == cell.gprs
        assert found.cro_db == (wanted.cro_db if wanted else None)
        assert found.temporary_offset_db == (wanted.temporary_offset_db if wanted else None)
        assert found.penalty_time_s == (wanted.penalty_time_s if wanted else None)
        assert found.cell_bar_qualify == (wanted.cell_bar_qualify if wanted else None)


@given(octets=st.binary(min_size=23, max_size=23), kind=st.sampled_from([0x19, 0x1A, 0x1B, 0x1C, 0x02, 0x03, 0x07, 0x00, 0x04]))
@settings(max_examples=200, deadline=None)
def test_no_contents_of_a_message_raise_an_error(octets: bytes, kind: int) -> None:
    block = bytes([octets[0] & 0xFC | 1, 0x06, kind]) + octets[3:]
    name = message_name(block)
    assert name is not None
    assert dict(read({name: block}).si_hex) == {name: block.hex()}


@given(octets=st.binary(min_size=20, max_size=20), kind=st.sampled_from([0x21, 0x22, 0x24, 0x39, 0x3A, 0x3F, 0x1D, 0x1E, 0x05, 0x06, 0x20]))
def test_paging_grants_and_other_messages_are_refused_by_type(octets: bytes, kind: int) -> None:
    block = bytes([0x15, 0x06, kind]) + octets
    assert message_name(block) is None
    assert dict(read({"SI3": block}).si_hex) == {}
    assert read_messages({"SI3": [block]}).lac is None


def test_an_empty_page_and_other_protocols_are_no_message() -> None:
    assert message_name(EMPTY_PAGING) is None
    assert message_name(METFONE_SI3) == "SI3"
    assert message_name(METFONE_SI3[:1] + b"\x05" + METFONE_SI3[2:]) is None
    assert message_name(METFONE_SI3[:22]) is None


def test_mnc_of_two_and_three_digits_are_kept_apart() -> None:
    assert lai(bytes.fromhex("54f2105015")) == ("452", "01", 0x5015)
    assert lai(bytes.fromhex("5402105015")) == ("452", "010", 0x5015)
    assert lai(bytes.fromhex("5412005015")) == ("452", "001", 0x5015)
    assert lai(bytes.fromhex("ffffff0000")) == (None, None, 0)
    assert lai(bytes.fromhex("5af2100000")) == (None, None, 0)


def test_differing_contents_of_one_message_are_named_and_the_first_counts() -> None:
    first = CellDescription(bsic=1, mcc="452", mnc="04", lac=1, ci=7, neighbours=(1, 2), neighbours_2ter=(600,))
    second = CellDescription(bsic=1, mcc="452", mnc="04", lac=2, ci=7, neighbours=(2, 3), neighbours_2ter=(700,))
    a, b = first.blocks(), second.blocks()
    found = read_messages({name: [a[name], b[name], a[name]] for name in a})
    assert (found.lac, found.neighbours) == (1, (1, 2, 3, 600, 700))
    assert found.conflicts == ("SI2", "SI3", "SI4")
    assert found.si_hex["SI3"] == a["SI3"].hex()


def test_messages_of_recorded_cells_read_as_annotated(recordings: Path) -> None:
    judged = 0
    for meta in sorted(recordings.glob("gsm*.sigmf-meta")):
        for truth in json.loads(meta.read_text())["annotations"]:
            if "truth:si_hex" not in truth:
                continue
            found = read({name: bytes.fromhex(octets) for name, octets in truth["truth:si_hex"].items()})
            assert dict(found.si_hex) == truth["truth:si_hex"]
            assert list(found.neighbours or ()) == truth["truth:neighbours_on_air"]
            for name in ("mcc", "mnc", "lac", "ci", "t3212", "cro_db"):
                assert getattr(found, name) == truth[f"truth:{name}"], name
            assert truth["truth:arfcn"] in (found.cell_channels or ())
            judged += 1
    assert judged >= 4


@pytest.mark.parametrize(
    ("configuration", "combined", "count"), [(0, False, 1), (1, True, 1), (2, False, 2), (4, False, 3), (6, False, 4), (3, None, None)]
)
def test_the_control_channel_configuration_is_read(configuration: int, combined: bool | None, count: int | None) -> None:
    block = bytearray(METFONE_SI3)
    block[10] = block[10] & 0xF8 | configuration
    found = read({"SI3": bytes(block)})
    assert (found.ccch_combined, found.ccch_count) == (combined, count)


def test_a_second_si2quater_has_a_name_of_its_own() -> None:
    block = bytearray(CellDescription(bsic=1, mcc="452", mnc="04", lac=1, ci=7, lte_neighbours=(1300,)).blocks()["SI2quater"])
    other = bytearray(CellDescription(bsic=1, mcc="452", mnc="04", lac=1, ci=7, lte_neighbours=(3500,)).blocks()["SI2quater"])
    other[3] |= 0x02  # index 1
    assert (message_name(bytes(block)), message_name(bytes(other))) == ("SI2quater", "SI2quater/1")
    assert read_messages({"SI2quater": [bytes(block), bytes(other)]}).lte_neighbours == (1300, 3500)


def through_the_air(scenes: ModuleType, cell: CellDescription, seed: int, offset_hz: float) -> None:
    rng = np.random.default_rng(seed)
    start_fn, start_symbol = int(rng.integers(2715648)), float(rng.uniform(0, 1250))
    sent = GsmSignal(cell=cell, carrier_hz=944e6, busy_slots=(2, 5), start_fn=start_fn, start_symbol=start_symbol, offset_hz=offset_hz)
    found = scenes.cells(scenes.heard(rng, sent, duration_s=5.8, snr_db=12.0))  # three rounds of all that TC 4 and 5 carry
    assert [one.status for one in found] == ["identified"]
    assert found[0].bsic == cell.bsic
    agrees(found[0].information, cell)


on_the_air = given(cell=cells(), seed=st.integers(0, 2**32), offset_hz=st.sampled_from([0.0, 7e3, -21e3]))


@on_the_air
@settings(max_examples=4, deadline=None, derandomize=True)
def test_a_random_cell_comes_back_through_the_air(scenes: ModuleType, cell: CellDescription, seed: int, offset_hz: float) -> None:
    through_the_air(scenes, cell, seed, offset_hz)


@pytest.mark.slow
@on_the_air
@settings(max_examples=60, deadline=None)
def test_many_random_cells_come_back_through_the_air(scenes: ModuleType, cell: CellDescription, seed: int, offset_hz: float) -> None:
    through_the_air(scenes, cell, seed, offset_hz)
