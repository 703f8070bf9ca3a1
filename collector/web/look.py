"""Colours and sizes that charts and style sheet share (``static/page.css`` holds the same values)."""

from __future__ import annotations

from typing import Any, Final

INK: Final = "#dbe7f3"
QUIET: Final = "#8aa0b6"
LINE: Final = "#22324a"
TEAL: Final = "#2dd4bf"
AMBER: Final = "#fbbf24"
RED: Final = "#fb7185"
CHART_LEFT_PX: Final = 78
CHART_RIGHT_PX: Final = 18
_SNR_COLOURS: Final = ((6.0, "#4f7cac"), (12.0, "#38bdf8"), (20.0, "#2dd4bf"), (30.0, "#a3e635"), (1e9, "#fbbf24"))


def snr_colour(snr_db: float) -> str:
    """Return the colour of a bar: blue for a weak carrier, amber for a strong one."""
    return next(colour for limit, colour in _SNR_COLOURS if snr_db < limit)


def axis(**more: Any) -> dict[str, Any]:
    """Return an ECharts axis in the page's colours."""
    return {
        "axisLine": {"lineStyle": {"color": LINE}},
        "axisTick": {"lineStyle": {"color": LINE}},
        "axisLabel": {"color": QUIET, "fontSize": 11},
        "splitLine": {"show": True, "lineStyle": {"color": LINE, "opacity": 0.6}},
        "nameTextStyle": {"color": QUIET, "fontSize": 11},
        **more,
    }


def tooltip(**more: Any) -> dict[str, Any]:
    """Return an ECharts tooltip that draws text: with its default, HTML, a label from a station would become part of the page."""
    return {
        "renderMode": "richText",
        "confine": True,
        "backgroundColor": "#0b1524",
        "borderColor": LINE,
        "textStyle": {"color": INK, "fontSize": 12},
        **more,
    }


def plain(text: str, *, at_most: int = 60) -> str:
    """Return text from outside for a chart: no control characters, none of the braces and bars that ECharts reads as styling."""
    shown = "".join(character if character.isprintable() and character not in "{}|" else "·" for character in text)
    return shown if len(shown) <= at_most else shown[: at_most - 1] + "…"
