"""``canhsong-collector check``: judge recordings by the Art. 4.3 checks and say why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click
import msgspec

EXIT_DIFFERENT: Final = 3


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="PATH...")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.option("--start-time", metavar="WHEN", help="Thời điểm bắt đầu bản ghi / When the recordings began: 2026-11-20T03:00Z.")
@click.option("--registry", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Sổ đăng ký / Registry folder.")
@click.option("--rules", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Bộ quy tắc / Rule book (TOML).")
@click.option(
    "--expect", type=click.Path(path_type=Path), metavar="FILE", help="So với kết quả mong đợi / Compare; exit code 3 if different."
)
@click.option("--write-expect", type=click.Path(path_type=Path), metavar="FILE", help="Ghi kết quả mong đợi / Write FILE for --expect.")
def check(
    paths: tuple[Path, ...],
    *,
    as_json: bool,
    start_time: str | None,
    registry: Path | None,
    rules: Path | None,
    expect: Path | None,
    write_expect: Path | None,
) -> None:
    """Xét bản ghi theo Điều 4.3 / Judge recordings (SigMF, WAV, raw) or files of records (.jsonl), each by itself."""
    from collector.checking import compare, essence, judge_path
    from collector.checks.context import default_context
    from collector.errors import CollectorError
    from config.licences import load_registry
    from config.rules import load_rule_book

    context = default_context(registry=load_registry(registry) if registry else None, book=load_rule_book(rules) if rules else None)
    verdicts, code = [], 0
    for path in paths:
        try:
            verdict = judge_path(path, context, start_time=start_time)
        except CollectorError as error:
            click.echo(f"canhsong-collector: {error}", err=True)
            code = max(code, error.exit_code)
            continue
        verdicts.append(verdict)
        if as_json:
            click.echo("".join(_json_lines(verdict)), nl=False)
        else:
            _print(verdict, starting_point=context.licences.registry.head.starting_point)
    if write_expect is not None:
        write_expect.write_text(essence(verdicts), encoding="utf-8")
    if expect is not None and (different := compare(verdicts, expect)):
        click.echo("\n".join(different), err=True)
        code = max(code, EXIT_DIFFERENT)
    sys.exit(code)


def _json_lines(verdict: object) -> list[str]:
    from collector.checking import Verdict

    assert isinstance(verdict, Verdict)
    rows = [("finding", f) for f in verdict.findings] + [("cannot_judge", r) for r in verdict.remarks]
    return [msgspec.json.encode({"kind": kind, "source": verdict.source, **msgspec.to_builtins(row)}).decode() + "\n" for kind, row in rows]


def _print(verdict: object, *, starting_point: bool) -> None:
    from rich.console import Console

    from collector.checking import Verdict
    from collector.finding_words import WEIGHT_WORDS, finding_lines, remark_line

    assert isinstance(verdict, Verdict)
    console = Console(highlight=False)
    console.print(f"[bold]{verdict.source}[/bold]", soft_wrap=True)
    if not verdict.findings:
        console.print("  không có phát hiện / no findings")
    for finding in verdict.findings:
        for line in finding_lines(finding):
            console.print(line, markup=False, soft_wrap=True)
    if verdict.findings:
        console.print(WEIGHT_WORDS, style="dim", soft_wrap=True)
    for remark in verdict.remarks:
        console.print(remark_line(remark), markup=False, soft_wrap=True)
    if starting_point:
        console.print(
            "  Sổ đăng ký mặc định chỉ là điểm khởi đầu / the default registry is a starting point, no substitute for the licences",
            style="dim", soft_wrap=True,
        )  # fmt: skip
