"""The command ``canhsong-collector``: the composition root. Commands are imported when they are called."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Final

import click

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
"""Command -> module:attribute. A module that is not there is no command."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands that are there."""
        return sorted(name for name, place in COMMANDS.items() if importlib.util.find_spec(place.partition(":")[0]) is not None)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command ``cmd_name``; None: there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        return command if isinstance(command, click.Command) else None


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"canhsong-collector {version('canhsong')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    envvar="CANHSONG_COLLECTOR_DATA",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Thư mục dữ liệu / Data folder; default: the user's XDG data folder.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Phiên bản / Print the version.")
@click.pass_context
def cli(ctx: click.Context, data: Path | None) -> None:
    """Trung tâm Canh Sóng / Canh Sóng collector: takes, keeps and shows what the stations hear."""
    from collector.places import DataFolder, default_data_folder

    ctx.obj = DataFolder(path=data or default_data_folder())


def main() -> None:
    """Run the command line; errors of ours are one line on stderr."""
    from collector.errors import CollectorError
    from config.errors import ConfigError

    try:
        cli(prog_name="canhsong-collector")
    except CollectorError as error:
        click.echo(f"canhsong-collector: {error}", err=True)
        sys.exit(error.exit_code)
    except ConfigError as error:
        click.echo(f"canhsong-collector: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
