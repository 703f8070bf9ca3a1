"""InfluxDB's own disk full: the follower waits, nothing is set aside as if it were bad, and with room everything is there, once."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from pathlib import Path

import pytest

from tests.end_to_end.running import emission
from tests.end_to_end.small_disk import small_disk
from tests.services.influxdb.filling import OnInflux, settings_for
from tests.services.influxdb.influxd import Influxd, influxd_program

pytestmark = pytest.mark.services
COUNT = 6000
ROOM_MIB = 256
LEFT_BYTES = 64 * 1024
"""What is left of the disk: less than the first batch takes."""


def test_a_full_disk_under_influxdb_is_waited_out_and_every_point_is_there_once(tmp_path: Path) -> None:
    program = influxd_program()
    if program is None:
        pytest.skip("influxd is absent: put it on PATH or name it in CANHSONG_INFLUXD (tests/services/influxdb/build.sh builds it)")
    with small_disk(tmp_path, kind="tmpfs", mib=ROOM_MIB) as disk:
        server = Influxd(program, disk)
        store = OnInflux(settings_for(server.url, f"b{uuid.uuid4().hex[:12]}", tmp_path), tmp_path, timeout_ms=10_000)
        filler = disk / "filler"
        try:
            store.put(emission(0))
            _fill(filler, disk)
            said: list[str] = []

            def make_room() -> None:
                """Once the follower has said why it waits, and has waited for a while."""
                until_s = time.monotonic() + 60
                while not (why := store.effect._writer.failing) and time.monotonic() < until_s:
                    time.sleep(0.05)
                time.sleep(2.0)
                said.append(why)
                filler.unlink()
                server.stop()  # 2.7.12 does not open a shard again that it could not make: whoever makes room restarts it
                server.start()

            waiting = threading.Thread(target=make_room)
            waiting.start()
            store.put(*(emission(n) for n in range(1, COUNT)))
            waiting.join()
            assert "no space left" in said[0] or "500" in said[0], said
            assert store.effect._file.aside() == []
            assert sorted(row["track_id"] for row in store.raw("emission")) == [f"{n:016x}" for n in range(COUNT)]
        finally:
            filler.unlink(missing_ok=True)
            store.close()
            server.stop()


def _fill(filler: Path, disk: Path) -> None:
    """Take all of the disk but ``LEFT_BYTES``."""
    with filler.open("wb") as file:
        file.write(bytes(max(0, shutil.disk_usage(disk).free - LEFT_BYTES)))
