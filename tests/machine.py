"""What a package cannot mend: privileges and parts of the kernel that a test needs and this machine does not give."""

from __future__ import annotations

from typing import Final, NoReturn

import pytest

WORDS: Final = "this machine cannot: "


def cannot(what: str) -> NoReturn:
    """Skip, CI included, because the machine does not allow ``what`` and no package would change that."""
    pytest.skip(WORDS + what)
