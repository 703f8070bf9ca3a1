"""What both programs' command lines share: commands that are imported when they are called, and the version."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is called."""

    def __init__(self, *arguments: Any, places: Mapping[str, str], **options: Any) -> None:
        """``places``: command -> module:attribute. A module that is not there is no command."""
        super().__init__(*arguments, **options)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands that are there."""
        return sorted(name for name, place in self._places.items() if importlib.util.find_spec(place.partition(":")[0]) is not None)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command ``cmd_name``; None: there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, attribute = self._places[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        return command if isinstance(command, click.Command) else None


def version_option(program: str) -> Callable[[F], F]:
    """Return the flag ``--version`` of ``program``."""

    def tell(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted:
            from importlib.metadata import version

            click.echo(f"{program} {version('canhsong')}")
            ctx.exit()

    return click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=tell, help="Phiên bản / Print the version.")
