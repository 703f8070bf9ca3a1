"""The plain names of the packages are owned by nobody else (decision 10)."""

from __future__ import annotations

from importlib.metadata import packages_distributions

import pytest


@pytest.mark.parametrize("name", ["station", "dsp", "collector", "config"])
def test_no_dependency_owns_one_of_our_package_names(name: str) -> None:
    owners = set(packages_distributions().get(name, []))
    assert owners <= {"canhsong"}, f"{name} is also a package of {owners - {'canhsong'}}"
