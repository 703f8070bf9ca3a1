"""One finding of the doctor. Texts are for people: Vietnamese first, then English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["ok", "warn", "fail"]
TITLES: Final = {
    "driver": "Trình điều khiển / driver",
    "kernel driver": "Trình TV của nhân / kernel driver",
    "dongle": "Máy thu USB / dongle",
    "permissions": "Quyền truy cập / permissions",
    "receiver": "Mở máy thu / receiver",
    "bands": "Băng tần / bands",
    "samples": "Mất mẫu / samples",
    "overload": "Quá tải / overload",
    "antenna": "Anten / antenna",
    "levels": "Mức dBm / levels",
    "clock": "Đồng hồ / clock",
    "gps": "GPS",
    "disk": "Đĩa / disk",
    "collector": "Trung tâm / collector",
}
"""By the name that ``--json`` gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. ``todo``: what to do; empty where nothing is."""

    name: str
    verdict: Verdict
    found: str
    todo: str = ""

    @property
    def title(self) -> str:
        """What people read for the name."""
        return TITLES.get(self.name, self.name)


def told(name: str, error: Exception, *, todo: str) -> Check:
    """Return a failure that an error's own line explains: after its last colon it says what to do, else ``todo`` does."""
    found, colon, own = str(error).rpartition(": ")
    return Check(name=name, verdict="fail", found=found, todo=own) if colon else Check(name=name, verdict="fail", found=own, todo=todo)
