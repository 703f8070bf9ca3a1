"""What the fixture ``replay`` is, and what is expected of a line on stderr."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Make = Callable[..., Path]
Replay = Callable[..., tuple[int, list[dict[str, Any]], list[str]]]


def one_line(lines: list[str], *words: str) -> None:
    assert len(lines) == 1, lines
    assert lines[0].startswith("canhsong-station: ")
    for word in words:
        assert word in lines[0]
