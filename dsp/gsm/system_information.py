"""System information of the BCCH: 23 octets to fields (TS 44.018 cl. 9.1.31 to 9.1.43, 10.5.2).

Octets from 0: pseudo-length, protocol discriminator 6, type, then

    SI1    19  3-18 cell channels, 19-21 RACH, 22 rest
    SI2    1A  3-18 neighbours, 19 NCC permitted, 20-22 RACH
    SI2bis 02  3-18 neighbours, 19-21 RACH, 22 rest
    SI2ter 03  3-18 neighbours, 19-22 rest
    SI3    1B  3-4 CI, 5-9 LAI, 10-12 control channel, 13 cell options, 14-15 cell selection, 16-18 RACH, 19-22 rest
    SI4    1C  3-7 LAI, 8-9 cell selection, 10-12 RACH, CBCH where the pseudo-length says so, rest
    SI2quater 07, SI13 00: 3-22 rest

Only these and the other broadcast types are named; paging, grants and everything else a CCCH carries are refused by their type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from dsp.gsm import rest_octets, si2quater
from dsp.gsm.frequency_lists import decode
from dsp.gsm.types import SystemInformation

BLOCK_OCTETS: Final = 23
RR_DISCRIMINATOR: Final = 0x06
NAMES: Final[Mapping[int, str]] = {
    0x19: "SI1",
    0x1A: "SI2",
    0x02: "SI2bis",
    0x03: "SI2ter",
    0x07: "SI2quater",
    0x1B: "SI3",
    0x1C: "SI4",
    0x1F: "SI7",
    0x18: "SI8",
    0x04: "SI9",
    0x00: "SI13",
    0x3D: "SI16",
    0x3E: "SI17",
}
"""TS 44.018 table 10.4.1: the types that only the BCCH carries, checked against libosmogsm's header."""
_SI4_REST_AT: Final = 13


def message_name(block: bytes) -> str | None:
    """Return the name of a BCCH message ("SI3"; "SI2quater/1" for the second of several), or None for anything else.

    Paging, grants and unknown types give None whatever they hold: they are not read.
    """
    if len(block) != BLOCK_OCTETS or block[0] & 0x03 != 1 or block[1] != RR_DISCRIMINATOR:
        return None
    name = NAMES.get(block[2])
    if name == "SI2quater" and (index := si2quater.index(block[3:])) > 0:
        return f"{name}/{index}"
    return name


def read(blocks: Mapping[str, bytes]) -> SystemInformation:
    """Return the fields that ``blocks``, 23 octets each by ``message_name``, hold together.

    A block that is not what its key says is left out. SI3 comes before SI4 where both have a field.
    """
    good = {name: block for name, block in blocks.items() if message_name(block) == name}
    fields: dict[str, Any] = {"si_hex": {name: block.hex() for name, block in good.items()}}
    for name, reader in (("SI4", _si4), ("SI2bis", _si2bis), ("SI2", _si2), ("SI1", _si1), ("SI3", _si3), ("SI13", _si13)):
        if name in good:
            fields.update({field: value for field, value in reader(good[name]).items() if value is not None})
    fields["neighbours"] = _neighbours(good)
    quater = [si2quater.lte_neighbours(block[3:]) for name, block in sorted(good.items()) if name.startswith("SI2quater")]
    if quater and None not in quater:
        fields["lte_neighbours"] = tuple(dict.fromkeys(earfcn for part in quater for earfcn in part or ()))
    return SystemInformation(**fields)


def read_messages(contents: Mapping[str, Sequence[bytes]]) -> SystemInformation:
    """Return the fields of every differing content heard of each message, first heard first.

    Where a message came with more than one, the first counts, the neighbour lists are joined, and ``conflicts`` names it, unless it is
    SI2ter or SI2quater, which may well come in several parts.
    """
    named: dict[str, list[bytes]] = {}
    for block in (block for blocks in contents.values() for block in blocks):
        name = message_name(block)
        if name is not None and block not in named.setdefault(name, []):
            named[name].append(block)
    first = read({name: blocks[0] for name, blocks in named.items()})
    lists = [_neighbours({name: block}) for name, blocks in named.items() for block in blocks]
    known = {arfcn for arfcns in lists if arfcns is not None for arfcn in arfcns}
    conflicts = tuple(sorted(n for n, blocks in named.items() if len(blocks) > 1 and not n.startswith(("SI2ter", "SI2quater"))))
    return replace(first, neighbours=None if first.neighbours is None else tuple(sorted(known)), conflicts=conflicts)


