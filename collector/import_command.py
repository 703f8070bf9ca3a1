"""``canhsong-collector import``: takes a spool that a station exported, as if it had been sent."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from collector.enrolment import read_register
from collector.errors import MisuseError, StorageError
from collector.importing import SUFFIX, SpoolFileError
from collector.importing import import_spool as take_spool
from collector.journal import Journal
from collector.places import DataFolder
from collector.supervisor import only_one
from config.keyfiles import read_keypair

WAIT_S = 600.0


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="JSON.")
@click.pass_obj
def import_spool(data: DataFolder, file: Path, as_json: bool) -> None:
    """Nhập FILE / Take in what `canhsong-station spool export FILE` wrote; what is here already is not taken twice."""
    try:
        with only_one(data.lock):
            done = _alone(data, file)
    except MisuseError:  # `serve` runs: the journal has one writer, its ingest
        done = _through_ingest(data, file)
    if "error" in done:
        raise SpoolFileError(f"{file}: {done['error']}")
    if as_json:
        click.echo(json.dumps(done))
    else:
        click.echo(
            f"{done['station']}: {done['new']} mới / new, {done['known']} đã có / known, "
            f"{done['rejected']} bị từ chối / rejected, {done['gaps']} mất / missing"
        )


def _alone(data: DataFolder, file: Path) -> Mapping[str, Any]:
    pair, stations = read_keypair(data.key), read_register(data.register).stations
    journal = Journal(data.journal)
    try:
        with file.open("rb") as source:
            *_, done = take_spool(journal, source, pair=pair, stations=stations)
        return asdict(done)
    except SpoolFileError as error:
        return {"error": str(error)}
    finally:
        journal.close()


def _through_ingest(data: DataFolder, file: Path) -> Mapping[str, Any]:
    name = secrets.token_hex(8)
    place, answer = data.incoming / f"{name}{SUFFIX}", data.incoming / f"{name}.json"
    try:
        data.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(file, place.with_suffix(".part"))
        place.with_suffix(".part").rename(place)
        until_s = time.monotonic() + WAIT_S
        while not answer.exists():
            if time.monotonic() > until_s:
                raise StorageError(f"{place}: not taken within {WAIT_S:g} s: see what `serve` says; it is taken when ingest runs again")
            time.sleep(0.1)
        done: Mapping[str, Any] = json.loads(answer.read_bytes())
        answer.unlink()
    except OSError as error:
        raise StorageError(f"{data.incoming}: {error.strerror}") from error
    return done
