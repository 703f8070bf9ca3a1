"""``canhsong-station settings``: what is set, and by whom."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from station.settings_source import load_station_settings, settings_file


@click.group()
def settings() -> None:
    """Cấu hình / Settings."""


@settings.command()
@click.option("--json", "as_json", is_flag=True, help="JSON.")
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> None:
    """In mọi khóa, giá trị và nguồn / Print every key, its value and where it comes from."""
    loaded = load_station_settings(ctx.obj, {})
    values: dict[str, dict[str, Any]] = msgspec.to_builtins(loaded.settings)
    if as_json:
        click.echo(msgspec.json.encode({"settings": values, "sources": dict(sorted(loaded.sources.items()))}).decode())
        return
    click.echo(f"# {settings_file(ctx.obj) or 'không có tệp cấu hình / no settings file'}")
    for section, keys in values.items():
        click.echo(f"[{section}]")
        for key, value in keys.items():
            source = loaded.sources.get(f"{section}.{key}", "mặc định / default")
            text = msgspec.json.encode(value).decode()
            click.echo(f"# {key}: không đặt / not set" if value is None else f"{key} = {text}  # {source}")
