"""``canhsong-station doctor``: what is wrong with this station, and what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from station.scan_command import live_settings, receiver_options

_SIGNS: Final = {"ok": "✓", "warn": "!", "fail": "✗"}


@click.command()
@click.option("--band", "bands", multiple=True, metavar="NAME", help="Băng tần / Band or range in MHz; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@receiver_options
@click.pass_context
def doctor(ctx: click.Context, /, bands: tuple[str, ...], as_json: bool, **flags: Any) -> None:
    """Khám trạm / Check dongle, driver, samples, antenna, levels, clock, disk and collector. Exit code 1 where something is broken."""
    settings = live_settings(ctx.obj, flags, bands)
    from config.band_plan import load_band_plan
    from station.doctor import checks

    plan = load_band_plan(Path(settings.plan.bands) if settings.plan.bands else None)
    verdicts = []
    for one in checks(settings, plan):
        verdicts.append(one.verdict)
        if as_json:
            click.echo(json.dumps(asdict(one), ensure_ascii=False))
        else:
            click.echo(f"{_SIGNS[one.verdict]} {one.title}: {one.found}" + (f"\n    → {one.todo}" if one.todo else ""))
        sys.stdout.flush()  # a check takes seconds: what is known is shown
    if not as_json:
        click.echo(summary(verdicts.count("fail"), verdicts.count("warn")))
    ctx.exit(1 if "fail" in verdicts else 0)


def summary(failed: int, warned: int) -> str:
    """Return the last line: whether the station can work."""
    if failed:
        return f"{failed} lỗi cần sửa, {warned} điểm cần xem / {failed} to repair, {warned} to look at"
    if warned:
        return f"Trạm làm việc được, {warned} điểm cần xem / the station can work, {warned} to look at"
    return "Trạm sẵn sàng / the station is ready"
