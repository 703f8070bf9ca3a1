"""``canhsong-collector registry``: import, validate, compare and show licence registries."""

from __future__ import annotations

import json
from pathlib import Path

import click

from collector.places import DataFolder


@click.group()
def registry() -> None:
    """Sổ đăng ký giấy phép / The licence registry: a folder with registry.toml and licences.csv."""


@registry.command("import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_obj
def import_(data: DataFolder, folder: Path) -> None:
    """Nhập sổ đăng ký; sai một dòng thì không nhập gì / Check every row, keep the version, judge by it from now on."""
    from collector.registry_folder import import_registry

    found = import_registry(data.path, folder)
    click.echo(f"{found.version}  {len(found.licences)} giấy phép / licences  {found.head.name}")


@registry.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def validate(folder: Path) -> None:
    """Kiểm tra, không nhập / Check every row and import nothing; exit code 2 where something is wrong."""
    from config.licences import load_registry

    found = load_registry(folder)
    click.echo(f"{found.version}  {len(found.licences)} giấy phép, không lỗi / licences, no errors")


@registry.command()
@click.argument("old")
@click.argument("new")
@click.option("--json", "as_json", is_flag=True, help="Một đối tượng JSON / One JSON object.")
@click.pass_obj
def diff(data: DataFolder, old: str, new: str, *, as_json: bool) -> None:
    """So hai sổ / Compare OLD and NEW: folders, imported versions, `current` or `default`."""
    from collector.registry_folder import find_registry
    from config.licences import difference

    found = difference(find_registry(data.path, old), find_registry(data.path, new))
    if as_json:
        click.echo(json.dumps({"added": found.added, "removed": found.removed, "changed": dict(found.changed)}))
        return
    for sign, names in (("+", found.added), ("-", found.removed)):
        for name in names:
            click.echo(f"{sign} {name}")
    for name, columns in found.changed:
        click.echo(f"~ {name}: {', '.join(columns)}")


@registry.command()
@click.option("--json", "as_json", is_flag=True, help="Một đối tượng JSON / One JSON object.")
@click.pass_obj
def show(data: DataFolder, *, as_json: bool) -> None:
    """Sổ đang dùng / Print which registry is judged by."""
    from collector.registry_folder import find_registry

    found = find_registry(data.path, "current")
    covers = [[r.lower_mhz, r.upper_mhz] for r in found.head.covers]
    if as_json:
        row = {"version": found.version, "name": found.head.name, "starting_point": found.head.starting_point, "covers_mhz": covers}
        click.echo(json.dumps({**row, "licences": len(found.licences)}, ensure_ascii=False))
        return
    click.echo(f"{found.version}  {len(found.licences)} giấy phép / licences  {found.head.name}")
    shown = ", ".join(f"{low:g}-{high:g} MHz" for low, high in covers)
    click.echo(f"bao trùm / covers: {shown or 'không dải nào / nothing'}")
    if found.head.starting_point:
        click.echo("chỉ là điểm khởi đầu / a starting point, no substitute for the licences")
