"""System information messages of a described cell, 23 octets each (TS 44.018 cl. 9.1.31 to 9.1.43): what ``dsp.gsm`` must read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dsp.errors import ParameterError
from dsp.gsm.frequency_lists import Format, best_format, encode

PADDING = 0x2B


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Cell reselection parameters as sent in the rest octets of SI3 and SI4."""

    cro_db: int = 0
    """0 to 126, even."""
    temporary_offset_db: int = 0
    """0 to 60 in steps of 10, or 70 for infinity."""
    penalty_time_s: int | None = 20
    """20 to 620 in steps of 20; None: the offset is subtracted."""
    cell_bar_qualify: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDescription:
    """One cell as its BCCH describes it. Lists that are empty leave their message out, except SI1 and SI2."""

    bsic: int
    mcc: str
    mnc: str
    lac: int
    ci: int
    cell_channels: tuple[int, ...] = ()
    cell_channels_format: Format | None = None
    """None: the first that fits. Likewise below."""
    neighbours: tuple[int, ...] = ()
    neighbours_format: Format | None = None
    neighbours_2bis: tuple[int, ...] = ()
    neighbours_2bis_format: Format | None = None
    neighbours_2ter: tuple[int, ...] = ()
    neighbours_2ter_format: Format | None = None
    lte_neighbours: tuple[int, ...] = ()
    t3212: int = 10
    selection: Selection | None = Selection()
    combined: bool = False
    attach_detach_allowed: bool = True
    bs_pa_mfrms: int = 5
    ms_txpwr_max_cch: int = 5
    rxlev_access_min_dbm: int = -105
    cell_reselect_hysteresis_db: int = 4
    barred: bool = False
    reestablishment_allowed: bool = False
    access_classes_barred: tuple[int, ...] = ()
    emergency_calls_allowed: bool = True
    ncc_permitted: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7)
    gprs: bool = False
    """The GPRS indicator of SI3 and SI4, and SI13."""
    ba_ind: int = 0
    band_1900: bool = False
    cbch: bool = False
    """SI4 carries a CBCH description."""

    def blocks(self) -> dict[str, bytes]:
        """Return the cell's messages by name."""
        made = {"SI1": si1(self), "SI2": si2(self), "SI3": si3(self), "SI4": si4(self)}
        optional: tuple[tuple[str, object, Callable[[CellDescription], bytes]], ...] = (
            ("SI2bis", self.neighbours_2bis, si2bis),
            ("SI2ter", self.neighbours_2ter, si2ter),
            ("SI2quater", self.lte_neighbours, si2quater),
            ("SI13", self.gprs, si13),
        )
        return made | {name: make(self) for name, wanted, make in optional if wanted}


class BitWriter:
    """Bits of rest octets, first sent bit first, against the padding 2B."""

    def __init__(self) -> None:
        """Start empty."""
        self._bits: list[int] = []

    def put(self, value: int, n: int = 1) -> None:
        """Append ``value`` in ``n`` bits."""
        self._bits += [value >> (n - 1 - k) & 1 for k in range(n)]

    def put_level(self, *, high: bool) -> None:
        """Append H, the inverse of the padding there, or L."""
        self._bits.append((PADDING >> (7 - len(self._bits) % 8) & 1) ^ int(high))

    def octets(self, n: int) -> bytes:
        """Return ``n`` octets, padded.

        Raises:
            ParameterError: they do not hold the bits.
        """
        if len(self._bits) > 8 * n:
            raise ParameterError("rest octets", len(self._bits), f"at most {8 * n} bits")
        while len(self._bits) < 8 * n:
            self.put_level(high=False)
        return int("".join(map(str, self._bits)), 2).to_bytes(n, "big")


def si1(cell: CellDescription) -> bytes:
    """Return SI1: cell channels, RACH control, band indicator."""
    rest = BitWriter()
    rest.put_level(high=False)
    rest.put_level(high=cell.band_1900)
    return _message(21, 0x19, _list(cell.cell_channels, cell.cell_channels_format) + _rach(cell) + rest.octets(1))


