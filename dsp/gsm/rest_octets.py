"""Rest octets of SI1, SI3 and SI4: what is sent only by choice (TS 44.018 cl. 10.5.2.32, 10.5.2.34, 10.5.2.35).

SI3: selection parameters {L | H CBQ 1, CRO 6, TO 3, PT 5}, power offset {L | H 2}, SI2ter {L | H}, early classmark {L | H},
scheduling {L | H 3}, GPRS {L | H RA colour 3, SI13 position 1}, ...; SI4: selection parameters, power offset, GPRS, ...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dsp.gsm.csn1 import BitReader, EndOfBitsError

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
