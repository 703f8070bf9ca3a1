"""The independent judge of the GSM tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def osmo() -> ModuleType:
    """The module ``osmocoding`` beside this file, its libraries loaded; or a skip."""
    spec = importlib.util.spec_from_file_location("osmocoding", Path(__file__).with_name("osmocoding.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.library()
    return module
