"""Records and rows of the store as InfluxDB's line protocol (measurement,tags fields stamp).

Tags are few and bounded: station, band, kind, rat, origin. Points of equal (measurement, tags, stamp) overwrite each other, so a raw
point's stamp is its time in ms x 10^6 + (seq x items per record + item) mod 10^6: the same record again is the same point, and two
records of one millisecond are two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from collector.followers import Heard
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
_HEALTH_LEFT_OUT: Final = frozenset({"kind", "station", "origin", "start_time_ns", "position", "driver", "config_hash"})


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, Value], stamp_ns: int) -> str | None:
    """Return one point; None: not one field can be written. None, NaN and infinity are left out: as fields they do not exist."""
    told = ",".join(f"{name}={text}" for name, value in fields.items() if (text := _field(value)) is not None)
    if not told:
        return None
    named = "".join(f",{name}={tag_text(value)}" for name, value in sorted(tags.items()) if value)
    return f"{measurement}{named} {told} {stamp_ns}"


def tag_text(value: str) -> str:
    """Return ``value`` with all but plain characters as %XX of their UTF-8: nothing is left that the protocol could misread."""
    if _PLAIN_TAG.fullmatch(value):
        return value
    return _NOT_PLAIN.sub(lambda match: b"%%%02X" % match[0][0], value.encode("utf-8", "surrogatepass")).decode("ascii")


def tag_value(text: str) -> str:
    """Return what ``tag_text`` was given."""
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(text).decode("utf-8", "surrogatepass")


def field_value(text: str) -> str:
    """Return the string that became the field ``text``: line ends go as ``\\n`` and ``\\r``, nothing as ``\\e``.

    InfluxDB's answers turn line ends into others, and in 2.7.12 a column that holds empty strings comes back with its values shuffled.
    """
    return _ESCAPED.sub(lambda match: {"n": "\n", "r": "\r", "e": ""}.get(match[1], match[1]), text) if "\\" in text else text


def raw_lines(one: Heard) -> Iterator[str]:
    """Yield the points of one record: nothing for kinds that are not measurements (spectra, summaries)."""
    record, entry = one.record, one.entry
    number = entry.seq if entry.seq >= 0 else entry.entry
    tags = {"station": entry.station, "origin": record.origin}
    points: Iterator[tuple[str, Mapping[str, str], Mapping[str, Value]]]
    items = 1
    if isinstance(record, EmissionReport):
        fields: Mapping[str, Value] = {name: getattr(record, name) for name in _EMISSION}
        points = iter([("emission", {**tags, "band": record.band or NO_BAND, "kind": record.event}, fields)])
    elif isinstance(record, OccupancyReport):
        points, items = _occupancy(record, tags), OCCUPANCY_ITEMS
    elif isinstance(record, GsmCellReport | LteCellReport):
        facts = facts_of(record)
        facts.pop("place_hz")
        rat = "gsm" if isinstance(record, GsmCellReport) else "lte"
        points = iter([("cell", {**tags, "band": facts.pop("band"), "rat": rat}, facts)])
    elif isinstance(record, HealthReport):
        points = iter([("health", tags, _health(record))])
    else:
        return
    time_ns = record.start_time_ns // MS_NS * MS_NS
    for item, (measurement, point_tags, fields) in enumerate(points):
        quality: dict[str, Value] = {"time_source": record.time_source, "time_error_ms": _float(record.time_error_ms)}
        told = {name: value for name, value in {**fields, **quality}.items() if value != ""}
        if (text := line(measurement, point_tags, told, time_ns + (number * items + item) % MS_NS)) is not None:
            yield text


def _occupancy(record: OccupancyReport, tags: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str], Mapping[str, Value]]]:
    in_band = {**tags, "band": record.band or NO_BAND}
    names = ("lower_freq_hz", "upper_freq_hz", "channel_width_hz", "observed_s", "revisits", "fbo", "sro", "relative")
    yield "occupancy", {**in_band, "kind": "band"}, {name: getattr(record, name) for name in names}
    for channel in record.channels:
        fields = {"center_freq_hz": channel.center_freq_hz, "fco": channel.fco, "observed_s": record.observed_s}
        yield "occupancy", {**in_band, "kind": "channel"}, fields


def _health(record: HealthReport) -> dict[str, Value]:
    given: dict[str, Any] = msgspec.to_builtins(record)
    return {name: value for name, value in given.items() if name not in _HEALTH_LEFT_OUT and isinstance(value, str | int | float)}


def _field(value: Value) -> str | None:
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}i"
    escaped = plain_line(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def plain_line(value: str) -> str:
    """Return what a field holds for the string ``value``."""
    if not value:
        return "\\e"
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
