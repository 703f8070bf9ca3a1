"""The command ``canhsong-station``: the composition root. Commands are imported when they are called."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

PROGRAM: Final = "canhsong-station"
COMMANDS: Final = {
    "replay": "station.replay_command:replay",
    "settings": "station.settings_command:settings",
    "demo": "station.demo_command:demo",
    "scan": "station.scan_command:scan",
    "run": "station.run_command:run",
    "watch": "station.watch_command:watch",
    "devices": "station.devices_command:devices",
    "doctor": "station.doctor_command:doctor",
    "keys": "station.keys_command:keys",
    "spool": "station.spool_command:spool",
    "capture": "station.capture_command:capture",
    "calibrate": "station.calibrate_command:calibrate",
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

        click.echo(f"canhsong-station {version('canhsong')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--settings", "settings_file", type=click.Path(path_type=Path), metavar="FILE", help="Tệp cấu hình TOML / TOML settings file."
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Phiên bản / Print the version.")
@click.pass_context
def cli(ctx: click.Context, settings_file: Path | None) -> None:
    """Trạm giám sát phổ tần Canh Sóng / Canh Sóng spectrum monitoring station."""
    ctx.obj = settings_file


def run(arguments: Sequence[str]) -> int:
    """Run the command line ``arguments`` and return the exit code; whatever is wrong is one line on stderr."""
    from config.errors import ConfigError
    from station.errors import StationError

    try:
        code = cli.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        return _fail(f"{error.format_message()} ({PROGRAM} --help)", error.exit_code)
    except StationError as error:
        return _fail(str(error), error.exit_code)
    except ConfigError as error:
        return _fail(str(error), 2)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def main() -> None:
    """Run the program."""
    sys.exit(run(sys.argv[1:]))


def _fail(text: str, code: int) -> int:
    click.echo(f"{PROGRAM}: {' '.join(text.split())}", err=True)
    return code


if __name__ == "__main__":
    main()
