"""Compile a loop when numba is there; leave it as plain Python when not."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

try:
    import numba

    def compiled(function: Callable[P, R]) -> Callable[P, R]:
        """Return ``function`` compiled on its first call, the machine code kept on disk."""
        fast: Callable[P, R] = numba.njit(cache=True, nogil=True, fastmath=True)(function)
        return fast

    HAVE_NUMBA = True
except ImportError:  # a station on a bare Python

    def compiled(function: Callable[P, R]) -> Callable[P, R]:
        """Return ``function`` as it is: the same results, slower."""
        return function

    HAVE_NUMBA = False
