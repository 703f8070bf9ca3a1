"""The licence registry: who may transmit what, where and when. One CSV file of licences, checked row by row.

A registry *covers* the frequency ranges it says it covers: outside them a missing licence means nothing. Its ``version`` is the hash of its
content, so that a finding can name exactly what it was judged by.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from config.errors import DataFileError
from config.loading import read_toml

Technology = Literal["gsm", "lte", "nr", "umts", "repeater", "other"]
MAX_LICENCES: Final = 1_000_000
Mhz = Annotated[float, Meta(gt=0.0, le=100_000.0)]
Text = Annotated[str, Meta(max_length=200)]


class Licence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: a transmitter, or a block of frequencies held everywhere where no position is given."""

    licence_id: Annotated[str, Meta(min_length=1, max_length=64)]
    holder: Annotated[str, Meta(min_length=1, max_length=200)]
    technology: Technology
    lower_mhz: Mhz
    upper_mhz: Mhz
    bandwidth_khz: Annotated[float, Meta(gt=0.0, le=400_000.0)] | None = None
    """Of one carrier; None: any that fits."""
    site: Text | None = None
    lat_deg: Annotated[float, Meta(ge=-90.0, le=90.0)] | None = None
    lon_deg: Annotated[float, Meta(ge=-180.0, le=180.0)] | None = None
    radius_km: Annotated[float, Meta(gt=0.0, le=1_000.0)] | None = None
    """How far the transmitter may be heard; None: no limit."""
    eirp_dbm: Annotated[float, Meta(ge=-50.0, le=120.0)] | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    mcc: Annotated[str, Meta(pattern=r"^\d{3}$")] | None = None
    mnc: Annotated[str, Meta(pattern=r"^\d{2,3}$")] | None = None
    lac: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    tac: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    ci: Annotated[int, Meta(ge=0, le=2**28 - 1)] | None = None
    bsic: Annotated[int, Meta(ge=0, le=63)] | None = None
    pci: Annotated[int, Meta(ge=0, le=503)] | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; the column at fault comes first in the message."""
        if self.lower_mhz >= self.upper_mhz:
            raise ValueError(f"upper_mhz: {self.upper_mhz} must be above lower_mhz {self.lower_mhz}")
        if (self.lat_deg is None) != (self.lon_deg is None):
            raise ValueError("lon_deg: lat_deg and lon_deg belong together")
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError(f"valid_to: {self.valid_to} is before valid_from {self.valid_from}")
        if (self.mcc is None) != (self.mnc is None):
            raise ValueError("mnc: mcc and mnc belong together")
        if self.bandwidth_khz is not None and self.bandwidth_khz > (self.upper_mhz - self.lower_mhz) * 1e3 + 1e-6:
            raise ValueError(f"bandwidth_khz: {self.bandwidth_khz} does not fit between lower_mhz and upper_mhz")

    def valid_on(self, day: date) -> bool:
        """Whether the licence is in force on ``day``."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


COLUMNS: Final = tuple(field.name for field in msgspec.structs.fields(Licence))
_REQUIRED: Final = tuple(field.name for field in msgspec.structs.fields(Licence) if field.required)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """What is wrong with one cell of the CSV file; ``column`` is empty where the whole row is meant."""

    line: int
    column: str
    what: str

    def __str__(self) -> str:
        """Say line, column and what is wrong."""
        return f"line {self.line}, {f'column {self.column}: ' if self.column else ''}{self.what}"


class LicenceFileError(DataFileError):
    """One or more rows are wrong; ``rows`` holds them all."""

    def __init__(self, source: str, rows: Sequence[RowError]) -> None:
        """Name the file and the first few rows."""
        shown = "; ".join(map(str, rows[:5]))
        more = f"; and {len(rows) - 5} more" if len(rows) > 5 else ""
        super().__init__(f"{source}: {shown}{more}. Nothing was imported")
        self.rows = tuple(rows)


