"""``canhsong-collector serve``: all of the collector's processes, supervised."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading

import click

from collector.influx_settings import influx_settings
from collector.places import DEFAULT_HTTP, DEFAULT_INGEST, DataFolder, checked_http, checked_ingest
from collector.store_renewal import renew_store
from collector.store_settings import store_settings
from collector.supervisor import Command, Supervisor, only_one
from collector.task_settings import task_settings

_SHOWN = {"ingest": "Trạm gửi về / stations publish to", "web": "Trang / page"}


@click.command()
@click.option("--ingest", default=DEFAULT_INGEST, show_default=True, metavar="ADDRESS", help="Nơi trạm gửi về / Where stations publish to.")
@click.option(
    "--http", default=DEFAULT_HTTP, show_default=True, metavar="HOST:PORT", help="Địa chỉ trang / Address of the page; port 0 picks one."
)
@click.option("--publish", metavar="ADDRESS", help="Phát lại / Where others may subscribe (XPUB) to what was accepted, e.g. tcp://*:5571.")
@click.option("--plaintext", is_flag=True, help="Không cần khóa (nguy hiểm) / Let anyone send, without keys: for closed networks alone.")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line: name, address.")
@click.pass_obj
def serve(data: DataFolder, ingest: str, http: str, publish: str | None, plaintext: bool, as_json: bool) -> None:
    """Chạy trung tâm / Run the collector: ingest, store, page; ends by Ctrl-C or SIGTERM."""
    checked_ingest(ingest, keys=data.key.exists(), plaintext=plaintext)
    if publish is not None:
        checked_ingest(publish, keys=data.key.exists(), plaintext=plaintext, option="--publish")
    if plaintext:
        _say("--plaintext: whoever reaches this port can send records in any station's name, and read along")
    checked_http(http)
    store_settings(data.path)
    task_settings(data.path)  # what is wrong in these is said now, and not by a part that ends again and again
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    flags = (*(("--plaintext",) if plaintext else ()), *(("--publish", publish) if publish is not None else ()))
    commands = [
        ("ingest", _command(data, "ingest", ingest, *flags)),
        ("store", _command(data, "store", "-")),
        ("judge", _command(data, "judge", "-")),
        ("tasks", _command(data, "tasks", "-")),
        *([("influx", _command(data, "influx", "-"))] if influx_settings(data.path) is not None else []),
        ("web", _command(data, "web", http)),
    ]

    def ready(name: str, address: str) -> None:
        if as_json:
            click.echo(json.dumps({"name": name, "address": address}))
        elif name in _SHOWN:
            click.echo(f"{_SHOWN[name]}: {address}")
        sys.stdout.flush()

    with only_one(data.lock):
        if (renewed := renew_store(data.store, data.journal)) is not None:
            _say(renewed)
        code = Supervisor(commands, say=_say, ready=ready).run(told.is_set)
    _say("đã dừng / stopped")
    sys.exit(code)


def _command(data: DataFolder, name: str, address: str, *flags: str) -> Command:
    # a restarted part gets the address it had: a free port that was picked stays the same
    return lambda before: [sys.executable, "-m", "collector.cli", "--data", str(data.path), "part", *flags, name, before or address]


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # where it goes is full, or nobody reads it: no reason to end
        click.echo(f"canhsong-collector: {text}", err=True)
