"""The processes of ``serve``: ingest, the store's follower, the page. They end by SIGTERM or when the supervisor goes."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Final

import click

from collector.errors import CollectorError
from collector.places import DataFolder, checked_http
from collector.supervisor import READY
from config.logs import log_to_stderr


def run_ingest(data: DataFolder, address: str, *, plaintext: bool = False, publish: str | None = None) -> None:
    """Take records until told to stop: from stations with a key where the collector has one, unless ``plaintext``."""
    from collector.enrolment import LiveRegister
    from collector.errands import errands_or_none
    from collector.gate import Gate
    from collector.ingest import Ingest
    from config.keyfiles import read_keypair

    stopped = _until_told()
    _raise_open_files()
    gate = None if plaintext or not data.key.exists() else Gate(read_keypair(data.key), LiveRegister(data.register))
    errands = errands_or_none(data.path)
    ingest = Ingest(data.journal, address, gate=gate, incoming=data.incoming, publish=publish, status=data.status, errands=errands)
    _ready(ingest.endpoint)
    try:
        ingest.run(stopped)
    finally:
        ingest.close()


def run_store(data: DataFolder, _: str) -> None:
    """Follow the journal into the embedded store until told to stop."""
    from collector.followers import follow
    from collector.sqlite_effect import SqliteEffect
    from collector.store_settings import store_settings

    stopped = _until_told()
    effect = SqliteEffect(data.store, store_settings(data.path))
    _ready(str(data.store))
    try:
        follow(data.journal, effect, stopped)
    finally:
        effect.close()


def run_judge(data: DataFolder, _: str) -> None:
    """Follow the journal with the Art. 4.3 checks until told to stop."""
    from collector.followers import follow
    from collector.judging import JudgingEffect, findings_path, lock_path
    from collector.supervisor import only_one

    stopped = _until_told()
    with only_one(lock_path(data.path)):
        effect = JudgingEffect(data.path)
        _ready(str(findings_path(data.path)))

        def ended() -> bool:
            effect.tick()  # what waits becomes due while nothing comes, too
            return stopped()

        try:
            follow(data.journal, effect, ended)
        finally:
            effect.close()


def run_tasks(data: DataFolder, _: str) -> None:
    """Ask stations for what findings want, note their answers, let old captures go, until told to stop."""
    from collector.task_desk import run_desk
    from collector.task_table import tasks_path

    stopped = _until_told()
    _ready(str(tasks_path(data.path)))
    run_desk(data.path, stopped)


def run_influx(data: DataFolder, _: str) -> None:
    """Follow the journal into InfluxDB until told to stop."""
    from collector.influx_follower import follow_into_influx
    from collector.influx_settings import influx_settings

    stopped = _until_told()
    settings = influx_settings(data.path)
    if settings is None:
        raise CollectorError("no InfluxDB is set")
    settings.token()
    _ready(settings.url)
    follow_into_influx(data, settings, stopped)


def run_web(data: DataFolder, address: str) -> None:
    """Serve the API and the page until told to stop."""
    from collector.local_time import zone
    from collector.web.server import serve_web

    zone()  # a part that starts on settings that cannot be meant says so
    _end_with_supervisor()
    serve_web(data, *checked_http(address), ready=_ready)


PARTS: Final[Mapping[str, Callable[[DataFolder, str], None]]] = {
    "ingest": run_ingest,
    "store": run_store,
    "judge": run_judge,
    "tasks": run_tasks,
    "influx": run_influx,
    "web": run_web,
}


@click.command(hidden=True)
@click.argument("name", type=click.Choice(sorted(PARTS)))
@click.argument("address")
@click.option("--plaintext", is_flag=True)
@click.option("--publish")
@click.pass_obj
def part(data: DataFolder, name: str, address: str, plaintext: bool, publish: str | None) -> None:
    """Run one process of `serve`."""
    log_to_stderr("canhsong-collector", name)
    if name == "ingest":
        run_ingest(data, address, plaintext=plaintext, publish=publish)
    else:
        PARTS[name](data, address)


def _ready(address: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        click.echo(f"{READY}{address}")
        sys.stdout.flush()


def _raise_open_files() -> None:
    """Allow as many open files as this user may have: every station is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _until_told() -> Callable[[], bool]:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_supervisor()
    return told.is_set


def _end_with_supervisor() -> None:
    """End as by SIGTERM when stdin closes: the supervisor holds its other end."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    if sys.stdin is None:
        raise CollectorError("this program is started by `canhsong-collector serve`")
    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()
