"""The resource elements of a cell's frames, and the reference signals among them (TS 36.211 cl. 6.10.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dsp.lte.ofdm import CENTRE_K, FRAME, SAMPLE_RATE_HZ, Float64Array, TimeBase, demodulate, useful_start
from dsp.lte.params import CENTRE_RB, MAX_RB, PBCH_SYMBOLS, SLOTS_PER_FRAME, SYMBOLS_PER_SLOT
from dsp.lte.resource_grid import crs_shift, crs_symbols
from dsp.lte.sequences import gold
from dsp.lte.types import CyclicPrefix, Duplex
from dsp.types import ComplexArray

BoolArray = npt.NDArray[np.bool_]
_PILOTS = 2 * CENTRE_RB


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameGrid:
    """Resource elements of consecutive frames; only symbols with reference signals and those of the PBCH are worked out.

    ``elements``: (n_frames, 20, 7 or 6, 72); ``valid``: (n_frames, 20, 7 or 6), False where not worked out or not received. ``seconds``:
    the symbols' times, same shape as ``valid``. Frame 0 of the array is frame ``first_frame`` of ``base``.
    """

    elements: ComplexArray
    valid: BoolArray
    seconds: Float64Array
    first_frame: int
    base: TimeBase
    cp: CyclicPrefix


def frame_grid(x: ComplexArray, base: TimeBase, cp: CyclicPrefix) -> FrameGrid:
    """Return the resource elements of every frame that lies in ``x`` at least in part."""
    first = -1 if base.frame_sample > 0 else 0
    n_frames = int(np.ceil((x.size - base.frame_sample) / (FRAME * base.stretch))) - first
    n_symbols = SYMBOLS_PER_SLOT[cp]
    wanted = np.zeros((n_frames, SLOTS_PER_FRAME, n_symbols), dtype=bool)
    wanted[:, :, [0, 1, n_symbols - 3]] = True
    wanted[:, 1, list(PBCH_SYMBOLS)] = True
    frame, slot, symbol = np.nonzero(wanted)
    starts = base.at(useful_start(frame + first, slot, symbol, cp=cp))
    values, inside = demodulate(x, starts, offset_hz=base.offset_hz)
    elements = np.zeros((*wanted.shape, len(CENTRE_K)), dtype=np.complex64)
    valid = np.zeros_like(wanted)
    seconds = np.zeros(wanted.shape)
    elements[wanted], valid[wanted], seconds[wanted] = values, inside, starts / SAMPLE_RATE_HZ
    return FrameGrid(elements=elements, valid=valid, seconds=seconds, first_frame=first, base=base, cp=cp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilots:
    """Channel samples of one port: received reference signals over the sent ones.

    ``values``: (n_frames, n_slots, n_symbols, 12), zero where not received; ``k``: their subcarriers in steps of 15 kHz, shape
    (n_slots, n_symbols, 12); ``valid`` and ``seconds``: (n_frames, n_slots, n_symbols). ``slots``: which slots of the frame.
    """

    values: ComplexArray
    k: Float64Array
    valid: BoolArray
    seconds: Float64Array
    slots: tuple[int, ...]


def downlink_slots(duplex: Duplex) -> tuple[int, ...]:
    """Return the slots that are downlink in every cell: all in FDD, those of subframes 0 and 5 in TDD (TS 36.211 table 4.2-2)."""
    return tuple(range(SLOTS_PER_FRAME)) if duplex == "fdd" else (0, 1, 10, 11)


def pilots(grid: FrameGrid, *, pci: int, port: int, slots: tuple[int, ...]) -> Pilots:
    """Return the channel samples of ``port`` in ``slots`` of every frame."""
    symbols = list(crs_symbols(port, grid.cp))
    at = list(slots)
    subcarriers = np.array([[crs_shift(port, slot=s, symbol=symbol, pci=pci) for symbol in symbols] for s in slots])[:, :, np.newaxis]
    subcarriers = subcarriers + 6 * np.arange(_PILOTS)
    sent = reference_values(pci, grid.cp)[np.ix_(at, symbols)]
    where = np.array(at)[:, np.newaxis, np.newaxis], np.array(symbols)[np.newaxis, :, np.newaxis], subcarriers
    values = grid.elements[:, where[0], where[1], where[2]] * np.conj(sent)
    span = np.ix_(range(grid.valid.shape[0]), at, symbols)
    k = np.array(CENTRE_K, dtype=np.float64)[subcarriers]
    return Pilots(values=values, k=k, valid=grid.valid[span], seconds=grid.seconds[span], slots=slots)


@lru_cache(maxsize=128)
def reference_values(pci: int, cp: CyclicPrefix) -> ComplexArray:
    """Return the reference values of every slot and symbol on the centre six blocks, shape (20, 7 or 6, 12), magnitude 1.

    The same as ``sequences.crs``; all of a frame at once, since each bit of a Gold sequence is a fixed sum of bits of c_init.
    """
    n_symbols = SYMBOLS_PER_SLOT[cp]
    slot, symbol = np.arange(SLOTS_PER_FRAME)[:, np.newaxis], np.arange(n_symbols)
    c_init = (1 << 10) * (7 * (slot + 1) + symbol + 1) * (2 * pci + 1) + 2 * pci + (cp == "normal")
    start = (c_init[..., np.newaxis] >> np.arange(31)) & 1
    constant, linear = _gold_bits()
    bits = (start @ linear + constant) % 2
    signs = (1.0 - 2.0 * bits) / np.sqrt(2)
    out: ComplexArray = (signs[..., 0::2] + 1j * signs[..., 1::2]).astype(np.complex64)
    out.setflags(write=False)
    return out


@lru_cache(maxsize=1)
def _gold_bits() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the bits the centre blocks use for c_init = 0, shape (24,), and what each bit of c_init adds to them, shape (31, 24)."""
    first = 2 * (MAX_RB - CENTRE_RB)
    length = first + 2 * _PILOTS
    constant = gold(0, length=length)[first:].astype(np.int64)
    linear = np.array([gold(1 << bit, length=length)[first:].astype(np.int64) ^ constant for bit in range(31)])
    return constant, linear
