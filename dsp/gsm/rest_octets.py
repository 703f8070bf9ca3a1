"""Rest octets of SI1, SI3, SI4 and SI2quater: what is sent only by choice (TS 44.018 cl. 10.5.2.32 to 10.5.2.35).

SI3: selection parameters {L | H CBQ 1, CRO 6, TO 3, PT 5}, power offset {L | H 2}, SI2ter {L | H}, early classmark {L | H},
scheduling {L | H 3}, GPRS {L | H RA colour 3, SI13 position 1}, ...; SI4: selection parameters, power offset, GPRS, ...
SI2quater: BA_IND 1, 3G_BA_IND 1, MP_CHANGE_MARK 1, index 4, count 4, then descriptions each led by a bit that says it is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dsp.gsm.csn1 import BitReader, EndOfBitsError

TEMPORARY_OFFSET_INFINITE_DB: Final = 70
PENALTY_TIME_SUBTRACT: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the rest octets of SI3 or SI4 say. The selection parameters are None where they are not sent."""

    cell_bar_qualify: bool | None
    cro_db: int | None
    temporary_offset_db: int | None
    penalty_time_s: int | None
    gprs: bool


def selection_options(octets: bytes, *, si4: bool) -> Options:
    """Return the options in the rest octets of SI3, or of SI4 (Rest Octets_O), TS 44.018 cl. 10.5.2.34, 10.5.2.35."""
    reader = BitReader(octets)
    cbq = cro = offset = penalty = None
    gprs = False
    try:
        if reader.high():
            cbq, cro, offset, penalty = reader.flag(), reader.bits(6), reader.bits(3), reader.bits(5)
        if reader.high():  # power offset
            reader.bits(2)
        if not si4:
            reader.high()  # SI2ter indicator
            reader.high()  # early classmark sending control
            if reader.high():  # scheduling of SI9
                reader.bits(3)
        gprs = reader.high()
    except EndOfBitsError:  # cut short (a CBCH description leaves SI4 little room): what was read before was whole
        pass
    return Options(
        cell_bar_qualify=cbq,
        cro_db=None if cro is None else 2 * cro,
        temporary_offset_db=None if offset is None else 10 * offset,
        penalty_time_s=20 * (penalty + 1) if penalty is not None and penalty != PENALTY_TIME_SUBTRACT else None,
        gprs=gprs,
    )


def band_is_1900(octets: bytes) -> bool:
    """Return the band indicator in the rest octet of SI1: whether ARFCN 512 to 810 are PCS 1900 (cl. 10.5.2.32)."""
    reader = BitReader(octets)
    if reader.high():  # NCH position
        reader.bits(5)
    return reader.high()


def quater_index(octets: bytes) -> int:
    """Return SI2quater_INDEX: which of the messages of that type this is."""
    reader = BitReader(octets)
    reader.bits(3)
    return reader.bits(4)


def lte_neighbours(octets: bytes) -> tuple[int, ...] | None:
    """Return the EARFCNs in the rest octets of SI2quater, in order, empty where there are none; None where they cannot be reached.

    The descriptions before them that are of variable length and not of use here (time differences, BSIC list, report priorities)
    are not skipped by guessing: a message with one of those gives None.
    """
    reader = BitReader(octets)
    reader.bits(11)
    try:
        if not _skip_release_99(reader):
            return None
        return _release_8(reader)
    except EndOfBitsError:
        return None


def _optional(reader: BitReader, *fields: int) -> None:
    """Skip { 0 | 1 fields }."""
    if reader.flag():
        for n in fields:
            reader.bits(n)


def _skip_release_99(reader: BitReader) -> bool:
    """Skip what precedes the additions of release 5; return False at a description that is not skipped here."""
    _optional(reader, 1, 2)  # measurement parameters: report type, serving band reporting
    for _ in range(3):  # GPRS real time difference, BSIC, report priority
        if reader.flag():
            return False
    if reader.flag():  # GPRS measurement parameters
        return False
    if reader.flag():  # NC measurement parameters
        return False
    if reader.flag():  # extension
        reader.bits(reader.bits(8) + 1)
    if reader.flag() and not _skip_3g_neighbours(reader):
        return False
    if reader.flag():  # 3G measurement parameters
        reader.bits(5)
        _optional(reader, 4, 3)
        _optional(reader, 4)
    if reader.flag():  # GPRS 3G measurement parameters
        reader.bits(5)
        _optional(reader, 1, 2)
        _optional(reader, 3, 3)
        _optional(reader, 2)
        _optional(reader, 3, 3)
    return True


CELL_INFORMATION_BITS: Final = (0, 10, 19, 28, 36, 44, 52, 60, 67, 74, 81, 88, 95, 102, 109, 116, 122)
"""Bits of the scrambling codes of n FDD cells on one UARFCN (cl. 9.1.54, table 9.1.54.1a)."""


def _skip_3g_neighbours(reader: BitReader) -> bool:
    """Skip a 3G neighbour cell description of FDD cells; return False at one of TDD cells."""
    _optional(reader, 7)  # index start
    _optional(reader, 7)  # absolute index start
    if reader.flag():  # UTRAN FDD
        _optional(reader, 3)  # bandwidth
        while reader.flag():
            if reader.flag():  # not an FDD-ARFCN
                return False
            reader.bits(15)  # FDD-ARFCN, indication of scrambling code 0
            n = reader.bits(5)
            if n >= len(CELL_INFORMATION_BITS):
                return False
            reader.bits(CELL_INFORMATION_BITS[n])
    return not reader.flag()  # UTRAN TDD


def _release_8(reader: BitReader) -> tuple[int, ...] | None:
    """Return the EARFCNs from the additions of release 5 on."""
    if not reader.high():
        return ()
    if reader.flag() or reader.flag():  # 3G additional measurement parameters, and their second part
        return None
    if not reader.high():  # release 6
        return ()
    reader.bits(1)  # 3G_CCN_ACTIVE
    if not reader.high():  # release 7
        return ()
    _optional(reader, 3, 3)  # 700 reporting offset and threshold
    _optional(reader, 3, 3)  # 810
    if not reader.high() or not reader.flag():  # release 8; priority and E-UTRAN parameters
        return ()
    _optional(reader, 3, 4, 4, 2, 2)  # serving cell priority parameters
    if reader.flag():  # 3G priority parameters
        return None
    if not reader.flag():  # E-UTRAN parameters
        return ()
    reader.bits(3)
    if reader.flag() or reader.flag():  # E-UTRAN measurement parameters, GPRS E-UTRAN measurement parameters
        return None
    return _eutran_cells(reader)


def _eutran_cells(reader: BitReader) -> tuple[int, ...]:
    """Return the EARFCNs of repeated E-UTRAN neighbour cells."""
    earfcns: list[int] = []
    while reader.flag():
        while reader.flag():
            earfcns.append(reader.bits(16))
            _optional(reader, 3)  # measurement bandwidth
        _optional(reader, 3)  # priority
        reader.bits(5)  # threshold high
        _optional(reader, 5)  # threshold low
        _optional(reader, 5)  # lowest level
    return tuple(dict.fromkeys(earfcns))
