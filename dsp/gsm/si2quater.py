"""SI2quater: the LTE neighbours, behind everything that may come before them (TS 44.018 cl. 10.5.2.33b).

    BA_IND 1, 3G_BA_IND 1, MP_CHANGE_MARK 1, index 4, count 4
    { 0 | 1 measurement parameters: 3 } { 0 | 1 real time differences } { 0 | 1 BSICs } { 0 | 1 report priorities }
    { 0 | 1 GPRS measurement parameters } { 0 | 1 network control } { 0 | 1 extension: length 8, length + 1 bits }
    { 0 | 1 3G neighbours } { 0 | 1 3G measurement parameters } { 0 | 1 GPRS 3G measurement parameters }
    { L | H release 5: { 0 | 1 7 } { 0 | 1 { 0 | 1 6 } } { L | H release 6: 1 { L | H release 7: { 0 | 1 6 } { 0 | 1 6 }
    { L | H release 8: { 0 | 1 priorities and E-UTRAN parameters } ... } } } }

Only the frequencies are kept; the rest is read to get past it. The layout was compared with the dissector of Wireshark 2.4 and with
libosmogsm's encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dsp.errors import DspError
from dsp.gsm.csn1 import BitReader, EndOfBitsError

FDD_CELL_BITS: Final = (0, 10, 19, 28, 36, 44, 52, 60, 67, 74, 81, 88, 95, 102, 109, 116, 122)
"""Bits of the description of n FDD cells on one UARFCN (cl. 9.1.54, table 9.1.54.1a)."""


class UnknownPartError(DspError):
    """A part whose length is not known here stands before what is looked for."""


def index(octets: bytes) -> int:
    """Return SI2quater_INDEX of the rest octets: which of the messages of that type this is."""
    reader = BitReader(octets)
    reader.bits(3)
    return reader.bits(4)


def lte_neighbours(octets: bytes) -> tuple[int, ...] | None:
    """Return the EARFCNs in the 20 rest octets, in order, empty where there are none.

    None where a part stands before them that is not skipped with certainty, or the description runs over the end: no value rather
    than a wrong one.
    """
    reader = BitReader(octets)
    reader.bits(11)
    try:
        _skip_release_99(reader)
        return _release_8(reader)
    except (EndOfBitsError, UnknownPartError):
        return None


def _optional(reader: BitReader, *fields: int) -> None:
    """Skip { 0 | 1 fields }."""
    if reader.flag():
        for n in fields:
            reader.bits(n)


def _optional_part(reader: BitReader, skip: Callable[[BitReader], None]) -> None:
    """Skip { 0 | 1 part }."""
    if reader.flag():
        skip(reader)


def _skip_release_99(reader: BitReader) -> None:
    """Skip what precedes the additions of release 5."""
    _optional(reader, 1, 2)
    if reader.flag():
        raise UnknownPartError("real time differences")
    for skip in (_bsics, _report_priorities, _gprs_measurement, _network_control, _extension, _3g_neighbours):
        _optional_part(reader, skip)
    _optional_part(reader, _3g_measurement)
    _optional_part(reader, _gprs_3g_measurement)


def _bsics(reader: BitReader) -> None:
    _optional(reader, 5)
    reader.bits(6)
    reader.bits(7 * reader.bits(7))


def _report_priorities(reader: BitReader) -> None:
    reader.bits(reader.bits(7))


def _gprs_measurement(reader: BitReader) -> None:
    reader.bits(3)
    _optional(reader, 2)
    _optional(reader, 2)
    reader.bits(2)
    for _ in range(5):  # 900, 1800, 400, 1900, 850: reporting offset and threshold
        _optional(reader, 3, 3)


def _network_control(reader: BitReader) -> None:
    reader.bits(2)
    _optional(reader, 3, 3, 3)


def _extension(reader: BitReader) -> None:
    reader.bits(reader.bits(8) + 1)


def _3g_neighbours(reader: BitReader) -> None:
    _optional(reader, 7)
    _optional(reader, 7)
    if reader.flag():  # UTRAN FDD
        _optional(reader, 3)
        while reader.flag():
            if reader.flag():
                raise UnknownPartError("a reserved form of the FDD-ARFCN")
            reader.bits(15)  # FDD-ARFCN, indication of scrambling code 0
            n = reader.bits(5)
            if n >= len(FDD_CELL_BITS):
                raise UnknownPartError("more FDD cells than the table has")
            reader.bits(FDD_CELL_BITS[n])
    if reader.flag():
        raise UnknownPartError("UTRAN TDD cells")


def _3g_measurement(reader: BitReader) -> None:
    reader.bits(5)
    _optional(reader, 4, 1, 2, 3)
    _optional(reader, 4, 2)


def _gprs_3g_measurement(reader: BitReader) -> None:
    reader.bits(5)
    _optional(reader, 1, 2)
    _optional(reader, 3, 3)
    _optional(reader, 2)
    _optional(reader, 3, 3)


def _release_8(reader: BitReader) -> tuple[int, ...]:
    """Return the EARFCNs from the additions of release 5 on."""
    if not reader.high():
        return ()
    _optional(reader, 3, 4)  # 3G additional measurement parameters
    if reader.flag():
        _optional(reader, 6)
    if not reader.high():  # release 6
        return ()
    reader.bits(1)
    if not reader.high():  # release 7
        return ()
    _optional(reader, 3, 3)
    _optional(reader, 3, 3)
    if not reader.high() or not reader.flag():  # release 8; priorities and E-UTRAN parameters
        return ()
    _optional(reader, 3, 4, 4, 2, 2)  # serving cell
    _optional_part(reader, _3g_priorities)
    if not reader.flag():  # E-UTRAN parameters
        return ()
    reader.bits(3)
    _optional_part(reader, _eutran_measurement)
    _optional_part(reader, _gprs_eutran_measurement)
    return _eutran_cells(reader)


def _3g_priorities(reader: BitReader) -> None:
    reader.bits(2)
    _optional(reader, 3, 5, 5)
    while reader.flag():
        while reader.flag():
            reader.bits(5)
        _levels(reader)


def _levels(reader: BitReader) -> None:
    """Priority, threshold high, threshold low, lowest level."""
    _optional(reader, 3)
    reader.bits(5)
    _optional(reader, 5)
    _optional(reader, 5)


def _thresholds(reader: BitReader, width: int) -> None:
    """Reporting threshold, second threshold, offset."""
    if reader.flag():
        reader.bits(width)
        _optional(reader, 6)
        _optional(reader, 3)


def _eutran_measurement(reader: BitReader) -> None:
    reader.bits(7)
    fine = reader.flag()
    for _ in range(2):  # FDD, TDD
        _thresholds(reader, 6 if fine else 3)
    if fine:
        reader.bits(1)


def _gprs_eutran_measurement(reader: BitReader) -> None:
    reader.bits(7)
    for _ in range(2):
        _thresholds(reader, 3)


def _eutran_cells(reader: BitReader) -> tuple[int, ...]:
    """Return the EARFCNs of repeated E-UTRAN neighbour cells."""
    earfcns: list[int] = []
    while reader.flag():
        while reader.flag():
            earfcns.append(reader.bits(16))
            _optional(reader, 3)  # measurement bandwidth
        _levels(reader)
    return tuple(dict.fromkeys(earfcns))
