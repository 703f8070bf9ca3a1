"""Writes the JSON schemas of wire records, settings and data files: ``python -m config.make_schema [FOLDER]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from config.band_plan import BandPlan, PlmnTable
from config.settings import StationSettings
from config.wire import AnyRecord
from config.wire.frames import AnyFrame

SCHEMAS: dict[str, Any] = {
    "record.json": AnyRecord,
    "frame.json": AnyFrame,
    "station_settings.json": StationSettings,
    "band_plan.json": BandPlan,
    "plmn_table.json": PlmnTable,
}
FOLDER = Path(__file__).parent / "schema"


def schema_text(kind: Any) -> str:
    """Return the JSON schema of ``kind`` as committed: indented, keys sorted, one newline at the end."""
    return json.dumps(msgspec.json.schema(kind), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(folder: Path = FOLDER) -> None:
    """Write every schema into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in SCHEMAS.items():
        (folder / name).write_text(schema_text(kind), encoding="utf-8")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
