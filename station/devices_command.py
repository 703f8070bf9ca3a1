"""``canhsong-station devices``: the dongles that are plugged in."""

from __future__ import annotations

import json

import click

from station.errors import ReceiverError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
def devices(*, as_json: bool) -> None:
    """Liệt kê máy thu / List the dongles that are plugged in."""
    from station.rtlsdr import dongles

    found = dongles()
    if not found:
        raise ReceiverError("no RTL-SDR dongle found: plug one in; `lsusb` shows one as 0bda:2838 or 0bda:2832")
    for one in found:
        address = f"rtlsdr:{one.serial}" if one.serial and sum(o.serial == one.serial for o in found) == 1 else f"rtlsdr:{one.index}"
        if as_json:
            click.echo(json.dumps({"index": one.index, "name": one.name, "serial": one.serial, "address": address}, ensure_ascii=False))
        else:
            click.echo(f"{one.index}  {one.name}  {one.serial or '-'}  --device {address}")