def si2(cell: CellDescription) -> bytes:
    """Return SI2: neighbours, NCC permitted, RACH control."""
    header = 0x20 * bool(cell.neighbours_2bis) | cell.ba_ind << 4
    permitted = bytes([sum(1 << ncc for ncc in cell.ncc_permitted)])
    return _message(22, 0x1A, _list(cell.neighbours, cell.neighbours_format, header) + permitted + _rach(cell))


def si2bis(cell: CellDescription) -> bytes:
    """Return SI2bis: more neighbours, RACH control."""
    return _message(21, 0x02, _list(cell.neighbours_2bis, cell.neighbours_2bis_format, 0x20 | cell.ba_ind << 4) + _rach(cell))


def si2ter(cell: CellDescription) -> bytes:
    """Return SI2ter: neighbours in other bands."""
    return _message(18, 0x03, _list(cell.neighbours_2ter, cell.neighbours_2ter_format, cell.ba_ind << 4))


def si3(cell: CellDescription) -> bytes:
    """Return SI3: identity, control channels, cell selection."""
    control = bytes([cell.attach_detach_allowed << 6 | cell.combined, cell.bs_pa_mfrms - 2, cell.t3212])
    options = bytes([0x27])  # no power control indicator, DTX not used, radio link timeout 32
    rest = BitWriter()
    _put_selection(rest, cell)
    rest.put_level(high=bool(cell.neighbours_2ter))
    rest.put_level(high=False)  # early classmark sending
    rest.put_level(high=False)  # scheduling
    _put_gprs(rest, cell)
    rest.put_level(high=False)  # 3G early classmark sending
    rest.put_level(high=bool(cell.lte_neighbours))
    if cell.lte_neighbours:
        rest.put(0)  # SI2quater on BCCH Norm
    body = cell.ci.to_bytes(2, "big") + _lai(cell) + control + options + _selection(cell) + _rach(cell)
    return _message(18, 0x1B, body + rest.octets(4))


def si4(cell: CellDescription) -> bytes:
    """Return SI4: identity, cell selection, CBCH."""
    body = _lai(cell) + _selection(cell) + _rach(cell)
    if cell.cbch:
        arfcn = cell.cell_channels[0] if cell.cell_channels else 0
        body += bytes([0x64, 0x20, (cell.bsic & 7) << 5 | arfcn >> 8, arfcn & 255])  # SDCCH/4 + CBCH on timeslot 0
    rest = BitWriter()
    _put_selection(rest, cell)
    _put_gprs(rest, cell)
    return _message(2 + len(body), 0x1C, body + rest.octets(20 - len(body)))


def si2quater(cell: CellDescription) -> bytes:
    """Return SI2quater with the LTE neighbours of one priority (cl. 10.5.2.33b)."""
    rest = BitWriter()
    rest.put(cell.ba_ind << 10, 11)  # BA_IND, 3G_BA_IND, MP_CHANGE_MARK, index 0, count 0
    rest.put(0, 10)  # none of the ten descriptions before release 5
    rest.put_level(high=True)  # release 5
    rest.put(0, 2)
    rest.put_level(high=True)  # release 6
    rest.put(0)
    rest.put_level(high=True)  # release 7
    rest.put(0, 2)
    rest.put_level(high=True)  # release 8
    rest.put(0b1001, 4)  # priorities and E-UTRAN parameters: no serving cell's, no 3G's, E-UTRAN's
    rest.put(0b01100, 5)  # E-UTRAN_CCN_ACTIVE, start, stop; no measurement parameters of either kind
    rest.put(1)
    for earfcn in cell.lte_neighbours:
        rest.put(1)
        rest.put(earfcn, 16)
        rest.put(0)  # measurement bandwidth
    rest.put(0)
    rest.put(0b0_00111_0_0, 8)  # no priority, threshold high, no threshold low, no lowest level
    rest.put(0, 3)  # ends of the cells, of the cells not allowed, of the mapping to tracking areas
    rest.put(0, 2)
    return _message(1, 0x07, rest.octets(20))


