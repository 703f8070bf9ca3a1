"""The independent judge of the GSM tests, and their scenes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def osmo() -> ModuleType:
    """The module ``osmocoding`` beside this file, its libraries loaded; or a skip."""
    module = _beside("osmocoding")
    module.library()
    return module


@pytest.fixture(scope="session")
def scenes() -> ModuleType:
    """The module ``scenes`` beside this file."""
    return _beside("scenes")


def _beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
