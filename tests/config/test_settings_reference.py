from __future__ import annotations

from pathlib import Path

import msgspec

from config.settings import StationSettings


def test_the_reference_names_every_section_and_key(root: Path) -> None:
    text = (root / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    for section in msgspec.structs.fields(StationSettings):
        assert f"| `{section.name}` |" in text
        for key in msgspec.structs.fields(section.type):
            assert f"`{key.name}`" in text, f"{section.name}.{key.name} is not in docs/reference/settings.md"
