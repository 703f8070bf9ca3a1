"""Line protocol: nothing that InfluxDB would misread or lose silently, and no two points of one stamp."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import MisuseError
from collector.followers import Heard
from collector.influx_file import InfluxFile
from collector.influx_lines import OCCUPANCY_ITEMS, field_value, line, plain_line, raw_lines, tag_text, tag_value
from collector.influx_settings import influx_settings
from collector.journal import Entry
from config.wire import AnyRecord, ChannelOccupancy
from tests.end_to_end.running import T0_NS, emission, occupancy, spectrum


def lines(record: AnyRecord, seq: int) -> list[str]:
    return list(raw_lines(Heard(Entry(entry=1, station=record.station, spool_id="", seq=seq, received_ns=0, data=b""), record)))


def test_nan_and_infinity_never_reach_a_line() -> None:
    assert line("m", {}, {"a": math.nan, "b": 1.0, "c": math.inf, "d": -math.inf, "e": None}, 5) == "m b=1.0 5"
    assert line("m", {}, {"a": math.nan}, 5) is None


def test_records_of_one_millisecond_are_as_many_points() -> None:
    stamps = {lines(emission(0), seq)[0].rsplit(" ", 1)[1] for seq in range(2000)}
    assert len(stamps) == 2000
    assert all(int(stamp) // 10**6 == T0_NS // 10**6 for stamp in stamps)
    assert lines(emission(0), 7) == lines(emission(0), 7)


def test_every_channel_of_an_occupancy_is_a_point_of_its_own() -> None:
    channels = [ChannelOccupancy(center_freq_hz=935.2e6 + 200e3 * n, fco=0.5) for n in range(124)]
    points = lines(occupancy(channels=channels), 3) + lines(occupancy(channels=channels), 4)
    assert len({point.rsplit(" ", 1)[1] for point in points}) == len(points) == 250
    assert int(points[0].rsplit(" ", 1)[1]) == T0_NS + 3 * OCCUPANCY_ITEMS


def test_a_plain_emission_is_the_same_point_by_the_short_way_and_the_long() -> None:
    for record in (emission(3, label="x"), emission(4, band=None, time_error_ms=2), emission(5, event="clear", power_dbfs=-3e-7)):
        (short,) = lines(record, 5)
        (long,) = lines(msgspec.structs.replace(record, band="made up"), 5)
        assert long.replace(",band=other", f",band={record.band}" if record.band else "").replace(',band_name="made up"', "") == short
    (empty,) = lines(emission(6, label=""), 5)
    assert "label" not in empty


def test_a_band_that_is_not_known_is_a_field() -> None:
    (point,) = lines(emission(band="x,y=z"), 0)
    assert point.startswith("emission,band=other,kind=")
    assert 'band_name="x,y=z"' in point
    heard = Heard(Entry(entry=1, station="a", spool_id="", seq=0, received_ns=0, data=b""), emission(band="mine"))
    assert next(raw_lines(heard, frozenset({"mine"}))).startswith("emission,band=mine,")


def test_tags_are_the_bounded_ones() -> None:
    head = lines(emission(label="x"), 0)[0].split(" ")[0]
    assert [tag.split("=")[0] for tag in head.split(",")[1:]] == ["band", "kind", "origin", "station"]
    assert lines(spectrum(), 0) == []


@given(st.text(max_size=40))
def test_any_name_becomes_a_plain_tag_and_comes_back(name: str) -> None:
    assert tag_value(tag_text(name)) == name
    assert all(char not in tag_text(name) for char in " ,=\\\n\r\"'")


@given(st.text(max_size=40))
def test_any_text_becomes_a_field_of_one_line_and_comes_back(text: str) -> None:
    told = plain_line(text)
    assert field_value(told) == text
    assert told
    assert "\n" not in told
    assert "\r" not in told


def test_a_row_keeps_its_stamp_and_shares_it_with_none(tmp_path: Path) -> None:
    file = InfluxFile(tmp_path / "influx.db")
    first = file.stamps({f"track {n}": T0_NS for n in range(1000)})
    assert len(set(first.values())) == 1000
    assert file.stamps({f"track {n}": T0_NS + 10**15 for n in range(1000)}) == first
    file.close()


def test_a_token_that_others_can_read_is_refused_and_never_shown(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("very-secret\n")
    token.chmod(0o644)
    (tmp_path / "influxdb.toml").write_text(f'[influxdb]\nurl = "http://127.0.0.1:8086"\ntoken_file = "{token}"\n')
    settings = influx_settings(tmp_path, {})
    assert settings is not None
    with pytest.raises(MisuseError, match="chmod 600") as caught:
        settings.token()
    assert "very-secret" not in str(caught.value)
    token.chmod(0o600)
    assert settings.token() == "very-secret"
    assert "very-secret" not in repr(settings)


@pytest.mark.parametrize("text", ['[influxdb]\nurl = "x"\n', "[influxdb]\nurll = 1\n", "nonsense", "[other]\n"])
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "influxdb.toml").write_text(text)
    with pytest.raises(MisuseError):
        influx_settings(tmp_path, {})
    assert influx_settings(tmp_path / "nowhere", {}) is None
