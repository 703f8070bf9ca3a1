"""``canhsong-station doctor``: what is wrong with this station, and what to do."""

from __future__ import annotations

import json
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
    """Khám trạm / Check dongle, driver, samples, antenna, clock, disk and collector."""
    settings = live_settings(ctx.obj, flags, bands)
    from config.band_plan import load_band_plan
    from station.doctor import checks

    plan = load_band_plan(Path(settings.plan.bands) if settings.plan.bands else None)
    failed = False
    for one in checks(settings, plan):
        failed |= one.verdict == "fail"
        if as_json:
            click.echo(json.dumps(asdict(one), ensure_ascii=False))
        else:
            click.echo(f"{_SIGNS[one.verdict]} {one.name}: {one.found}" + (f"\n    → {one.todo}" if one.todo else ""))
    ctx.exit(1 if failed else 0)
