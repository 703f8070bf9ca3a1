"""Records and rows of the store as InfluxDB's line protocol (measurement,tags fields stamp).

Tags are few and bounded: station, band, kind, rat, origin. Points of equal (measurement, tags, stamp) overwrite each other, so a raw
point's stamp is its time in ms x 10^6 + (seq x items per record + item) mod 10^6: the same record again is the same point, and two
records of one millisecond are two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from math import isfinite
from operator import attrgetter
from typing import Any, Final

import msgspec

from collector.followers import Heard
from collector.influx_bands import OTHER, band_tag
from collector.sqlite_cells import facts_of
from collector.store import NO_BAND
from config.wire import EmissionReport, GsmCellReport, HealthReport, LteCellReport, OccupancyReport

MS_NS: Final = 1_000_000
OCCUPANCY_ITEMS: Final = 4097
"""The band, and at most 4096 channels."""
Value = float | int | bool | str | None
_PLAIN_TAG: Final = re.compile(r"[A-Za-z0-9_.+-]*")
_NOT_PLAIN: Final = re.compile(rb"[^A-Za-z0-9_.+-]")
_ESCAPED: Final = re.compile(r"\\(.)")
_EMISSION: Final = (
    *("center_freq_hz", "lower_freq_hz", "upper_freq_hz", "bandwidth_hz", "power_dbfs", "peak_psd_dbfs_hz", "mean_psd_dbfs_hz"),
    *("floor_psd_dbfs_hz", "snr_db", "duration_s", "burst_count", "duty", "relative", "track_id", "label", "first_time_ns", "last_time_ns"),
)
_emission_values: Final = attrgetter(*_EMISSION)
_HEALTH_LEFT_OUT: Final = frozenset({"kind", "station", "origin", "start_time_ns", "position", "driver", "config_hash"})


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, Value], stamp_ns: int) -> str | None:
    """Return one point; None: not one field can be written. None, NaN and infinity are left out: as fields they do not exist."""
    told = _told(fields.items())
    return f"{_head(measurement, tuple(tags.items()))} {','.join(told)} {stamp_ns}" if told else None


@lru_cache(maxsize=4096)
def _head(measurement: str, tags: tuple[tuple[str, str], ...]) -> str:
    return measurement + "".join([f",{name}={tag_text(value)}" for name, value in sorted(tags) if value])


@lru_cache(maxsize=4096)
def tag_text(value: str) -> str:
    """Return ``value`` with all but plain characters as %XX of their UTF-8: nothing is left that the protocol could misread."""
    if _PLAIN_TAG.fullmatch(value):
        return value
    return _NOT_PLAIN.sub(lambda match: b"%%%02X" % match[0][0], value.encode("utf-8", "surrogatepass")).decode("ascii")


@lru_cache(maxsize=4096)
def tag_value(text: str) -> str:
    """Return what ``tag_text`` was given."""
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(text).decode("utf-8", "surrogatepass")


def field_value(text: str) -> str:
    """Return the string that became the field ``text``: line ends go as ``\\n`` and ``\\r``, nothing as ``\\e``.

    InfluxDB's answers turn line ends into others, and in 2.7.12 a column that holds empty strings comes back with its values shuffled.
    """
    return _ESCAPED.sub(lambda match: {"n": "\n", "r": "\r", "e": ""}.get(match[1], match[1]), text) if "\\" in text else text


def raw_lines(one: Heard, bands: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the points of one record: nothing for kinds that are not measurements (spectra, summaries).

    ``bands``: names that may be tags besides those of the band plan.
    """
    record, entry = one.record, one.entry
    number = entry.seq if entry.seq >= 0 else entry.entry
    tags = {"station": entry.station, "origin": record.origin}
    points: Iterator[tuple[str, Mapping[str, str], Mapping[str, Value]]]
    items = 1
    if isinstance(record, EmissionReport):
        if record.label != "" and band_tag(record.band, bands) != OTHER:
            yield _plain_emission(record, entry.station, record.start_time_ns // MS_NS * MS_NS + number % MS_NS)
            return
        fields: Mapping[str, Value] = dict(zip(_EMISSION, _emission_values(record), strict=True))
        points = iter([("emission", {**tags, **_band(record.band, bands), "kind": record.event}, fields)])
    elif isinstance(record, OccupancyReport):
        points, items = _occupancy(record, {**tags, **_band(record.band, bands)}), OCCUPANCY_ITEMS
    elif isinstance(record, GsmCellReport | LteCellReport):
        facts = facts_of(record)
        facts.pop("place_hz")
        rat = "gsm" if isinstance(record, GsmCellReport) else "lte"
        points = iter([("cell", {**tags, **_band(facts.pop("band"), bands), "rat": rat}, facts)])
    elif isinstance(record, HealthReport):
        points = iter([("health", tags, _health(record))])
    else:
        return
    time_ns = record.start_time_ns // MS_NS * MS_NS
    quality: dict[str, Value] = {"time_source": record.time_source, "time_error_ms": _float(record.time_error_ms)}
    for item, (measurement, point_tags, fields) in enumerate(points):
        told = {name: value for name, value in {**fields, **quality}.items() if value != ""}
        if (name := point_tags.get("band_name", NO_BAND)) != NO_BAND:
            told["band_name"] = name
            point_tags = {tag: value for tag, value in point_tags.items() if tag != "band_name"}
        if (text := line(measurement, point_tags, told, time_ns + (number * items + item) % MS_NS)) is not None:
            yield text


def _plain_emission(record: EmissionReport, station: str, stamp_ns: int) -> str:
    """Return the point of an emission in a known band: what ``raw_lines`` does, without a dictionary on the way; nine in ten are such."""
    tags = (("station", station), ("origin", record.origin), ("band", record.band or NO_BAND), ("kind", record.event))
    told = _told(zip(_EMISSION, _emission_values(record), strict=True))
    told.append(f'time_source="{record.time_source}"')
    if record.time_error_ms is not None:
        told.append(f"time_error_ms={float(record.time_error_ms)!r}")
    return f"{_head('emission', tags)} {','.join(told)} {stamp_ns}"


def _band(band: str | None, more: frozenset[str]) -> dict[str, str]:
    """Return the tag of ``band``, and its name where the tag does not say it (it becomes a field)."""
    tag = band_tag(band, more)
    return {"band": tag, "band_name": band or NO_BAND} if tag == OTHER else {"band": tag}


def _occupancy(record: OccupancyReport, in_band: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str], Mapping[str, Value]]]:
    names = ("lower_freq_hz", "upper_freq_hz", "channel_width_hz", "observed_s", "revisits", "fbo", "sro", "relative")
    yield "occupancy", {**in_band, "kind": "band"}, {name: getattr(record, name) for name in (*names, "start_time_ns")}
    for channel in record.channels:
        fields = {"center_freq_hz": channel.center_freq_hz, "fco": channel.fco, "observed_s": record.observed_s}
        yield "occupancy", {**in_band, "kind": "channel"}, fields


def _health(record: HealthReport) -> dict[str, Value]:
    given: dict[str, Any] = msgspec.to_builtins(record)
    return {name: value for name, value in given.items() if name not in _HEALTH_LEFT_OUT and isinstance(value, str | int | float)}


def _told(fields: Iterable[tuple[str, Value]]) -> list[str]:
    """Return ``name=value`` of every field that can be written. One loop and no calls: this is where the follower's time goes."""
    told = []
    for name, value in fields:
        kind = type(value)
        if kind is float:
            if isfinite(value):  # type: ignore[arg-type]  # a float by the line above
                told.append(f"{name}={value!r}")
        elif kind is int:
            told.append(f"{name}={value}i")
        elif kind is str:
            told.append(f'{name}="{_escaped(value)}"')
        elif kind is bool:
            told.append(f"{name}=true" if value else f"{name}=false")
    return told


@lru_cache(maxsize=4096)
def _escaped(value: str) -> str:
    return plain_line(value).replace("\\", "\\\\").replace('"', '\\"')


def plain_line(value: str) -> str:
    """Return what a field holds for the string ``value``."""
    if not value:
        return "\\e"
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
