from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from config.band_plan import load_band_plan, load_plmn_table
from config.errors import DataFileError

ONE_BAND = """country = "VN"
[[band]]
name = "B8"
title_vi = "a"
title_en = "b"
duplex = "fdd"
technologies = ["gsm"]
uplink_mhz = [880.0, 915.0]
downlink_mhz = [925.0, 960.0]
channel_width_mhz = 0.2
source = "s"
confidence = "high"
"""


def test_the_plan_names_what_lies_where() -> None:
    plan = load_band_plan()
    assert plan.name_at(941e6) == "B8"
    assert plan.name_at(900e6) == "B8-UL"
    assert plan.name_at(758e6) == "B28"
    assert plan.name_at(788e6) is None
    assert plan.name_at(796e6) is None
    gsm900 = plan.named("gsm900")
    assert gsm900 is not None
    assert gsm900.name == "B8"
    assert plan.named("B99") is None


def test_uplink_and_downlink_of_an_fdd_band_are_equally_wide_and_a_fixed_duplex_distance_apart() -> None:
    # TS 36.101 table 5.7.3-1 and TS 45.005 cl. 2: B28 55 MHz, B5 and B8 45, B3 95, B1 190
    distances = {"B28": 55.0, "B5": 45.0, "B8": 45.0, "B3": 95.0, "B1": 190.0}
    for band in load_band_plan().bands:
        for part in (band, *band.blocks):
            if part.uplink_mhz is not None:
                assert part.downlink_mhz[0] - part.uplink_mhz[0] == pytest.approx(distances[band.name])
                assert part.downlink_mhz[1] - part.uplink_mhz[1] == pytest.approx(distances[band.name])


def test_blocks_lie_in_their_band_and_do_not_overlap() -> None:
    for band in load_band_plan().bands:
        edges = sorted(block.downlink_mhz for block in band.blocks)
        assert all(band.downlink_mhz[0] <= low < high <= band.downlink_mhz[1] for low, high in edges)
        assert all(before[1] <= after[0] for before, after in pairwise(edges))


def test_ranges_of_bands_do_not_overlap() -> None:
    assert all(before[2] <= after[1] for before, after in pairwise(load_band_plan().ranges()))


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        (("[925.0, 960.0]", "[960.0, 925.0]"), "band[0]", "must rise"),
        (('confidence = "high"', 'confidence = "sure"'), "band[0].confidence", "invalid enum"),
        (('source = "s"\n', ""), "band[0].source", "is missing"),
        (("uplink_mhz = [880.0, 915.0]\n", ""), "band[0]", "uplink_mhz is missing"),
        (("[925.0, 960.0]", "[925.0, inf]"), "band[0].downlink_mhz[1]", "<= 100000"),
        (("channel_width_mhz", "channel_mhz"), "band[0].channel_mhz", "unknown key"),
    ],
)
def test_a_wrong_row_is_one_error_with_file_and_key(tmp_path: Path, change: tuple[str, str], key: str, said: str) -> None:
    file = tmp_path / "bands.toml"
    file.write_text(ONE_BAND.replace(*change))
    with pytest.raises(DataFileError) as caught:
        load_band_plan(file)
    assert str(caught.value).startswith(f"{file}: {key}: ")
    assert said in str(caught.value)


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bands.toml"
    file.write_text(ONE_BAND + ONE_BAND.split("\n", 1)[1].replace('"B8"', '"b8"'))
    with pytest.raises(DataFileError, match="b8 is given twice"):
        load_band_plan(file)


def test_network_codes_keep_their_digits() -> None:
    table = load_plmn_table()
    viettel = table.network("452", "04")
    assert viettel is not None
    assert viettel.name == "Viettel"
    assert table.network("452", "004") is None
    cambodia = table.country("456")
    assert cambodia is not None
    assert not cambodia.home
