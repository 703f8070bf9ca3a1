"""``canhsong-collector findings`` and ``rejudge``: what was found and why, inspectors' answers, judging again."""

from __future__ import annotations

import getpass
import sys

import click
import msgspec

from collector.asking import ORIGINS, parse_moment_ns
from collector.errors import MisuseError
from collector.places import DataFolder


@click.group()
def findings() -> None:
    """Các phát hiện / Findings of the Art. 4.3 checks."""


@findings.command("list")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.option("--origin", "origins", multiple=True, type=click.Choice([*ORIGINS, "all"]), help="Nguồn gốc / Origin; default: live.")
@click.option("--open", "open_only", is_flag=True, help="Chỉ phát hiện đang mở / Open findings only.")
@click.option("--since", metavar="WHEN", help="Từ lúc / From: 10m, 2h, 7d ago, or an ISO date and time.")
@click.option("--limit", type=click.IntRange(1, 2000), default=200, show_default=True, help="Số dòng nhiều nhất / At most so many.")
@click.pass_obj
def list_(data: DataFolder, *, as_json: bool, origins: tuple[str, ...], open_only: bool, since: str | None, limit: int) -> None:
    """Liệt kê phát hiện / List findings, the latest first; live ones unless told otherwise."""
    from collector.finding_words import finding_row
    from collector.judging import findings_path
    from collector.judging_store import FindingsStore

    wanted = () if "all" in origins else origins or ("live",)
    store = FindingsStore.reading(findings_path(data.path))
    if store is None:
        raise MisuseError(f"{data.path}: nothing was judged here yet; run `canhsong-collector serve` or `rejudge`")
    try:
        found = store.findings(origins=wanted, open_only=open_only, since_ns=parse_moment_ns(since) if since else 0, limit=limit)
    finally:
        store.close()
    for finding in found:
        click.echo(msgspec.json.encode(finding).decode() if as_json else finding_row(finding))
    if not found and not as_json:
        click.echo("canhsong-collector: không có phát hiện / no findings; --origin all shows those of recordings too", err=True)


@findings.command()
@click.argument("finding_id")
@click.option("--json", "as_json", is_flag=True, help="Một đối tượng JSON / One JSON object.")
@click.pass_obj
def show(data: DataFolder, finding_id: str, *, as_json: bool) -> None:
    """In một phát hiện với mọi lý do / Print one finding with all its reasons."""
    from collector.finding_words import WEIGHT_WORDS, finding_lines
    from collector.judging import findings_path, unknown_finding
    from collector.judging_store import FindingsStore

    store = FindingsStore(findings_path(data.path))
    try:
        finding = store.finding(finding_id)
    finally:
        store.close()
    if finding is None:
        raise unknown_finding(finding_id)
    from collector.task_table import read_tasks
    from collector.task_words import finding_task_lines

    lines = [*finding_lines(finding), WEIGHT_WORDS, *finding_task_lines(read_tasks(data.path, finding_id=finding.finding_id))]
    click.echo(msgspec.json.encode(finding).decode() if as_json else "\n".join(lines))


@findings.command()
@click.argument("finding_id")
@click.argument("answer", type=click.Choice(["confirmed", "false", "licensed"]))
@click.option("--note", default="", help="Ghi chú / Note.")
@click.option("--inspector", default=None, help="Người kiểm tra / Who found it; default: the user's login name.")
@click.pass_obj
def answer(data: DataFolder, finding_id: str, answer: str, *, note: str, inspector: str | None) -> None:
    """Ghi kết quả kiểm tra thực địa / Record what an inspector found on the spot; nothing ever deletes it."""
    from collector.cases import Cases
    from collector.judging import cases_path, findings_path, unknown_finding
    from collector.judging_store import FindingsStore

    store = FindingsStore(findings_path(data.path))
    finding = store.finding(finding_id)
    store.close()
    if finding is None:
        raise unknown_finding(finding_id)
    cases = Cases(cases_path(data.path))
    cases.record(finding, answer, inspector=inspector or getpass.getuser(), note=note)
    cases.close()
    click.echo(f"{finding.finding_id}  {answer}")


@click.command()
@click.option("--since", metavar="WHEN", help="Chỉ từ lúc / Only observations from: 7d ago, or an ISO date and time; default: all.")
@click.option("--resume", is_flag=True, help="Làm tiếp lần bị dừng / Go on with one that was stopped.")
@click.pass_obj
def rejudge(data: DataFolder, *, since: str | None, resume: bool) -> None:
    """Xét lại quá khứ / Judge the journal again, by the registry, rules and answers of now; `serve` must not be running."""
    from rich.progress import Progress

    from collector.judging import JudgingEffect, lock_path
    from collector.supervisor import only_one

    with only_one(lock_path(data.path)), Progress(disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("xét lại / judging again")
        effect = JudgingEffect(data.path)
        try:
            total = effect.again(
                parse_moment_ns(since) if since else 0,
                resume=resume,
                progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
        finally:
            effect.close()
    click.echo(f"{total} quan sát đã xét lại / observations judged again")
