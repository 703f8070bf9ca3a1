"""What the store's contract asks for and puts in."""

from __future__ import annotations

from typing import Any

from collector.store import HOUR_NS, Query
from config.wire import SensitivityReport, SummaryReport
from tests.end_to_end.running import T0_NS
from tests.services.influxdb.filling import report

ALL = Query(origins=())
HOUR0 = T0_NS // HOUR_NS * HOUR_NS
HOSTILE = ["' OR 1=1 --", "x'; DROP TABLE track; --", '"', "%", "\x00", '") |> drop() //', "a,b=c d\\", "${x}", "Băng 8\n❄", "a\r\\n\r\n"]


def summary(**fields: Any) -> SummaryReport:
    given = {"station": "nui-vong-phu", "lower_freq_hz": 952.4e6, "upper_freq_hz": 954.8e6, "duration_s": 120.0, "clipped_fraction": 0.2}
    return report(SummaryReport, **{**given, "sensitivity": [SensitivityReport(width_hz=586.0, power_dbfs=-85.0)], **fields})
