"""SIB1 as a base station sends it: the message (TS 36.331 cl. 6.2.2, unaligned PER) and its PDSCH in subframe 5 of even frames.

The octets are made here bit by bit, and judged by ``pycrate`` in the tests. Nothing addressed to a subscriber is made or read anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from dsp.crc import LTE_CRC24A, BitArray
from dsp.errors import ParameterError
from dsp.lte import rate_matching, turbo
from dsp.lte.params import SUBCARRIERS_PER_RB
from dsp.lte.pdsch import BLOCK_SIZES, DISTRIBUTED_SIZES, SI_RNTI
from dsp.lte.resource_grid import transmit_diversity
from dsp.lte.sequences import gold
from dsp.lte.virtual_blocks import slot_blocks
from dsp.types import ComplexArray

SUBFRAME: Final = 5
_VERSIONS: Final = (0, 2, 3, 1)
"""TS 36.321 cl. 5.3.1: ceil(3 k / 2) mod 4 with k = SFN / 2 mod 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sib1Description:
    """The fields of a SIB1 as short as can be."""

    plmns: tuple[tuple[str, str], ...]
    """(MCC, MNC) of each network."""
    tac: int
    ci: int
    band: int
    barred: bool = False
    q_rx_lev_min: int = -65
    """Least level, steps of 2 dBm, -70 to -22."""
    p_max_dbm: int | None = None
    tdd_config: int | None = None
    more_messages: tuple[int, ...] = ()
    """System information beyond the message with SIB2: one message of each of these blocks, 3 to 11."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sib1Transmission:
    """How a cell sends its SIB1."""

    octets: bytes
    start: int = 0
    """First resource block."""
    length: int = 4
    redundancy: Literal["cycled", "first"] = "cycled"
    """Versions 0, 2, 3, 1 in turn, or always 0."""
    starts: tuple[int, ...] = ()
    """Where given: the first block of each occurrence in turn, in place of ``start``."""
    gap: Literal[0, 1, 2] = 0
    """0: localised; 1 or 2: distributed with that gap, start and length count virtual blocks."""

    def start_in(self, sfn: int) -> int:
        """Return the first resource block in the even frame ``sfn``."""
        return self.starts[sfn // 2 % len(self.starts)] if self.starts else self.start


def sib1_octets(said: Sib1Description, *, size: int | None = None) -> bytes:
    """Return the transport block of ``said``, padded with zeros to ``size`` bits or the least that holds it.

    Raises:
        ParameterError: ``size`` is no transport block of the PDSCH under the SI-RNTI, or too small.
    """
    bits = _Bits()
    bits.put(0b01, 2)  # c1, systemInformationBlockType1
    bits.put((said.p_max_dbm is not None) << 2 | (said.tdd_config is not None) << 1, 3)  # p-Max, tdd-Config, no extension
    bits.put(0, 1)  # no csg-Identity
    bits.put(len(said.plmns) - 1, 3)
    for mcc, mnc in said.plmns:
        bits.put(1, 1)
        bits.digits(mcc)
        bits.put(len(mnc) - 2, 1)
        bits.digits(mnc)
        bits.put(1, 1)  # not reserved
    bits.put(said.tac, 16)
    bits.put(said.ci, 28)
    bits.put(not said.barred, 1)
    bits.put(0b00, 2)  # reselection within the frequency allowed, no CSG
    bits.put(0, 1)
    bits.put(said.q_rx_lev_min + 70, 6)
    if said.p_max_dbm is not None:
        bits.put(said.p_max_dbm + 30, 6)
    bits.put(said.band - 1, 6)
    bits.put(len(said.more_messages), 5)  # messages scheduled, less one
    bits.put(1, 3)  # the first every 16 frames,
    bits.put(0, 5)  # with SIB2 alone
    for block in said.more_messages:
        bits.put(2, 3)  # every 32 frames,
        bits.put(1, 5)  # with one block more,
        bits.put(block - 3, 5)  # of the first kinds
    if said.tdd_config is not None:
        bits.put(said.tdd_config, 3)
        bits.put(7, 4)
    bits.put(0b101, 3)  # si-WindowLength ms20
    bits.put(1, 5)
    return bits.padded(size)


class _Bits:
    """A row of bits to write to."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def put(self, value: int, width: int) -> None:
        """Append ``value``, first bit highest."""
        self._bits += [int(value) >> k & 1 for k in range(width - 1, -1, -1)]

    def digits(self, text: str) -> None:
        """Append decimal digits of four bits each."""
        for digit in text:
            self.put(int(digit), 4)

    def padded(self, size: int | None) -> bytes:
        """Return the bits with zeros behind them."""
        whole = next((s for s in BLOCK_SIZES if s >= len(self._bits)), 0) if size is None else size
        if whole not in DISTRIBUTED_SIZES or whole < len(self._bits):
            raise ParameterError("size", size or len(self._bits), f"one of {DISTRIBUTED_SIZES} and at least {len(self._bits)}")
        return np.packbits(np.array(self._bits + [0] * (whole - len(self._bits)), dtype=np.uint8)).tobytes()


def sent_bits(sib1: Sib1Transmission, *, sfn: int, pci: int, n_bits: int) -> BitArray:
    """Return the scrambled bits of the occurrence in the even frame ``sfn``, shape (n_bits,)."""
    block = LTE_CRC24A.append(np.unpackbits(np.frombuffer(sib1.octets, dtype=np.uint8)))
    filler = turbo.block_size(block.size) - block.size
    coded = turbo.encode(np.concatenate([np.zeros(filler, dtype=np.uint8), block]))
    rv = _VERSIONS[sfn // 2 % 4] if sib1.redundancy == "cycled" else 0
    return rate_matching.match(coded, n_bits=n_bits, filler=filler, rv=rv) ^ gold(SI_RNTI << 14 | SUBFRAME << 9 | pci, length=n_bits)


def put_sib1(grid: ComplexArray, data: npt.NDArray[np.bool_], sib1: Sib1Transmission, *, sfn: int, pci: int) -> None:
    """Write SIB1 to subframe 5 of ``grid``, shape (n_ports, n_symbols, 12 n_rb), on the elements that are ``data``, (n_symbols, 12 n_rb).

    Nothing where the frame is odd.
    """
    if sfn % 2:
        return
    n_ports, n_symbols, _ = grid.shape
    own = np.zeros_like(data)
    n_rb = data.shape[1] // SUBCARRIERS_PER_RB
    for slot, blocks in enumerate(slot_blocks(n_rb, start=sib1.start_in(sfn), length=sib1.length, gap=sib1.gap)):
        first = (2 * SUBFRAME + slot) * n_symbols // 20
        columns = (SUBCARRIERS_PER_RB * blocks[:, np.newaxis] + np.arange(SUBCARRIERS_PER_RB)).ravel()
        own[first : first + n_symbols // 20, columns] = True
    at = np.flatnonzero(own & data)
    bits = sent_bits(sib1, sfn=sfn, pci=pci, n_bits=2 * at.size)
    signs = (1.0 - 2.0 * bits.astype(np.float32)) * np.float32(1 / np.sqrt(2))
    symbols = np.concatenate([signs.view(np.complex64), np.zeros(-at.size % n_ports, dtype=np.complex64)])
    grid.reshape(n_ports, -1)[:, at] = transmit_diversity(symbols, n_ports=n_ports)[:, : at.size]
