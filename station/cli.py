"""The command ``canhsong-station``: the composition root. Commands are imported when they are called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from config.command_line import LazyGroup, version_option

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


@click.group(cls=LazyGroup, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--settings", "settings_file", type=click.Path(path_type=Path), metavar="FILE", help="Tệp cấu hình TOML / TOML settings file."
)
@version_option(PROGRAM)
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
