"""What a visitor of the page has chosen to see. It starts from the page's address, so that a view can be bookmarked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from collector.asking import ORIGINS, parse_moment_ns
from collector.errors import MisuseError
from collector.store import Query

SPANS: Final = {"": "Tất cả / all", "5m": "5 phút / min", "1h": "1 giờ / h", "24h": "24 giờ / h", "7d": "7 ngày / days"}
MAX_NAMES: Final = 16
MAX_NAME: Final = 64


class Filters(Struct, frozen=True, kw_only=True):
    """The chosen origins, stations and bands (empty: live, all, all) and how far back."""

    origins: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    span: str = ""

    def query(self, *, limit: int = 500) -> Query:
        """Return what to ask the store now."""
        try:
            since_ns = parse_moment_ns(self.span) if self.span else 0
        except MisuseError:
            since_ns = 0
        return Query(since_ns=since_ns, stations=self.stations, bands=self.bands, origins=self.origins or ("live",), limit=limit)

    @property
    def shows_only_live(self) -> bool:
        """Whether this is the default view."""
        return not self.origins or self.origins == ("live",)


def from_address(origins: Sequence[str], stations: Sequence[str], bands: Sequence[str], span: str) -> Filters:
    """Return the choice in the page's address; what means nothing there is left out."""
    return Filters(
        origins=tuple(origin for origin in dict.fromkeys(origins) if origin in ORIGINS),
        stations=_names(stations),
        bands=_names(bands),
        span=span if span in SPANS else "",
    )


def _names(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in given if 0 < len(name) <= MAX_NAME))[:MAX_NAMES]
