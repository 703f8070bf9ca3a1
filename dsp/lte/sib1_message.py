"""What a SIB1 says, and whether some octets are one (TS 36.331 cl. 6.2.2, SystemInformationBlockType1).

The octets are parsed as unaligned PER by ``pycrate`` (LGPL-2.1-or-later), which takes a second to load and so is imported for the first
candidate only. What parses must come out the same when encoded again, with nothing but zeros behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Sib1Status = Literal["decoded", "not_seen", "not_tried"]
_CELL_BITS_OF_ENB: Final = 8
_MAX_PADDING: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Plmn:
    """One network that uses the cell. Digits as sent: "01" is not "001"."""

    mcc: str
    mnc: str
    reserved: bool
    """Reserved for operator use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sib1Message:
    """The fields of a SIB1 that tell whose cell it is."""

    plmns: tuple[Plmn, ...]
    tac: int
    ci: int
    """28 bits."""
    barred: bool
    band: int
    tdd_config: int | None
    octets: bytes
    """The whole transport block, padding included."""

    @property
    def enb(self) -> int:
        """Return the macro base station's identity: the cell's without its last eight bits."""
        return self.ci >> _CELL_BITS_OF_ENB


@dataclass(frozen=True, slots=True, kw_only=True)
class Sib1:
    """What was found of one cell's SIB1 in one dwell."""

    status: Sib1Status
    reason: str
    """Why it was not decoded; empty when it was."""
    message: Sib1Message | None = None
    prb: tuple[int, int] | None = None
    """First resource block and their number, as last seen; None where they are distributed."""
    gap: int = 0
    """1 or 2: distributed over the carrier with that gap (TS 36.211 cl. 6.2.3.2)."""
    count: int = 0
    """Occurrences that say the same."""
    margin: float = 0.0
    """-log10 of a bound on the chance that noise ends here, all occurrences together."""


def parse(octets: bytes) -> Sib1Message | None:
    """Return the SIB1 in a transport block, or None where it is none.

    Raises:
        ImportError: pycrate is not installed.
    """
    asn1 = _messages()
    try:
        asn1.from_uper(octets)
        name, value = asn1.get_val()["message"]
        again = asn1.to_uper()
    except ImportError:
        raise
    except Exception:  # pycrate raises whatever it stumbled on
        return None
    padding = octets[len(again) :]
    if not octets.startswith(again) or any(padding) or 8 * len(padding) > _MAX_PADDING + 4 * len(octets):
        return None
    if name != "c1" or value[0] != "systemInformationBlockType1":
        return None
    return _fields(value[1], octets)


def _fields(sib1: dict[str, Any], octets: bytes) -> Sib1Message | None:
    access = sib1["cellAccessRelatedInfo"]
    plmns: list[Plmn] = []
    for entry in access["plmn-IdentityList"]:
        identity = entry["plmn-Identity"]
        mcc = "".join(map(str, identity["mcc"])) if "mcc" in identity else (plmns[-1].mcc if plmns else "")
        mnc = "".join(map(str, identity["mnc"]))
        plmns.append(Plmn(mcc=mcc, mnc=mnc, reserved=entry["cellReservedForOperatorUse"] == "reserved"))
    if not all(len(plmn.mcc) == 3 for plmn in plmns):
        return None
    tdd = sib1.get("tdd-Config")
    return Sib1Message(
        plmns=tuple(plmns),
        tac=access["trackingAreaCode"][0],
        ci=access["cellIdentity"][0],
        barred=access["cellBarred"] == "barred",
        band=sib1["freqBandIndicator"],
        tdd_config=None if tdd is None else int(tdd["subframeAssignment"][2:]),
        octets=octets,
    )


def _messages() -> Any:
    from pycrate_asn1dir import RRCLTE

    return RRCLTE.EUTRA_RRC_Definitions.BCCH_DL_SCH_Message
