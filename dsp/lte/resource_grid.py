"""Which resource elements carry what: reference signals (TS 36.211 cl. 6.10.1.2) and the PBCH with its precoding (cl. 6.6, 6.3).

Subcarriers are counted from the lowest used one of ``n_rb`` blocks; the centre 72 when ``n_rb`` is 6.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dsp.errors import ParameterError
from dsp.lte.params import CENTRE_RB, CENTRE_SUBCARRIERS, PBCH_SYMBOLS, SYMBOLS_PER_SLOT
from dsp.lte.types import CyclicPrefix
from dsp.types import ComplexArray

IndexArray = npt.NDArray[np.intp]


def crs_symbols(port: int, cp: CyclicPrefix) -> tuple[int, ...]:
    """Return the symbols of every slot that hold reference signals of antenna ``port`` (0 to 3)."""
    _check_port(port)
    return (0, SYMBOLS_PER_SLOT[cp] - 3) if port < 2 else (1,)


def crs_shift(port: int, *, slot: int, symbol: int, pci: int) -> int:
    """Return the first of the block's subcarriers that holds ``port``'s reference signal, 0 to 5; the others follow every 6.

    (v + PCI mod 6) mod 6, with v = 0 and 3 in the first and second symbol of port 0, 3 and 0 of port 1, 3 (n_s mod 2) for port 2 and
    3 + 3 (n_s mod 2) for port 3.
    """
    _check_port(port)
    v = 3 * ((symbol != 0) != (port == 1)) if port < 2 else 3 * (port - 2) + 3 * (slot % 2)
    return (v + pci % 6) % 6


@lru_cache(maxsize=1024)
def crs_subcarriers(port: int, *, slot: int, symbol: int, pci: int, n_rb: int = CENTRE_RB) -> IndexArray:
    """Return the subcarriers of ``port``'s reference signals in one symbol that has them, shape (2 n_rb,), lowest first.

    They take ``sequences.crs(pci, slot=slot, symbol=symbol, cp=cp, n_rb=n_rb)`` in order.
    """
    out = crs_shift(port, slot=slot, symbol=symbol, pci=pci) + 6 * np.arange(2 * n_rb)
    out.setflags(write=False)
    return out


@lru_cache(maxsize=16)
def pbch_elements(pci: int, cp: CyclicPrefix) -> tuple[IndexArray, IndexArray]:
    """Return (symbols, subcarriers) of the PBCH in slot 1 on the centre 72, in mapping order; 240 elements, 216 with extended prefix.

    TS 36.211 cl. 6.6.4: subcarriers first, then symbols; places of reference signals of four ports are left out whatever the cell has.
    """
    symbols, subcarriers = [], []
    reserved = {symbol for port in range(4) for symbol in crs_symbols(port, cp)}
    for symbol in PBCH_SYMBOLS:
        k = np.arange(CENTRE_SUBCARRIERS)
        if symbol in reserved:
            k = k[k % 3 != pci % 3]
        symbols.append(np.full(k.size, symbol))
        subcarriers.append(k)
    both = np.concatenate(symbols).astype(np.intp), np.concatenate(subcarriers).astype(np.intp)
    for array in both:
        array.setflags(write=False)
    return both


def transmit_diversity(symbols: ComplexArray, *, n_ports: int) -> ComplexArray:
    """Return what each antenna port sends, shape (n_ports, n), for ``symbols``, shape (n,), n a multiple of ``n_ports``.

    TS 36.211 cl. 6.3.3.3 and 6.3.4.3: on pairs (a, b) two ports send a, b and -b*, a*, over sqrt 2; with four ports, pairs take turns
    between ports 0, 2 and ports 1, 3.

    Raises:
        ParameterError: ``n_ports`` is not 1, 2 or 4, or does not divide the symbols.
    """
    if n_ports not in (1, 2, 4):
        raise ParameterError("n_ports", n_ports, "1, 2 or 4")
    if symbols.size % n_ports:
        raise ParameterError("symbols.size", symbols.size, f"a multiple of {n_ports}")
    out = np.zeros((n_ports, symbols.size), dtype=np.complex64)
    if n_ports == 1:
        out[0] = symbols
        return out
    scaled = symbols * np.float32(1 / np.sqrt(2))
    for pair in range(n_ports // 2):
        step = n_ports
        first, second = slice(2 * pair, None, step), slice(2 * pair + 1, None, step)
        low, high = (0, 1) if n_ports == 2 else (pair, pair + 2)
        out[low, first], out[low, second] = scaled[first], scaled[second]
        out[high, first], out[high, second] = -np.conj(scaled[second]), np.conj(scaled[first])
    return out


def _check_port(port: int) -> None:
    if port not in (0, 1, 2, 3):
        raise ParameterError("port", port, "0 to 3")
