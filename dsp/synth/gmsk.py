"""GMSK with BT 0.3 over GSM's slots of 156.25 symbols (TS 45.004 cl. 2; TS 45.010 cl. 5.7).

Phase: phi(u) = pi/2 sum_k a_k q(u - k), a_k = 1 - 2 (d_k xor d_{k-1}), q the integral of a Gaussian-filtered symbol, centred on the
symbol: bit k of a slot lasts from u = k to k + 1. Between the bursts the modulating bits are ones (cl. 2.2): a tone, over which the
quarter symbol passes without a step of phase. From ones to ones the transitions are even in number, hence every slot turns the phase
by a whole number of turns and one sixteenth: slot s begins at s / 16 turns, and any stretch can be made without those before it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.gsm import params
from dsp.types import ComplexArray

LEAD: Final = 4
"""A slot's grid of symbols is used from here before its start: inside the guard, where all pulses of the slot before have ended and
none of the slot's own has begun (a pulse spans 2 symbols before its own to 2 after)."""
_REACH: Final = 2
_SYMBOLS: Final = 157


@lru_cache(maxsize=1)
def phasors() -> ComplexArray:
    """Return exp(j phase) over one symbol, shape (32, STEPS + 1); the row's bit b set: symbol i - 2 + b has a = -1."""
    from dsp.synth.gmsk_kernel import STEPS

    fine = 32
    x = np.arange(-3 * fine * STEPS, 3 * fine * STEPS) / (fine * STEPS)  # symbols from the pulse's centre
    sigma = math.sqrt(math.log(2)) / (2 * math.pi * params.GMSK_BT)
    edges = [np.array([math.erf(v / (sigma * math.sqrt(2))) for v in x + shift]) for shift in (0.5, -0.5)]
    density = (edges[0] - edges[1]) / 2
    density[np.abs(x) > 2.5] = 0.0
    rise = np.concatenate([[0.0], np.cumsum(density)])[::fine]
    rise = rise / rise[-1]  # q at steps of 1 / STEPS, from 3 symbols before the centre
    table = np.empty((32, STEPS + 1), dtype=np.complex64)
    tau = np.arange(STEPS + 1)
    for row in range(32):
        phase = np.zeros(STEPS + 1)
        for b in range(5):
            # x = u - k - 1/2 for symbol k = i - 2 + b at u = i + tau
            phase += (1 - 2 * (row >> b & 1)) * rise[tau + round((2 - b - 0.5 + 3) * STEPS)]
        table[row] = np.exp(0.5j * np.pi * phase)
    table.flags.writeable = False
    return table


def symbol_tables(bits: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return (patterns, turns), each (n_slots, LEAD + 153), uint8, of the slots' ``bits``, shape (n_slots, 148).

    Column c is the symbol c - LEAD: ``patterns`` the row of ``phasors``, ``turns`` the quarter turns of all symbols before those five.
    """
    n_slots = bits.shape[0]
    first = LEAD + _REACH + 1  # columns before the slot's bit 0
    data = np.ones((n_slots, first + _SYMBOLS), dtype=np.uint8)
    data[:, first : first + params.BURST_BITS] = bits
    minus = data[:, 1:] ^ data[:, :-1]  # a = -1; column c is symbol c - LEAD - REACH
    columns = LEAD + 153
    patterns = np.zeros((n_slots, columns), dtype=np.uint8)
    for b in range(5):
        patterns |= minus[:, b : b + columns] << b
    before = np.cumsum(1 - 2 * minus.astype(np.int16), axis=1)
    turns = np.zeros((n_slots, columns), dtype=np.uint8)
    turns[:, 1:] = before[:, : columns - 1] & 3
    return patterns, turns
