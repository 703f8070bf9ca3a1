"""The first run after an install compiles the receivers' loops; it says what it waits for, once, and later runs find them on disk."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np

WAITING = (
    "lần chạy đầu sau khi cài: đang biên dịch, khoảng nửa phút, chỉ một lần / "
    "first run after the install: compiling, about half a minute, once"
)


def make_ready(say: Callable[[str], None]) -> None:
    """Compile what is not compiled yet, and say so before it takes long."""
    marks = _marks()
    if any(mark.exists() for mark in marks):
        return
    say(WAITING)
    compile_all()
    for mark in marks:
        try:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        except OSError:
            continue  # an installation that belongs to somebody else: the next place
        return


def compile_all() -> None:
    """Run every compiled loop once."""
    from dsp.gsm.warm import compile_kernels
    from dsp.lte.search import find_cells

    compile_kernels()
    rng = np.random.default_rng(0)
    noise = (rng.standard_normal((19_200, 2)) @ [1.0, 1j]).astype(np.complex64)
    find_cells(noise, sample_rate_hz=1.92e6, center_freq_hz=800e6)


def _marks() -> tuple[Path, Path]:
    """Return where the mark of this installation may stand: beside the compiled code, else in the user's cache."""
    import dsp

    versions = "-".join(f"{name}{metadata.version(name)}" for name in ("canhsong", "numba", "numpy"))
    from platformdirs import user_cache_path

    return Path(dsp.__file__).parent / "__pycache__" / f"compiled-{versions}", user_cache_path("canhsong") / f"compiled-{versions}"


if __name__ == "__main__":
    import sys

    make_ready(lambda text: print(text, file=sys.stderr))
