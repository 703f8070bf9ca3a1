"""The judge of the channel coding: libosmocoding, an independent GSM coder, by ctypes. Debian: libosmocoding0."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pytest


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """The loaded library, or a skip that says how to get it."""
    name = ctypes.util.find_library("osmocoding")
    if name is None:
        pytest.skip("libosmocoding is absent: apt-get install libosmocoding0")
    return ctypes.CDLL(name)


def _pointer(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _soft(llr: npt.NDArray[np.floating]) -> npt.NDArray[np.int8]:
    """Its soft bits are -127 to 127, positive for 0."""
    return np.clip(np.round(np.ravel(llr)), -127, 127).astype(np.int8)


def encode_sch(information: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The 78 coded bits of d0..d24."""
    packed = np.packbits(information, bitorder="little")
    out = np.zeros(78, dtype=np.uint8)
    assert library().gsm0503_sch_encode(_pointer(out), _pointer(packed)) == 0
    return out


def decode_sch(llr: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8] | None:
    """d0..d24, or None where the parity fails."""
    soft, out = _soft(llr), np.zeros(4, dtype=np.uint8)
    if library().gsm0503_sch_decode(_pointer(out), _pointer(soft)) != 0:
        return None
    return np.unpackbits(out, bitorder="little")[:25]


def encode_block(octets: bytes) -> npt.NDArray[np.uint8]:
    """Four bursts of 116 bits: 57 coded, two stealing flags, 57 coded."""
    data = np.frombuffer(octets, dtype=np.uint8).copy()
    out = np.zeros(464, dtype=np.uint8)
    assert library().gsm0503_xcch_encode(_pointer(out), _pointer(data)) == 0
    return out.reshape(4, 116)


def decode_block(llr: npt.NDArray[np.floating]) -> bytes | None:
    """The octets of four bursts of 114 soft bits, or None where the Fire code finds an error it cannot mend."""
    bursts = np.insert(np.asarray(llr).reshape(4, 114), [57, 57], -127, axis=1)
    soft, out = _soft(bursts), np.zeros(23, dtype=np.uint8)
    errors, total = ctypes.c_int(), ctypes.c_int()
    if library().gsm0503_xcch_decode(_pointer(out), _pointer(soft), ctypes.byref(errors), ctypes.byref(total)) != 0:
        return None
    return out.tobytes()
