"""``canhsong-collector keys``: the collector's own key, and whose keys get in. The running ingest sees every change at once."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from collector.enrolment import Register, Role, read_register, write_register
from collector.local_time import local
from collector.places import DataFolder
from config.keyfiles import KeyFileError, fresh_keypair, read_keypair, write_keypair


@click.group()
def keys() -> None:
    """Khóa của trung tâm và các trạm / Keys of the collector and of the stations that may send."""


@keys.command()
@click.pass_obj
def init(data: DataFolder) -> None:
    """Tạo khóa của trung tâm / Make the collector's key, once, and print its public half."""
    if data.key.exists():
        click.echo(f"{data.key}: đã có / is there already and stays", err=True)
    else:
        write_keypair(data.key, fresh_keypair())
        click.echo("chạy lại serve / start `serve` again: from now on stations need a key", err=True)
    click.echo(read_keypair(data.key).public)


@keys.command()
@click.argument("station")
@click.argument("public_key", metavar="PUBKEY")
@click.option("--subscriber", is_flag=True, help="Chỉ nghe / May listen to what was accepted, and send nothing.")
@click.pass_obj
def enrol(data: DataFolder, station: str, public_key: str, subscriber: bool) -> None:
    """Cho trạm vào / Let STATION in by its public key (`canhsong-station keys show`)."""
    role: Role = "subscriber" if subscriber else "station"
    with _changing(data) as register:
        write_register(data.register, register.enrol(station, public_key, now_ns=time.time_ns(), role=role))
    click.echo(f"{station}: đã cho vào / enrolled", err=True)
    if not data.key.exists():
        click.echo("trung tâm chưa có khóa / the collector has no key yet: `canhsong-collector keys init`", err=True)


@keys.command()
@click.argument("station")
@click.pass_obj
def revoke(data: DataFolder, station: str) -> None:
    """Chặn trạm / Cut STATION off, at once, also where it is connected."""
    with _changing(data) as register:
        write_register(data.register, register.revoke(station, now_ns=time.time_ns()))
    click.echo(f"{station}: đã chặn / revoked", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.pass_obj
def list_keys(data: DataFolder, as_json: bool) -> None:
    """Liệt kê / List who is and who was enrolled."""
    for one in read_register(data.register).enrolments:
        if as_json:
            click.echo(
                json.dumps(
                    {
                        "station": one.station,
                        "role": one.role,
                        "public_key": one.public_key,
                        "enrolled_ns": one.enrolled_ns,
                        "revoked_ns": one.revoked_ns,
                    }
                )
            )
        else:
            until = "" if one.revoked_ns is None else f"  revoked {_day(one.revoked_ns)}"
            click.echo(f"{one.station:24} {one.role:10} {one.public_key}  since {_day(one.enrolled_ns)}{until}")


@contextmanager
def _changing(data: DataFolder) -> Iterator[Register]:
    """Give the register while nobody else changes it."""
    try:
        data.register.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (data.register.parent / ".lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            yield read_register(data.register)
    except OSError as error:
        raise KeyFileError(f"{data.register.parent}: cannot be written: {error.strerror}") from error


def _day(time_ns: int) -> str:
    return local(time_ns).strftime("%Y-%m-%d %H:%M")
