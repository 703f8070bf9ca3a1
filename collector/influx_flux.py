"""Flux queries whose only variable text is numbered parameters: what people and stations name never becomes text of a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from collector.influx_bands import band_tag
from collector.influx_lines import plain_line, tag_text
from collector.influx_store import Param

LAST_NS: Final = 9_223_372_036_854_775_806
"""The last moment that InfluxDB knows."""
_START: Final = "from(bucket: bucket) |> range(start: time(v: start), stop: time(v: stop))"
_PIVOT: Final = '|> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
_ROWS: Final = f"{_PIVOT} |> group()"
_NARROW: Final = '|> keep(columns: ["_time", "_field", "_value", "station", "band", "origin"])'


class Flux:
    """A query that is put together out of fixed text and numbered parameters."""

    def __init__(self, measurement: str, *, start_ns: int = 0, stop_ns: int = LAST_NS) -> None:
        """Every point of ``measurement`` in [``start_ns``, ``stop_ns``)."""
        start_ns = min(max(0, start_ns), LAST_NS - 1)
        stop_ns = max(start_ns + 1, min(stop_ns, LAST_NS))
        self.params: dict[str, Param] = {"start": start_ns, "stop": stop_ns, "measurement": measurement}
        self.text = f"{_START} |> filter(fn: (r) => r._measurement == measurement)"

    def put(self, value: Param) -> str:
        """Return the name of a parameter that holds ``value``."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return name

    def add(self, text: str) -> Flux:
        """Add fixed text."""
        self.text += " " + text
        return self

    def rows(self) -> Flux:
        """One row a point, its fields as columns."""
        return self.add(_ROWS)

    def columns(self, fields: Sequence[str]) -> Flux:
        """One row a point, with the tags and ``fields`` alone; what is dropped before the pivot costs nothing in it (half of the time)."""
        wanted = " or ".join(f'r._field == "{name}"' for name in fields)
        return self.add(f'|> filter(fn: (r) => {wanted}) {_NARROW} {_PIVOT} |> drop(columns: ["_time"]) |> group()')

    def band(self, wanted: Sequence[str], known: frozenset[str]) -> Flux:
        """Narrow to the tags that bands of these names have; several names may share one."""
        return self.tag("band", sorted({band_tag(name, known) for name in wanted}))

    def tag(self, name: str, wanted: Sequence[str]) -> Flux:
        """Narrow to points whose tag is one of ``wanted``; none: any."""
        return self.field(name, [tag_text(value) for value in wanted])

    def field(self, name: str, wanted: Sequence[str]) -> Flux:
        """Narrow to rows whose column is one of ``wanted``; none: any."""
        if wanted:
            self.add(f"|> filter(fn: (r) => {' or '.join(f'r.{name} == {self.put(plain_line(value))}' for value in wanted)})")
        return self
