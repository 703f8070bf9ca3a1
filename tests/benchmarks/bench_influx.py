"""How many points a second InfluxDB's follower writes, from the journal to the confirmation: `python tests/benchmarks/bench_influx.py`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from collector.followers import Heard, catch_up
from collector.influx_lines import raw_lines
from collector.journal import Journal, JournalReader
from collector.sqlite_effect import SqliteEffect
from config.wire import ChannelOccupancy, encode_record
from tests.end_to_end.running import emission, occupancy
from tests.services.influxdb.filling import SPOOL, OnInflux, settings_for
from tests.services.influxdb.influxd import Influxd, influxd_program


def main() -> None:
    """Print rates and the target."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", default="docs/figures")
    arguments = parser.parse_args()
    program = influxd_program()
    if program is None:
        sys.exit("skipped: influxd is absent (CANHSONG_INFLUXD)") if not os.environ.get("CI") else sys.exit(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "influxd").mkdir()
        server = Influxd(program, folder / "influxd")
        try:
            for label, channels in (("emissions", 0), ("emissions and occupancy of 124 channels", 124)):
                _run(folder / label.replace(" ", "-"), server, label, channels=channels, records=10_000 if arguments.short else 20_000)
        finally:
            server.stop()


def _run(folder: Path, server: Influxd, label: str, *, channels: int, records: int) -> None:
    folder.mkdir()
    journal = Journal(folder / "journal")
    shares = [ChannelOccupancy(center_freq_hz=935.2e6 + 200e3 * n, fco=n / 200) for n in range(channels)]
    for number in range(records):
        # a track is reported five times; every tenth record is an occupancy where they are asked for
        record = occupancy(number, channels=shares) if channels and number % 10 == 0 else emission(number // 5, event="update")
        journal.append((record.station, SPOOL), number, encode_record(record))
    journal.close()
    sqlite = SqliteEffect(folder / "store.db")
    with JournalReader(folder / "journal") as reader:
        began_s = time.perf_counter()
        while catch_up(reader, sqlite):
            pass
        sqlite_s = time.perf_counter() - began_s
        sqlite.close()
        influx = OnInflux(settings_for(server.url, f"b{channels}", folder), folder, timeout_ms=30_000)
        points = 0
        written = influx.door.write

        def counted(bucket: str, lines: list[str]) -> None:
            nonlocal points
            points += len(lines)
            written(bucket, lines)

        influx.door.write = counted  # type: ignore[method-assign]
        began_s, cpu_s, server_s = time.perf_counter(), time.process_time(), server.cpu_s()
        while catch_up(reader, influx.effect):
            pass
        took_s, cpu_s, server_s = time.perf_counter() - began_s, time.process_time() - cpu_s, server.cpu_s() - server_s
        raw = sum(1 for one in _every(reader) for _ in raw_lines(one))
        influx.close()
    print(
        f"{label}: {records} records, {points} points ({raw} raw) in {took_s:.1f} s: {points / took_s:,.0f} points/s "
        f"({points / took_s / 10_000:.2f} of the 10,000 asked for); the same records into SQLite: {records / sqlite_s:,.0f} records/s, "
        f"into InfluxDB {records / took_s:,.0f} records/s; CPU a point: follower {1e6 * cpu_s / points:.0f} us, InfluxDB "
        f"{1e6 * server_s / points:.0f} us; load {os.getloadavg()[0]:.1f}"
    )


def _every(reader: JournalReader) -> Iterator[Heard]:
    from collector.followers import decode

    after = 0
    while entries := reader.read(after, limit=1000):
        yield from decode(entries)
        after = entries[-1].entry


if __name__ == "__main__":
    main()
