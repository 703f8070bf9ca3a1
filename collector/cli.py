"""The command ``canhsong-collector``: the composition root. Commands are imported when they are called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from config.command_line import LazyGroup, version_option

PROGRAM: Final = "canhsong-collector"
COMMANDS: Final = {
    "serve": "collector.serve_command:serve",
    "timeline": "collector.timeline_command:timeline",
    "stations": "collector.stations_command:stations",
    "keys": "collector.keys_command:keys",
    "import": "collector.import_command:import_spool",
    "part": "collector.parts:part",
    "store": "collector.store_command:store",
    "check": "collector.check_command:check",
    "registry": "collector.registry_command:registry",
    "findings": "collector.findings_command:findings",
    "rejudge": "collector.findings_command:rejudge",
    "tasks": "collector.tasks_command:tasks",
    "captures": "collector.captures_command:captures",
}


@click.group(cls=LazyGroup, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    envvar="CANHSONG_COLLECTOR_DATA",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Thư mục dữ liệu / Data folder; default: the user's XDG data folder.",
)
@version_option(PROGRAM)
@click.pass_context
def cli(ctx: click.Context, data: Path | None) -> None:
    """Trung tâm Canh Sóng / Canh Sóng collector: takes, keeps and shows what the stations hear."""
    from collector.local_time import show_times_by
    from collector.places import DataFolder, default_data_folder

    ctx.obj = DataFolder(path=data or default_data_folder())
    show_times_by(ctx.obj.path)


def main() -> None:
    """Run the command line; errors of ours are one line on stderr."""
    from collector.errors import CollectorError
    from config.errors import ConfigError

    try:
        cli(prog_name=PROGRAM)
    except CollectorError as error:
        click.echo(f"canhsong-collector: {error}", err=True)
        sys.exit(error.exit_code)
    except ConfigError as error:
        click.echo(f"canhsong-collector: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
