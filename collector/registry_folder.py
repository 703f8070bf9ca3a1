"""Registries in the collector's data folder: every imported version is kept, one is current; and what the rules then judge against."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from collector.checks.context import Context, LicenceIndex, StationFacts
from collector.errors import MisuseError
from config.band_plan import load_plmn_table
from config.errors import DataFileError
from config.licences import Registry, load_registry
from config.rules import load_neighbour_blocks, load_rule_book

FILES: Final = ("registry.toml", "licences.csv")
BLOCKS: Final = "neighbour_blocks.csv"
STATIONS: Final = "stations.csv"


class StationRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of ``stations.csv``: what the centre knows of a station beyond what it sends."""

    station: str
    lat_deg: Annotated[float, Meta(ge=-90.0, le=90.0)] | None = None
    lon_deg: Annotated[float, Meta(ge=-180.0, le=180.0)] | None = None
    height_m: Annotated[float, Meta(gt=0.0, le=1000.0)] = 10.0
    gain_dbi: Annotated[float, Meta(ge=-30.0, le=60.0)] = 0.0
    dbm_minus_dbfs: Annotated[float, Meta(ge=-200.0, le=200.0)] | None = None


def registries(data: Path) -> Path:
    """Return the folder of registry versions."""
    return data / "registry"


def current_folder(data: Path) -> Path:
    """Return the folder of the registry that is judged by: the last one imported, else the one that comes with the program."""
    pointer = registries(data) / "current"
    if pointer.exists():
        return registries(data) / pointer.read_text(encoding="ascii").strip()
    return Path(str(resources.files("config"))) / "data" / "registry_vn"


def import_registry(data: Path, source: Path) -> Registry:
    """Check the registry in ``source`` whole, keep it under its version, make it current; nothing changes where anything is wrong.

    Raises:
        DataFileError: what is wrong, with line and column.
    """
    registry = load_registry(source)
    target = registries(data) / registry.version
    if not target.exists():
        half = registries(data) / f".{registry.version}.{os.getpid()}"
        half.mkdir(parents=True, mode=0o700)
        for name in FILES:
            shutil.copyfile(source / name, half / name)
        half.rename(target)
    pointer = registries(data) / "current"
    fresh = pointer.with_suffix(".new")
    fresh.write_text(registry.version + "\n", encoding="ascii")
    fresh.replace(pointer)
    return registry


def find_registry(data: Path, name: str) -> Registry:
    """Return the registry called ``name``: a folder, ``current``, ``default``, or a version that was imported.

    Raises:
        MisuseError: there is none.
        DataFileError: it cannot be read.
    """
    if name == "current":
        return load_registry(current_folder(data))
    if name == "default":
        return load_registry(Path(str(resources.files("config"))) / "data" / "registry_vn")
    for folder in (Path(name), registries(data) / name):
        if folder.is_dir():
            return load_registry(folder)
    known = sorted(p.name for p in registries(data).glob("*") if p.is_dir() and not p.name.startswith("."))
    raise MisuseError(f"{name}: neither a folder nor a version; imported are {', '.join(known) or 'none'}")


def stamp(data: Path) -> tuple[int, ...]:
    """Return what changes when the files that are judged by do."""
    paths = (registries(data) / "current", data / "rules.toml", data / STATIONS, data / BLOCKS)
    return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in paths)


def tables_version(data: Path) -> str:
    """Return 12 hex digits that change when what is known of stations (their calibration, too) and of neighbours' blocks does."""
    digest = hashlib.sha256()
    for path in (data / STATIONS, data / BLOCKS):
        digest.update(path.read_bytes() if path.exists() else b"")
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def judging_context(data: Path) -> Context:
    """Return what the rules judge against in this data folder: its own files where they are there.

    Raises:
        DataFileError: a file cannot be read.
    """
    rules, stations, blocks = data / "rules.toml", data / STATIONS, data / BLOCKS
    return Context(
        book=load_rule_book(rules if rules.exists() else None),
        plmn=load_plmn_table(),
        licences=LicenceIndex(load_registry(current_folder(data))),
        blocks=load_neighbour_blocks(blocks if blocks.exists() else None),
        stations=load_stations(stations) if stations.exists() else {},
    )


def load_stations(path: Path) -> dict[str, StationFacts]:
    """Return the stations in ``path``.

    Raises:
        DataFileError: a row is wrong; the message names its line.
    """
    found = {}
    try:
        reader = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path}: cannot be read: {error}") from error
    for cells in reader:
        try:
            row = msgspec.convert({k: v.strip() for k, v in cells.items() if k and v and v.strip()}, StationRow, strict=False)
        except (msgspec.ValidationError, AttributeError) as error:
            raise DataFileError(f"{path}: line {reader.line_num}: {error}") from error
        place = (row.lat_deg, row.lon_deg) if row.lat_deg is not None and row.lon_deg is not None else None
        found[row.station] = StationFacts(place=place, height_m=row.height_m, gain_dbi=row.gain_dbi, dbm_minus_dbfs=row.dbm_minus_dbfs)
    return found