def si13(cell: CellDescription) -> bytes:
    """Return SI13: GPRS in the cell, network mode II, routeing area 1 (cl. 10.5.2.37b)."""
    rest = BitWriter()
    rest.put_level(high=True)
    rest.put(0, 3 + 4)  # BCCH_CHANGE_MARK, SI_CHANGE_FIELD
    rest.put(0, 2)  # no SI13 change mark, no PBCCH
    rest.put(1, 8)  # RAC
    rest.put(0, 1 + 3 + 2)  # SPGC_CCCH_SUP, PRIORITY_ACCESS_THR, NETWORK_CONTROL_ORDER
    rest.put(0b01_011_001, 8)  # GPRS cell options: NMO II, T3168 2 s, T3192 500 ms
    rest.put(0, 3 + 1 + 1 + 4)  # DRX_TIMER_MAX, ACCESS_BURST_TYPE, CONTROL_ACK_TYPE, BS_CV_MAX
    rest.put(0, 1 + 1)  # no PAN parameters, no extension
    rest.put(0, 4 + 5 + 5 + 1 + 4)  # power control: ALPHA, T_AVG_W, T_AVG_T, PC_MEAS_CHAN, N_AVG_I
    return _message(0, 0x00, rest.octets(20))


def _message(pseudo_length: int, kind: int, body: bytes) -> bytes:
    return bytes([pseudo_length << 2 | 1, 0x06, kind]) + body.ljust(20, bytes([PADDING]))


def _list(arfcns: tuple[int, ...], form: Format | None, header: int = 0) -> bytes:
    return encode(arfcns, form or best_format(arfcns), header_bits=header)


def _lai(cell: CellDescription) -> bytes:
    mcc, mnc = [int(digit) for digit in cell.mcc], [int(digit) for digit in cell.mnc]
    if len(mcc) != 3 or len(mnc) not in (2, 3):
        raise ParameterError("mcc, mnc", (cell.mcc, cell.mnc), "three digits, two or three digits")
    third = mnc[2] if len(mnc) == 3 else 15
    return bytes([mcc[1] << 4 | mcc[0], third << 4 | mcc[2], mnc[1] << 4 | mnc[0]]) + cell.lac.to_bytes(2, "big")


def _rach(cell: CellDescription) -> bytes:
    classes = sum(1 << k for k in cell.access_classes_barred) | (not cell.emergency_calls_allowed) << 10
    return bytes([0xE4 | cell.barred << 1 | (not cell.reestablishment_allowed)]) + classes.to_bytes(2, "big")


def _selection(cell: CellDescription) -> bytes:
    return bytes([cell.cell_reselect_hysteresis_db // 2 << 5 | cell.ms_txpwr_max_cch, cell.rxlev_access_min_dbm + 110])


def _put_selection(rest: BitWriter, cell: CellDescription) -> None:
    """Optional selection parameters, optional power offset (absent)."""
    rest.put_level(high=cell.selection is not None)
    if cell.selection is not None:
        penalty = cell.selection.penalty_time_s
        rest.put(cell.selection.cell_bar_qualify)
        rest.put(cell.selection.cro_db // 2, 6)
        rest.put(cell.selection.temporary_offset_db // 10, 3)
        rest.put(31 if penalty is None else penalty // 20 - 1, 5)
    rest.put_level(high=False)


def _put_gprs(rest: BitWriter, cell: CellDescription) -> None:
    """GPRS indicator: RA colour 0, SI13 on BCCH Norm."""
    rest.put_level(high=cell.gprs)
    if cell.gprs:
        rest.put(0, 4)
