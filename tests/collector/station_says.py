"""Records that stations make of their own state, with the fields that matter."""

from __future__ import annotations

from typing import Any

from config.wire import CaptureAnnouncement, HealthReport
from tests.end_to_end.running import T0_NS


def health(at_s: float = 0, **changes: Any) -> HealthReport:
    fields: dict[str, Any] = {
        "station": "nui-vong-phu",
        "origin": "live",
        "start_time_ns": T0_NS + round(at_s * 1e9),
        "time_source": "ntp",
        "time_error_ms": 3.0,
        "receiver": "rtlsdr 00000001",
        "receiver_open": True,
        "tuner": "R820T",
        "driver": "librtlsdr.so.0",
        "version": "canhsong 0.1",
        "config_hash": "0123456789abcdef",
        "gain_db": 30.0,
        "sweeps": 5,
        "dwells": 100,
        "dropped_dwells": 1,
        "lost_samples": 12,
        "receiver_restarts": 0,
        "clipped_fraction": 0.002,
        "floor_dbfs_hz": -110.0,
        "floor_change_db": None,
        "ppm": 1.5,
        "ppm_sigma": 0.1,
        "retune_ms": 5.0,
        "temperature_c": 51.0,
        "cpu_fraction": 0.4,
        "disk_free_mib": 900,
        "clock_step_s": 0.0,
        "spool_waiting": 7,
        "live_dropped": 0,
        "duration_s": 10.0,
        "notes": ["overload: lower the gain (--gain) or filter the strong transmitter"],
    }
    return HealthReport(**{**fields, **changes})


def announcement(capture_id: str = "20261124T100000.000Z_944.0000MHz", at_s: float = 0, **changes: Any) -> CaptureAnnouncement:
    fields: dict[str, Any] = {
        "station": "nui-vong-phu",
        "origin": "live",
        "start_time_ns": T0_NS + round(at_s * 1e9),
        "time_source": "ntp",
        "capture_id": capture_id,
        "reason": "finding 0123456789abcdef: nghi vấn",
        "center_freq_hz": 944e6,
        "sample_rate_hz": 2.4e6,
        "duration_s": 1.0,
        "n_samples": 2_400_000,
        "n_segments": 1,
        "sha256": "ab" * 32,
    }
    return CaptureAnnouncement(**{**fields, **changes})
