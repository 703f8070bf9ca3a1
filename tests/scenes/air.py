"""Observations as stations would send them, for scenes, tests and the simulation: what a scene is about is given, the rest is usual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from collector.checks.types import Observation
from config.wire import AnyRecord, EmissionReport, GsmCellReport, LteCellReport, OccupancyReport, Position, SummaryReport
from config.wire.gsm_cell import BlockCounts
from config.wire.lte_cell import EarfcnReport
from config.wire.summary import SensitivityReport
from config.wire.tap import TapReport

START_NS = 1_795_575_600_000_000_000
"""2026-11-25T03:00:00Z, after the 2G switch-off."""
BEFORE_SWITCH_OFF_NS = 1_685_577_600_000_000_000
"""2023-06-01."""
BUON_DON = (12.89, 107.80)
"""About 30 km from the border."""


def head(station: str, time_ns: int, *, place: tuple[float, float] | None = BUON_DON, origin: str = "live") -> dict[str, Any]:
    """Return what every record carries."""
    position = {"position": Position(lat_deg=place[0], lon_deg=place[1])} if place else {}
    return {"station": station, "origin": origin, "start_time_ns": time_ns, "time_source": "ntp", **position}


def gsm(station: str, time_ns: int, *, arfcn: int = 45, plmn: str | None = "452-04", **changed: Any) -> GsmCellReport:
    """Return a cell of GSM 900 with usual parameters, changed as told; ``taps`` as (delay, level) pairs."""
    common = head(station, time_ns, **{k: changed.pop(k) for k in ("place", "origin") if k in changed})
    usual: dict[str, Any] = {
        "status": "identified", "reason": "", "freq_hz": 935e6 + 0.2e6 * arfcn, "offset_hz": 1000.0, "arfcn": arfcn, "band": "P-GSM900",
        "bsic": 23, "cfo_hz": 950.0, "ppm": -1.0, "ppm_sigma": 0.02, "snr_db": 18.0, "power_dbfs": -45.0, "fn": 1000, "fn_sample": 10,
        "blocks_good": BlockCounts(sch=20, bcch=8), "blocks_tried": BlockCounts(sch=20, bcch=8), "delay_spread_us": 0.0,
        "mcc": plmn[:3] if plmn else None, "mnc": plmn[4:] if plmn else None, "lac": 20501, "ci": 12345, "t3212": 10, "cro_db": 0,
        "temporary_offset_db": 0, "penalty_time_s": 20, "barred": False, "reestablishment_allowed": True, "access_classes_barred": [],
        "emergency_calls_allowed": True, "ncc_permitted": [2], "ccch_combined": False, "ccch_count": 1, "attach_detach_allowed": True,
        "bs_pa_mfrms": 4, "ms_txpwr_max_cch": 5, "rxlev_access_min_dbm": -104, "cell_reselect_hysteresis_db": 6, "gprs": True,
        "cell_channels": [arfcn], "neighbours": sorted({arfcn + 4, arfcn + 9, arfcn + 14}), "neighbours_continued": False, "ba_ind": 0,
        "band_1900": False, "lte_neighbours": None, "si_hex": {}, "conflicts": [],
    }  # fmt: skip
    taps = [TapReport(delay_us=d, level_db=v) for d, v in changed.pop("taps", [(0.0, 0.0)])]
    return GsmCellReport(**common, **{**usual, **changed, "taps": taps})


def lte(station: str, time_ns: int, *, pci: int = 77, earfcn: int = 1303, **changed: Any) -> LteCellReport:
    """Return an LTE cell in band 3 with usual parameters, changed as told."""
    common = head(station, time_ns, **{k: changed.pop(k) for k in ("place", "origin") if k in changed})
    usual: dict[str, Any] = {
        "status": "identified", "reason": "", "freq_hz": 1805e6 + 0.1e6 * (earfcn - 1200), "offset_hz": 0.0,
        "earfcns": [EarfcnReport(band=3, earfcn=earfcn)], "raster_ambiguous": False, "pci": pci, "duplex": "fdd", "cp": "normal",
        "n_rb": 100, "ports": 2, "phich": None, "sfn": 5, "frame_sample": 0, "cfo_hz": -1800.0, "ppm": 1.0, "ppm_sigma": 0.02,
        "snr_db": 18.0, "power_dbfs": -40.0, "rsrp_dbfs": -60.0, "mib_count": 4,
    }  # fmt: skip
    taps = [TapReport(delay_us=d, level_db=v) for d, v in changed.pop("taps", [(0.0, 0.0)])]
    return LteCellReport(**common, **{**usual, **changed, "taps": taps})


def emission(station: str, time_ns: int, *, center_mhz: float, width_khz: float, **changed: Any) -> EmissionReport:
    """Return one state of a steady emission."""
    common = head(station, time_ns, **{k: changed.pop(k) for k in ("place", "origin") if k in changed})
    usual: dict[str, Any] = {
        "track_id": "00000000000000aa", "event": "update", "relative": False, "center_freq_hz": center_mhz * 1e6,
        "lower_freq_hz": center_mhz * 1e6 - width_khz * 500, "upper_freq_hz": center_mhz * 1e6 + width_khz * 500,
        "bandwidth_hz": width_khz * 1e3, "bandwidth_26db_hz": None, "power_dbfs": -40.0, "peak_psd_dbfs_hz": -90.0,
        "mean_psd_dbfs_hz": -93.0, "floor_psd_dbfs_hz": -115.0, "snr_db": 20.0, "first_time_ns": time_ns, "last_time_ns": time_ns,
        "duration_s": 60.0, "burst_count": 1, "duty": 1.0, "cut_low": False, "cut_high": False, "band": "B8",
    }  # fmt: skip
    return EmissionReport(**common, **{**usual, **changed})


def summary(station: str, time_ns: int, *, lower_mhz: float, upper_mhz: float, **changed: Any) -> SummaryReport:
    """Return what a station says of one tuning."""
    common = head(station, time_ns, **{k: changed.pop(k) for k in ("place", "origin") if k in changed})
    usual: dict[str, Any] = {
        "source": "receiver", "relative": False, "center_freq_hz": (lower_mhz + upper_mhz) * 5e5, "lower_freq_hz": lower_mhz * 1e6,
        "upper_freq_hz": upper_mhz * 1e6, "duration_s": 60.0, "sample_rate_hz": 2.4e6, "resolution_hz": 1172.0, "n_averages": 512,
        "dwells": 240, "pfa": 1e-3, "floor_source": "free_bins", "floor_dbfs_hz": -115.0,
        "sensitivity": [SensitivityReport(width_hz=200e3, power_dbfs=-75.0)], "tracks": 3, "gsm_cells": 3, "lte_cells": 0,
        "clipped_fraction": 0.0, "full_scale_known": True, "gsm_looked_s": 8.0, "lte_looked_s": 0.0, "notes": [],
    }  # fmt: skip
    return SummaryReport(**common, **{**usual, **changed})


def occupancy(station: str, time_ns: int, *, band: str, lower_mhz: float, upper_mhz: float, fbo: float) -> OccupancyReport:
    """Return the occupancy of one band."""
    return OccupancyReport(
        **head(station, time_ns), relative=False, band=band, lower_freq_hz=lower_mhz * 1e6, upper_freq_hz=upper_mhz * 1e6,
        channel_width_hz=200e3, observed_s=60.0, revisits=60, fbo=fbo, sro=fbo, channels=[],
    )  # fmt: skip


def observations(records: Iterable[AnyRecord]) -> list[Observation]:
    """Return ``records`` as the journal of each station's one spool would hold them."""
    numbers: dict[str, int] = {}
    found = []
    for record in records:
        seq = numbers[record.station] = numbers.get(record.station, -1) + 1
        found.append(Observation(spool_id="0" * 16, seq=seq, record=record))
    return found


def every(seconds: float, count: int, *, start_ns: int = START_NS) -> Sequence[int]:
    """Return ``count`` times, ``seconds`` apart."""
    return [start_ns + int(i * seconds * 1e9) for i in range(count)]
