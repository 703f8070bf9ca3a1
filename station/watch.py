"""Watching one frequency while walking up to its transmitter: level several times a second, its peak, and a trail."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from config.wire import Position
from station.errors import StationError

OFFSET_HZ: Final = 250e3
"""The receiver is tuned this far beside, so that its spike in the middle is not what is watched."""
N_FFT: Final = 2048
PITCH_HZ: Final = (200.0, 2000.0)
PITCH_SPAN_DB: Final = 60.0
CSV_HEAD: Final = "time,freq_hz,level_dbfs,peak_dbfs,floor_dbfs,clipped,lat_deg,lon_deg,accuracy_m,dbm_minus_dbfs,dbm_sigma_db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One level. ``level_dbfs``: power within the watched width."""

    time_ns: int
    freq_hz: float
    level_dbfs: float
    peak_dbfs: float
    floor_dbfs: float
    clipped: bool
    position: Position | None = None
    dbm_minus_dbfs: float | None = None
    """What makes dBm of the levels; None: not calibrated."""
    dbm_sigma_db: float | None = None


class Watcher:
    """Levels of one frequency, one a stretch of samples."""

    def __init__(self, *, freq_hz: float, width_hz: float, sample_rate_hz: float) -> None:
        """``width_hz``: what counts as the signal."""
        self._freq, self._width, self._rate = freq_hz, width_hz, sample_rate_hz
        self._peak = -math.inf

    def reading(self, samples: npt.NDArray[np.uint8], *, center_freq_hz: float, time_ns: int, position: Position | None) -> Reading:
        """Return the level in ``samples``: unsigned bytes, shape (2n,), at least 2048 samples."""
        offsets, power = power_spectrum(samples, sample_rate_hz=self._rate)
        inside = np.abs(offsets - (self._freq - center_freq_hz)) <= max(0.5 * self._width, 0.75 * self._rate / N_FFT)
        level = 10 * math.log10(max(float(power[inside].sum()), 1e-15))
        floor = 10 * math.log10(max(float(np.median(power)) * int(inside.sum()), 1e-15))
        self._peak = max(self._peak, level)
        return Reading(
            time_ns=time_ns,
            freq_hz=self._freq,
            level_dbfs=level,
            peak_dbfs=self._peak,
            floor_dbfs=floor,
            clipped=bool(np.mean((samples == 0) | (samples == 255)) > 1e-3),
            position=position,
        )

    def reset_peak(self) -> None:
        """Begin the peak anew."""
        self._peak = -math.inf


def power_spectrum(samples: npt.NDArray[np.uint8], *, sample_rate_hz: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.floating]]:
    """Return offsets from the tuned centre in Hz and powers (0 dBFS is 1), both of shape (2048,) in the transform's order.

    The powers of a carrier's bins add up to its power; noise has in each bin its density times the bin's width.
    """
    flat = samples.astype(np.float32) - np.float32(127.5)
    rows = (flat[: len(flat) // (2 * N_FFT) * 2 * N_FFT] / np.float32(127.5)).view(np.complex64).reshape(-1, N_FFT)
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    power = np.mean(np.abs(np.fft.fft(rows * window, axis=1)) ** 2, axis=0) / (float(np.sum(window**2)) * N_FFT)
    return np.asarray(np.fft.fftfreq(N_FFT, 1.0 / sample_rate_hz), np.float64), power


def pitch_hz(level_dbfs: float) -> float:
    """Return the tone for a level: one octave louder, about 18 dB; 200 Hz at -60 dBFS and below, 2 kHz at full scale."""
    part = min(1.0, max(0.0, 1.0 + level_dbfs / PITCH_SPAN_DB))
    return float(PITCH_HZ[0] * (PITCH_HZ[1] / PITCH_HZ[0]) ** part)


def tone(level_dbfs: float, *, duration_s: float, rate_hz: int = 8000) -> bytes:
    """Return the tone for a level as unsigned bytes at ``rate_hz``."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    wave = 127.5 + 90 * np.sin(2 * np.pi * pitch_hz(level_dbfs) * t) * np.minimum(1.0, 40 * np.minimum(t, t[::-1]))
    return bytes(wave.astype(np.uint8))


class Trail:
    """Readings on disk as they come: CSV, or GPX where the name ends so (readings with a position alone)."""

    def __init__(self, path: Path) -> None:
        """Begin ``path`` anew.

        Raises:
            StationError: it cannot be written.
        """
        self._path, self._gpx = path, path.suffix.lower() == ".gpx"
        self._readings = self._placed = 0
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise StationError(f"{path}: cannot be written: {error.strerror}: check the folder and the disk") from error
        head = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<gpx version="1.1" creator="canhsong-station" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>',
        ]
        self._write(head if self._gpx else [CSV_HEAD])

    def add(self, one: Reading) -> None:
        """Append ``one``."""
        self._readings += 1
        self._placed += one.position is not None
        self._write(list(self._gpx_lines(one)) if self._gpx else [self._csv_line(one)])

    def close(self) -> None:
        """End the file."""
        try:
            if self._gpx:
                self._write(["</trkseg></trk></gpx>"])
        finally:
            with contextlib.suppress(OSError):  # said already
                self._file.close()

    def told(self) -> str:
        """Return what the file holds, in one line; a trail without a place is no trail, and says so."""
        text = f"{self._path}: {self._readings} mức đo / readings, {self._placed} có vị trí / with a position"
        todo = ": set station.lat_deg and lon_deg, or health.gpsd" if self._placed < self._readings else ""
        return text + todo

    def _write(self, lines: list[str]) -> None:
        try:
            self._file.write("".join(f"{line}\n" for line in lines))
            self._file.flush()
        except OSError as error:
            raise StationError(f"{self._path}: cannot be written: {error.strerror}: make room; what was written is kept") from error

    @staticmethod
    def _csv_line(one: Reading) -> str:
        place = one.position
        where = ("", "", "") if place is None else (place.lat_deg, place.lon_deg, "" if place.accuracy_m is None else place.accuracy_m)
        levels = f"{one.level_dbfs:.2f},{one.peak_dbfs:.2f},{one.floor_dbfs:.2f},{int(one.clipped)}"
        known = one.dbm_minus_dbfs is not None and one.dbm_sigma_db is not None
        dbm = f"{one.dbm_minus_dbfs:.2f},{one.dbm_sigma_db:.2f}" if known else ","
        return f"{_iso(one.time_ns)},{one.freq_hz:.1f},{levels},{where[0]},{where[1]},{where[2]},{dbm}"

    @staticmethod
    def _gpx_lines(one: Reading) -> Iterator[str]:
        if one.position is None:
            return
        place = f"lat={quoteattr(f'{one.position.lat_deg:.7f}')} lon={quoteattr(f'{one.position.lon_deg:.7f}')}"
        level = f"{one.level_dbfs:.2f} dBFS" if one.dbm_minus_dbfs is None else f"{one.level_dbfs + one.dbm_minus_dbfs:.2f} dBm"
        yield f"<trkpt {place}><time>{_iso(one.time_ns)}</time><desc>{level}</desc></trkpt>"


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
