"""From dBFS to dBm: what is to be added, by receiver, gain and frequency, for as long as a calibration holds. TOML in and out."""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from config.errors import DataFileError
from config.loading import read_toml
from station.errors import MisuseError

FILE_NAME: Final = "levels.toml"
SAME_GAIN_DB: Final = 0.05
"""Tuners have gains in steps of 0.5 dB and more; what is nearer is the same step, written differently."""
_HEAD: Final = """\
# dBFS to dBm at the receiver's antenna socket: one [[table]] a receiver and gain. Made by `canhsong-station calibrate`.
# Between two points it is interpolated; outside lower_mhz..upper_mhz, at other gains and after `expires` levels stay dBFS.
"""


class LevelPoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One frequency at which the receiver was compared with something known."""

    freq_mhz: Annotated[float, Meta(gt=0.0, le=1e5)]
    dbm_minus_dbfs: Annotated[float, Meta(ge=-300.0, le=300.0)]
    sigma_db: Annotated[float, Meta(ge=0.0, le=30.0)]


class LevelTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One receiver at one gain. ``expires``: the last day it holds."""

    serial: Annotated[str, Meta(min_length=1, max_length=200)]
    gain_db: Annotated[float, Meta(ge=-20.0, le=80.0)]
    made: date
    expires: date
    method: Literal["source", "load"]
    lower_mhz: float
    upper_mhz: float
    points: Annotated[tuple[LevelPoint, ...], Meta(min_length=2, max_length=1000)]
    note: Annotated[str, Meta(max_length=400)] = ""

    def __post_init__(self) -> None:
        """Refuse what would be extrapolated."""
        freqs = [point.freq_mhz for point in self.points]
        if any(b <= a for a, b in itertools.pairwise(freqs)):
            raise ValueError("points must rise in freq_mhz")
        if not freqs[0] <= self.lower_mhz < self.upper_mhz <= freqs[-1]:
            raise ValueError(f"lower_mhz to upper_mhz must lie within the points, {freqs[0]:g} to {freqs[-1]:g} MHz")
        if self.expires < self.made:
            raise ValueError("expires is before made")

    def holds_on(self, day: date) -> bool:
        """Return whether the table may be used on ``day``."""
        return self.made <= day <= self.expires

    def at(self, freq_hz: float) -> tuple[float, float] | None:
        """Return dBm - dBFS at ``freq_hz`` and its standard deviation in dB; None outside the stated range.

        Between points nothing was measured: there the deviation grows, to half of what the two points differ by in their middle.
        """
        mhz = freq_hz / 1e6
        if not self.lower_mhz <= mhz <= self.upper_mhz:
            return None
        k = min(max(1, bisect.bisect_right([point.freq_mhz for point in self.points], mhz)), len(self.points) - 1)
        low, high = self.points[k - 1], self.points[k]
        part = (mhz - low.freq_mhz) / (high.freq_mhz - low.freq_mhz)
        step = high.dbm_minus_dbfs - low.dbm_minus_dbfs
        sigma = low.sigma_db + part * (high.sigma_db - low.sigma_db)
        return low.dbm_minus_dbfs + part * step, math.hypot(sigma, 2.0 * part * (1.0 - part) * step)

    def over(self, lower_hz: float, upper_hz: float) -> tuple[float, float] | None:
        """Return dBm - dBFS in the middle of a span, its deviation so large that it holds from end to end; None: not all in range."""
        inner = [point.freq_mhz * 1e6 for point in self.points if lower_hz < point.freq_mhz * 1e6 < upper_hz]
        found = [self.at(freq) for freq in (0.5 * (lower_hz + upper_hz), lower_hz, upper_hz, *inner)]
        known = [one for one in found if one is not None]
        if len(known) < len(found):
            return None
        middle = known[0][0]
        return middle, max(math.hypot(sigma, offset - middle) for offset, sigma in known)


class LevelFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All tables of one file."""

    table: tuple[LevelTable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Whose levels: serial number (the address where it has none), and the gain that is set."""

    serial: str
    gain_db: float


def load_tables(path: Path) -> tuple[LevelTable, ...]:
    """Return the tables in ``path``.

    Raises:
        MisuseError: it is no such file; one line that names the place.
    """
    try:
        return msgspec.convert(read_toml(path, DataFileError), LevelFile).table
    except DataFileError as error:
        raise MisuseError(str(error)) from error
    except msgspec.ValidationError as error:
        raise MisuseError(f"{path}: {error}: correct it, or make it again with `canhsong-station calibrate`") from error


def save_table(path: Path, table: LevelTable) -> None:
    """Put ``table`` into ``path`` in place of one of the same receiver, gain and range; the others stay.

    Raises:
        MisuseError: what is there is no such file.
        OSError: it cannot be written.
    """
    import os
    import tempfile

    def same(other: LevelTable) -> bool:
        return all(getattr(other, name) == getattr(table, name) for name in ("serial", "gain_db", "lower_mhz", "upper_mhz"))

    kept = [one for one in (load_tables(path) if path.exists() else ()) if not same(one)]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".levels-", encoding="utf-8", delete=False) as file:
        file.write(_HEAD + "".join(_toml(one) for one in (*kept, table)))
    os.replace(file.name, path)


def _toml(table: LevelTable) -> str:
    quoted = {name: msgspec.json.encode(getattr(table, name)).decode() for name in ("serial", "method", "note")}
    points = "".join(
        f"    {{freq_mhz = {one.freq_mhz:.6f}, dbm_minus_dbfs = {one.dbm_minus_dbfs:.2f}, sigma_db = {one.sigma_db:.2f}}},\n"
        for one in table.points
    )
    return (
        f"\n[[table]]\nserial = {quoted['serial']}\ngain_db = {float(table.gain_db)}\nmade = {table.made}\nexpires = {table.expires}\n"
        f"method = {quoted['method']}\nlower_mhz = {table.lower_mhz:.6f}\nupper_mhz = {table.upper_mhz:.6f}\nnote = {quoted['note']}\n"
        f"points = [\n{points}]\n"
    )


def chosen(tables: tuple[LevelTable, ...], receiver: Receiver, day: date) -> tuple[tuple[LevelTable, ...], str]:
    """Return the tables that hold for ``receiver`` on ``day``, the newest first, and why there is none; empty where there is one."""
    own = [one for one in tables if one.serial == receiver.serial]
    if not own:
        known = ", ".join(sorted({one.serial for one in tables})) or "no receiver"
        return (), f"it holds no table for receiver {receiver.serial}, only for {known}"
    at_gain = [one for one in own if abs(one.gain_db - receiver.gain_db) < SAME_GAIN_DB]
    if not at_gain:
        known = ", ".join(f"{gain:g}" for gain in sorted({one.gain_db for one in own}))
        return (), f"receiver {receiver.serial} is calibrated at a gain of {known} dB, not at {receiver.gain_db:g} dB"
    holding = sorted((one for one in at_gain if one.holds_on(day)), key=lambda one: one.made, reverse=True)
    if not holding:
        last = max(at_gain, key=lambda one: one.expires)
        when = f"expired on {last.expires}" if last.expires < day else f"begins on {last.made}, and today is {day} by this machine's clock"
        return (), f"the table of receiver {receiver.serial} at {receiver.gain_db:g} dB {when}"
    return tuple(holding), ""
