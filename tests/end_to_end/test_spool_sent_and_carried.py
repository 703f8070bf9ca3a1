"""A spool exported on one machine and imported on another equals one that was sent; the user says for which collector it is."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from collector.journal_file import segment_paths
from config.keyfiles import read_keypair
from config.settings import StationSettings
from config.wire import encode_record
from config.wire.version import WIRE_VERSION
from station.collector_link import KEY_FILE, read_enrolled
from station.errors import MisuseError
from station.one_collector_spool import OneCollectorSpool
from station.spool_export import Reader, chosen_reader, known_readers
from station.uplink import Curve, Uplink
from tests.end_to_end.balance import balance
from tests.end_to_end.running import Collector, emission, eventually, occupancy
from tests.end_to_end.test_spool_by_hand import NAME, centre, command

NEAR, FAR = "tcp://127.0.0.1:5570", "tcp://centre.example:5570"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A station that two collectors know."""

    near: Path
    far: Path
    state: Path


@pytest.fixture
def enrolled(tmp_path: Path) -> Enrolled:
    there = Enrolled(near=tmp_path / "near" / "data", far=tmp_path / "far" / "data", state=tmp_path / "state")
    for data, address, more in ((there.near, NEAR, []), (there.far, FAR, ["--also"])):
        data.parent.mkdir()
        names = ["--station", NAME, "--collector", address, "--collector-key", centre(data, "keys", "init")]
        told = command("station.cli", "keys", "init", "--state", str(there.state), *names, *more)
        centre(data, *told.replace("'", "").split()[1:])
    return there


def fill(path: Path, *, station: str = NAME) -> OneCollectorSpool:
    """Fill a spool with all that can be in one: more than it holds, a record that names another station, one of the next version."""
    spool = OneCollectorSpool(path, max_bytes=150_000)
    for number in range(600):
        busy = number % 10 == 9
        record = occupancy(number, station=station) if busy else emission(number, station=station)
        spool.append(encode_record(record), kind="occupancy" if busy else "emission")
    spool.append(encode_record(emission(600, station="somebody-else")), kind="emission")
    spool.append(bytes([WIRE_VERSION + 1]) + b"\x81\xa4kind\xa6unseen", kind="record")
    spool.append(encode_record(emission(602, station=station)), kind="emission")
    return spool


def taken(data: Path) -> dict[str, list[Any]]:
    """Everything that a journal says of its spools, but for the collector's own clock."""
    found: dict[str, list[Any]] = {}
    for path in sorted(segment_paths(data / "journal")):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        for table, columns, order in (
            ("record", "station, spool_id, seq, data", "entry"),
            ("rejected", "station, spool_id, seq, reason, data", "seq"),
            ("gap", "station, spool_id, first_seq, last_seq, reason, kinds", "first_seq"),
            ("spool", "station, spool_id, committed_seq", "station"),
        ):
            found.setdefault(table, []).extend(db.execute(f"SELECT {columns} FROM {table} ORDER BY {order}"))
        db.close()
    return found


def test_a_spool_exported_here_and_imported_there_equals_one_that_was_sent(enrolled: Enrolled, tmp_path: Path) -> None:
    near, file = Collector(enrolled.near), tmp_path / "stick.spool"
    spool = fill(enrolled.state / "spool.db")
    note = read_enrolled(enrolled.state)
    assert note is not None
    curve = Curve(pair=read_keypair(enrolled.state / KEY_FILE), collector_key=note.collector_key)
    try:
        with Uplink(near.ingest, station=NAME, spool=spool, curve=curve) as uplink:
            assert uplink.drain(30.0), uplink.problem()
            identity, generated = spool.spool_id, spool.next_seq
        command("station.cli", "spool", "--state", str(enrolled.state), "export", "--for", FAR, str(file))
        carried = tmp_path / "far" / "carried.spool"
        file.rename(carried)
        centre(enrolled.far, "import", str(carried))
        sent, imported = taken(enrolled.near), taken(enrolled.far)
        assert sent == imported
        assert [row[2] for row in sent["rejected"]] == [600]
        assert sent["gap"]
        result = balance(enrolled.far / "journal", identity, generated)
        assert result.holds(), result
        assert (result.rejected, result.stored + result.gaps) == (1, 602)
        far = Collector(enrolled.far)
        try:
            eventually(lambda: len(near.timeline()) > 100 and near.timeline() == far.timeline(), timeout_s=30.0)
        finally:
            far.stop()
    finally:
        near.stop()


def test_an_export_is_for_the_collector_that_is_named_else_for_the_first(enrolled: Enrolled, tmp_path: Path) -> None:
    fill(enrolled.state / "spool.db").close()
    export = ("spool", "--state", str(enrolled.state), "export")
    for place, (wanted, reads, not_for) in enumerate(
        [
            ([], enrolled.near, enrolled.far),
            (["--for", FAR], enrolled.far, enrolled.near),
        ]
    ):
        file = tmp_path / f"{place}.spool"
        command("station.cli", *export, *wanted, str(file))
        assert "sealed" in centre(not_for, "import", str(file), code=1)
        centre(reads, "import", str(file))
    readers = known_readers(StationSettings(), enrolled.state)
    assert [chosen_reader(readers, name).address for name in ("centre.example:5570", "centre.example", "127.0.0.1")] == [FAR, FAR, NEAR]
    twins = [*readers, Reader(address="tcp://centre.example:6000", key=readers[0].key, station=NAME)]
    with pytest.raises(MisuseError, match="names several"):
        chosen_reader(twins, "centre.example")
    said = command("station.cli", *export, "--for", "tcp://elsewhere:5570", str(tmp_path / "no.spool"), code=2)
    assert "elsewhere" in said
    assert FAR in said  # which ones there are
    assert NEAR in said
    assert not (tmp_path / "no.spool").exists()


def test_an_export_for_a_collector_of_the_settings_is_sealed_with_the_key_that_is_set_there(enrolled: Enrolled, tmp_path: Path) -> None:
    fill(enrolled.state / "spool.db", station="by-settings").close()
    third, address = tmp_path / "third" / "data", "tcp://third.example:5570"
    key = centre(third, "keys", "init")
    centre(third, "keys", "enrol", "by-settings", command("station.cli", "keys", "show", "--state", str(enrolled.state)))
    settings = tmp_path / "station.toml"
    settings.write_text(f'[station]\nname = "by-settings"\n[uplink]\ncollector = "{address}"\ncollector_key = "{key}"\n')
    file = tmp_path / "third.spool"
    command("station.cli", "--settings", str(settings), "spool", "--state", str(enrolled.state), "export", str(file))
    told = json.loads(centre(third, "import", "--json", str(file)))
    assert (told["station"], told["rejected"]) == ("by-settings", 1)
    assert told["new"] > 100