class CoveredRange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Frequencies in which the registry claims to list every licence."""

    lower_mhz: Mhz
    upper_mhz: Mhz

    def __post_init__(self) -> None:
        """Refuse a range that runs backwards."""
        if self.lower_mhz >= self.upper_mhz:
            raise ValueError(f"upper_mhz {self.upper_mhz} must be above lower_mhz {self.lower_mhz}")


class RegistryHead(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The registry's own description, ``registry.toml``."""

    name: Text
    starting_point: bool
    """True for a registry made from public tables: no substitute for the licences themselves."""
    covers: tuple[CoveredRange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Licences, what they cover, and the version that findings name."""

    head: RegistryHead
    licences: tuple[Licence, ...]
    version: str
    """First 12 hex digits of the SHA-256 over the content."""

    def covers(self, lower_hz: float, upper_hz: float) -> bool:
        """Whether the registry claims to know every licence from ``lower_hz`` to ``upper_hz``."""
        return any(r.lower_mhz * 1e6 <= lower_hz and upper_hz <= r.upper_mhz * 1e6 for r in self.head.covers)


def parse_licences(text: str, *, source: str) -> tuple[Licence, ...]:
    """Return the licences in the CSV ``text``: a header line of column names in any order, then one licence a line.

    An empty cell is a value not given.

    Raises:
        LicenceFileError: anything that is wrong, every row of it, with line and column.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    names = _header(reader, source)
    licences: list[Licence] = []
    errors: list[RowError] = []
    seen: dict[str, int] = {}
    try:
        for cells in reader:
            line = reader.line_num
            try:
                licence = _row(cells, names, line)
            except _RowRefusedError as bad:
                errors.append(bad.error)
                continue
            if (first := seen.setdefault(licence.licence_id, line)) != line:
                errors.append(RowError(line=line, column="licence_id", what=f"{licence.licence_id} was given in line {first} already"))
            licences.append(licence)
            if len(licences) > MAX_LICENCES:
                raise LicenceFileError(source, [RowError(line=line, column="", what=f"more than {MAX_LICENCES} licences")])
    except csv.Error as error:
        errors.append(RowError(line=reader.line_num, column="", what=f"is not CSV: {error}"))
    if errors:
        raise LicenceFileError(source, errors)
    return tuple(licences)


def load_registry(folder: Path) -> Registry:
    """Return the registry in ``folder``: ``registry.toml`` and ``licences.csv``.

    Raises:
        DataFileError: a file cannot be read or is wrong; the message names file, line and column.
    """
    head_path, rows_path = folder / "registry.toml", folder / "licences.csv"
    try:
        head = msgspec.convert(read_toml(head_path, DataFileError), RegistryHead)
    except msgspec.ValidationError as error:
        raise DataFileError(f"{head_path}: {error}") from error
    try:
        text = rows_path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(
            f"{rows_path}: cannot be read: {error}; a registry is a folder with registry.toml and licences.csv (UTF-8)"
        ) from error
    licences = parse_licences(text, source=str(rows_path))
    return Registry(head=head, licences=licences, version=version_of(head, licences))


def version_of(head: RegistryHead, licences: Iterable[Licence]) -> str:
    """Return the first 12 hex digits of the SHA-256 over head and licences, whatever the order of rows."""
    ordered = sorted(licences, key=lambda licence: licence.licence_id)
    return hashlib.sha256(msgspec.json.encode([head, ordered])).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryDifference:
    """What changed between two registries, by licence_id."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[tuple[str, tuple[str, ...]], ...]
    """(licence_id, columns that differ)."""


def difference(old: Registry, new: Registry) -> RegistryDifference:
    """Return what ``new`` adds, removes and changes against ``old``, each in order of licence_id."""
    before, after = ({licence.licence_id: licence for licence in registry.licences} for registry in (old, new))
    changed = []
    for name in sorted(before.keys() & after.keys()):
        columns = tuple(c for c in COLUMNS if getattr(before[name], c) != getattr(after[name], c))
        if columns:
            changed.append((name, columns))
    return RegistryDifference(
        added=tuple(sorted(after.keys() - before.keys())), removed=tuple(sorted(before.keys() - after.keys())), changed=tuple(changed)
    )


class _RowRefusedError(Exception):
    def __init__(self, error: RowError) -> None:
        super().__init__(str(error))
        self.error = error


def _header(reader: csv.DictReader[str], source: str) -> list[str]:
    try:
        names = [(name or "").strip() for name in reader.fieldnames or []]
    except csv.Error as error:
        raise LicenceFileError(source, [RowError(line=1, column="", what=f"is not CSV: {error}")]) from error
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in _REQUIRED if name not in names]
    double = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise LicenceFileError(source, [RowError(line=1, column="", what="empty file: the first line names the columns")])
    if unknown or missing or double:
        what = (
            [f"unknown column {n!r}" for n in unknown] + [f"column {n} is missing" for n in missing] + [f"column {n} twice" for n in double]
        )
        raise LicenceFileError(source, [RowError(line=1, column="", what=f"{'; '.join(what)}; known are {', '.join(COLUMNS)}")])
    reader.fieldnames = names
    return names


def _row(cells: dict[str | Any, str | Any], names: list[str], line: int) -> Licence:
    if None in cells or any(value is None for value in cells.values()):
        raise _RowRefusedError(RowError(line=line, column="", what=f"has not the header's {len(names)} cells"))
    given = {name: value.strip() for name, value in cells.items() if value.strip()}
    for name in _REQUIRED:
        if name not in given:
            raise _RowRefusedError(RowError(line=line, column=name, what="is empty"))
    try:
        return msgspec.convert(given, Licence, strict=False)
    except msgspec.ValidationError as error:
        what = str(error)
        if " - at `$." in what:
            what, _, place = what.partition(" - at `$.")
            column = place.rstrip("`")
            raise _RowRefusedError(
                RowError(line=line, column=column, what=f"{given.get(column, '')!r}: {what[0].lower() + what[1:]}")
            ) from error
        column, _, rest = what.partition(": ")
        raise _RowRefusedError(RowError(line=line, column=column if column in COLUMNS else "", what=rest or what)) from error
