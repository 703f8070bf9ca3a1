"""The terminal while the live station runs: the view on the whole screen, and the inspector's keys."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from station.key_presses import CAPTURE, HELP, Keyboard, step_of
from station.live_view import LiveView

if TYPE_CHECKING:
    from station.tasks import TaskDesk


def full_screen(stack: contextlib.ExitStack, notice: str) -> LiveView:
    """Return the view, shown until ``stack`` is closed. ``notice``: a line that stays, such as the address of a page."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    view = LiveView(size=lambda: (console.width, console.height), notice=notice)
    live = stack.enter_context(Live(get_renderable=view.render, console=console, refresh_per_second=4, screen=True))
    stack.callback(live.refresh)
    return view


def keyboard(view: LiveView, desk: TaskDesk) -> Keyboard:
    """Return the keyboard of the live view: it chooses a transmitter, and has what is heard there kept."""

    def pressed(key: str) -> None:
        if step := step_of(key):
            view.move(step)
        elif key == CAPTURE and (chosen := view.chosen()) is not None:
            where = f"{chosen.center_freq_hz / 1e6:.4f} MHz"
            desk.press(chosen.center_freq_hz, f"the inspector's key: {where}, track {chosen.track_id}, {chosen.snr_db:.0f} dB")
            view.say(f"sẽ ghi / will be kept: {where}")

    view.help = HELP
    return Keyboard(sys.stdin.fileno(), pressed)
