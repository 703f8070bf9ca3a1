"""The last spectrum as an ECharts option, and the waterfall under it as a picture over the same frequencies."""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np

from collector.store import Waterfall
from collector.web.look import AMBER, CHART_LEFT_PX, CHART_RIGHT_PX, QUIET, TEAL, axis, tooltip
from collector.web.png import level_picture

MIN_ROWS: Final = 30
MAX_ROWS: Final = 120
POINTS: Final = 512


def spectrum_options(fall: Waterfall) -> dict[str, Any]:
    """Return the option: mean, max-hold and floor of the newest spectrum in dBFS/Hz over MHz."""
    step_mhz, lower_mhz = fall.step_hz / 1e6, fall.lower_freq_hz / 1e6
    n = len(fall.mean_dbfs_hz)
    floor = np.asarray(fall.floor_dbfs_hz)
    low = float(np.floor((floor.min() if len(floor) else min(fall.mean_dbfs_hz)) / 10.0) * 10.0)
    high = float(np.ceil(max(*fall.max_dbfs_hz, *fall.mean_dbfs_hz, low + 20.0) / 10.0) * 10.0)
    return {
        "animation": False,
        "grid": {"left": CHART_LEFT_PX, "right": CHART_RIGHT_PX, "top": 30, "bottom": 24},
        "legend": {
            "top": 0,
            "right": CHART_RIGHT_PX,
            "itemWidth": 14,
            "itemHeight": 3,
            "icon": "rect",
            "textStyle": {"color": QUIET, "fontSize": 11},
        },
        "tooltip": tooltip(trigger="axis", axisPointer={"lineStyle": {"color": QUIET}}),
        "xAxis": axis(type="value", min=round(lower_mhz, 4), max=round(lower_mhz + n * step_mhz, 4), splitNumber=6),
        "yAxis": axis(type="value", name="dBFS/Hz", min=low, max=high, splitNumber=4),
        "series": [
            _line("max-hold", fall.max_dbfs_hz, fall, colour=AMBER, width=0.8, opacity=0.55, hold=True),
            _line("trung bình / mean", fall.mean_dbfs_hz, fall, colour=TEAL, width=1.4, opacity=1.0, hold=True),
            _line("nền / floor", fall.floor_dbfs_hz, fall, colour=QUIET, width=1.2, opacity=0.9, hold=False),
        ],
    }


def waterfall_picture(fall: Waterfall) -> str:
    """Return the rows as a data URL, the newest on top; missing ones, at the bottom, are dark."""
    rows = np.asarray(fall.rows_dbfs_hz[-MAX_ROWS:], dtype=np.float64)[::-1]
    picture = np.full((max(len(rows), MIN_ROWS), rows.shape[1]), np.nan)
    picture[: len(rows)] = rows
    low = float(np.percentile(rows, 20.0)) - 2.0
    high = max(float(rows.max()), low + 20.0)
    return "data:image/png;base64," + base64.b64encode(level_picture(picture, low_db=low, high_db=high)).decode("ascii")


def _line(name: str, levels: list[float], fall: Waterfall, *, colour: str, width: float, opacity: float, hold: bool) -> dict[str, Any]:
    step = -(-len(levels) // POINTS)
    starts = np.arange(0, len(levels), step)
    values = np.asarray(levels)
    thin = np.maximum.reduceat(values, starts) if hold else np.minimum.reduceat(values, starts)
    at_mhz = (fall.lower_freq_hz + (starts + 0.5 * step) * fall.step_hz) / 1e6
    return {
        "type": "line",
        "name": name,
        "showSymbol": False,
        "data": [[round(float(f), 5), round(float(level), 1)] for f, level in zip(at_mhz, thin, strict=True)],
        "lineStyle": {"color": colour, "width": width, "opacity": opacity},
        "itemStyle": {"color": colour},
    }
