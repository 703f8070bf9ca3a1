"""Layers of settings become one checked value: defaults, TOML file, environment, flags; a later layer wins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from config.errors import DataFileError, SettingsError

S = TypeVar("S", bound=msgspec.Struct)
ENV_PREFIX: Final = "CANHSONG_"
_AT: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$.*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"(?:unknown|required) field `([^`]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Settings from one source: ``section -> key -> value``, and the name by which errors call each key's place."""

    source: str
    values: Mapping[str, Mapping[str, Any]]
    names: Mapping[str, str]
    """``section.key`` -> how the user wrote it (``CANHSONG_ANALYSIS_N_FFT``, ``--n-fft``); absent: as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[S]):
    """The settings and, per ``section.key`` that is not a default, where it came from."""

    settings: S
    sources: Mapping[str, str]


def load_settings(
    kind: type[S],
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, Any]] | None = None,
) -> Loaded[S]:
    """Return ``kind`` filled from ``file`` (TOML), ``environment`` (CANHSONG_SECTION_KEY) and ``flags`` ("section.key" -> (flag, value)).

    ``kind``: a struct of structs, each refusing unknown fields. A flag that is None is not given.

    Raises:
        SettingsError: anything that is wrong: the message names the place, the key, and what would be accepted.
    """
    layers = [
        *([file_layer(file)] if file is not None else []),
        environment_layer(kind, environment or {}),
        flag_layer(flags or {}),
    ]
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        for section, values in layer.values.items():
            if not isinstance(values, Mapping):
                raise SettingsError(f"{layer.source}: {section}: must be a section [{section}], not a value")
            merged.setdefault(section, {}).update(values)
            sources.update({f"{section}.{key}": layer.names.get(f"{section}.{key}", layer.source) for key in values})
    try:
        return Loaded(settings=msgspec.convert(merged, kind), sources=sources)
    except msgspec.ValidationError as error:
        raise _explained(error, sources) from error


def file_layer(path: Path) -> Layer:
    """Return the settings in the TOML file ``path``."""
    return Layer(source=str(path), values=read_toml(path, SettingsError), names={})


def environment_layer(kind: type[msgspec.Struct], environment: Mapping[str, str]) -> Layer:
    """Return the settings in the variables ``CANHSONG_<SECTION>_<KEY>`` of ``environment``.

    A variable with a known section and an unknown key is refused; other CANHSONG_ variables belong to other programs.
    """
    values: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for section in msgspec.structs.fields(kind):
        prefix = f"{ENV_PREFIX}{section.encode_name.upper()}_"
        known = {f"{prefix}{field.encode_name.upper()}": field for field in msgspec.structs.fields(section.type)}
        for variable in sorted(name for name in environment if name.startswith(prefix)):
            if variable not in known:
                raise SettingsError(f"environment: {variable}: unknown; known are {', '.join(sorted(known))}")
            field = known[variable]
            try:
                value = msgspec.convert(environment[variable], field.type, strict=False)
            except msgspec.ValidationError as error:
                raise SettingsError(f"environment: {variable}: {_plain(str(error))}") from error
            values.setdefault(section.encode_name, {})[field.encode_name] = value
            names[f"{section.encode_name}.{field.encode_name}"] = f"environment: {variable}"
    return Layer(source="environment", values=values, names=names)


def flag_layer(flags: Mapping[str, tuple[str, Any]]) -> Layer:
    """Return the settings given as ``section.key`` -> (the flag as it is typed, its value); a value of None is not given."""
    values: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for name, (flag, value) in flags.items():
        if value is not None:
            section, _, key = name.partition(".")
            values.setdefault(section, {})[key] = value
            names[name] = f"flag: {flag}"
    return Layer(source="flags", values=values, names=names)


def read_toml(path: Path, error_type: type[SettingsError | DataFileError]) -> dict[str, Any]:
    """Return the content of the TOML file ``path``.

    Raises:
        SettingsError | DataFileError: as ``error_type`` says: the file cannot be read or is not TOML; the message names file and line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise error_type(f"{path}: cannot be read: {error.strerror}; check the path and its permissions") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise error_type(f"{path}: is not TOML: {error}") from error


def located(error: msgspec.ValidationError) -> tuple[str, str]:
    """Return (dotted key, what is wrong) of a msgspec error; the key of an unknown or missing field includes its name."""
    match = _AT.match(str(error))
    what, path = (match["what"], match["path"]) if match else (str(error), None)
    key = (path or "$").removeprefix("$").removeprefix(".")
    if field := _FIELD.search(what):
        key = f"{key}.{field[1]}".removeprefix(".")
    return key, _plain(what)


def _explained(error: msgspec.ValidationError, sources: Mapping[str, str]) -> SettingsError:
    key, what = located(error)
    place = sources.get(key) or next((source for name, source in sources.items() if name.startswith(f"{key}.")), "settings")
    return SettingsError(f"{place}: {key}: {what}" if key else f"{place}: {what}")


def _plain(what: str) -> str:
    """Return what msgspec says in the project's words."""
    what = _AT.sub(lambda match: match["what"], what)
    if what.startswith("Object contains unknown field"):
        return "unknown key; see `settings show` for the known ones"
    if what.startswith("Object missing required field"):
        return "is missing"
    return what[:1].lower() + what[1:].replace("`", "")