def lai(octets: bytes) -> tuple[str | None, str | None, int]:
    """Return (MCC, MNC, LAC) of the 5 octets of a location area identification, cl. 10.5.1.3 of TS 24.008.

    The MNC keeps its two or three digits. A digit above 9 gives None for both codes.
    """
    mcc = [octets[0] & 15, octets[0] >> 4, octets[1] & 15]
    mnc = [octets[2] & 15, octets[2] >> 4] + ([octets[1] >> 4] if octets[1] >> 4 != 15 else [])
    lac = int.from_bytes(octets[3:5], "big")
    if max(mcc + mnc) > 9:
        return None, None, lac
    return "".join(map(str, mcc)), "".join(map(str, mnc)), lac


def _neighbours(blocks: Mapping[str, bytes]) -> tuple[int, ...] | None:
    """Return the sorted union of the neighbour lists; None where there is none that can be read."""
    lists = [decode(blocks[name][3:19], neighbours_2=name == "SI2ter") for name in ("SI2", "SI2bis", "SI2ter") if name in blocks]
    known = [arfcns for arfcns in lists if arfcns is not None]
    return tuple(sorted({arfcn for arfcns in known for arfcn in arfcns})) if known else None


def _si1(block: bytes) -> dict[str, Any]:
    return {"cell_channels": decode(block[3:19]), "band_1900": rest_octets.band_is_1900(block[22:23]), **_rach(block[19:22])}


def _si2(block: bytes) -> dict[str, Any]:
    return {
        "ncc_permitted": tuple(ncc for ncc in range(8) if block[19] >> ncc & 1),
        "neighbours_continued": bool(block[3] & 0x20),
        "ba_ind": block[3] >> 4 & 1,
        **_rach(block[20:23]),
    }


def _si2bis(block: bytes) -> dict[str, Any]:
    return _rach(block[19:22])


def _si3(block: bytes) -> dict[str, Any]:
    mcc, mnc, lac = lai(block[5:10])
    return {
        "mcc": mcc,
        "mnc": mnc,
        "lac": lac,
        "ci": int.from_bytes(block[3:5], "big"),
        **_control_channel(block[10:13]),
        **_selection(block[14:16]),
        **_rach(block[16:19]),
        **_options(block[19:23], si4=False),
    }


def _si4(block: bytes) -> dict[str, Any]:
    mcc, mnc, lac = lai(block[3:8])
    fields = {"mcc": mcc, "mnc": mnc, "lac": lac, **_selection(block[8:10]), **_rach(block[10:13])}
    rest_at = 1 + (block[0] >> 2)  # the pseudo-length counts the octets before the rest octets
    if _SI4_REST_AT <= rest_at < BLOCK_OCTETS:
        fields |= _options(block[rest_at:], si4=True)
    return fields


def _si13(block: bytes) -> dict[str, Any]:
    return {"gprs": True}


def _control_channel(octets: bytes) -> dict[str, Any]:
    """Control channel description, cl. 10.5.2.11: MSCR 1, ATT 1, BS-AG-BLKS-RES 3, CCCH-CONF 3; ..., BS-PA-MFRMS 3; T3212."""
    configuration = octets[0] & 7
    count = {0: 1, 1: 1, 2: 2, 4: 3, 6: 4}.get(configuration)
    return {
        "ccch_combined": configuration == 1 if count else None,
        "ccch_count": count,
        "attach_detach_allowed": bool(octets[0] & 0x40),
        "bs_pa_mfrms": (octets[1] & 7) + 2,
        "t3212": octets[2],
    }


def _selection(octets: bytes) -> dict[str, Any]:
    """Cell selection parameters, cl. 10.5.2.4: hysteresis 3, MS-TXPWR-MAX-CCH 5; ACS 1, NECI 1, RXLEV-ACCESS-MIN 6."""
    return {
        "cell_reselect_hysteresis_db": 2 * (octets[0] >> 5),
        "ms_txpwr_max_cch": octets[0] & 31,
        "rxlev_access_min_dbm": (octets[1] & 63) - 110,
    }


def _rach(octets: bytes) -> dict[str, Any]:
    """RACH control parameters, cl. 10.5.2.29: ..., CELL_BAR_ACCESS 1, RE 1; AC 15 to 8 (10 is the emergency call); AC 7 to 0."""
    classes = octets[1] << 8 | octets[2]
    return {
        "barred": bool(octets[0] & 2),
        "reestablishment_allowed": not octets[0] & 1,
        "access_classes_barred": tuple(k for k in range(16) if k != 10 and classes >> k & 1),
        "emergency_calls_allowed": not classes >> 10 & 1,
    }


def _options(octets: bytes, *, si4: bool) -> dict[str, Any]:
    options = rest_octets.selection_options(octets, si4=si4)
    return {
        "cro_db": options.cro_db,
        "temporary_offset_db": options.temporary_offset_db,
        "penalty_time_s": options.penalty_time_s,
        "gprs": options.gprs,
    }
