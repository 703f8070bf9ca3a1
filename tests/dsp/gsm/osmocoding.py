"""The judges by ctypes: libosmocoding for the channel coding, libosmogsm for lists and rest octets. Debian: libosmocoding0, libosmogsm18.

Structures: osmocom/gsm/gsm48_rest_octets.h, gsm48_ie.h, sysinfo.h of libosmocore 1.7.
"""

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


@lru_cache(maxsize=1)
def gsm_library() -> ctypes.CDLL:
    """libosmogsm, or a skip that says how to get it."""
    name = ctypes.util.find_library("osmogsm")
    if name is None:
        pytest.skip("libosmogsm is absent: apt-get install libosmogsm18")
    return ctypes.CDLL(name)


def decode_list(octets: bytes, *, neighbours_2: bool = False) -> tuple[int, ...]:
    """The ARFCNs of a frequency list, sorted."""
    marks, data = np.zeros(1024, dtype=np.uint8), np.frombuffer(octets, dtype=np.uint8).copy()
    mask = 0x8E if neighbours_2 else 0xCE
    assert gsm_library().gsm48_decode_freq_list(_pointer(marks), _pointer(data), len(octets), mask, 1) == 0
    return tuple(int(arfcn) for arfcn in np.flatnonzero(marks))


class _Scheduling(ctypes.Structure):
    _fields_ = (("where", ctypes.c_uint8, 3), ("scheduling_present", ctypes.c_uint8, 1))


class _Gprs(ctypes.Structure):
    _fields_ = (("si13_position", ctypes.c_uint8, 1), ("ra_colour", ctypes.c_uint8, 3), ("gprs_present", ctypes.c_uint8, 1))


class _Options(ctypes.Structure):
    _anonymous_ = ("scheduling", "gprs")
    _fields_ = (
        ("penalty_time", ctypes.c_uint16, 5),
        ("temp_offs", ctypes.c_uint16, 3),
        ("cell_resel_off", ctypes.c_uint16, 6),
        ("cbq", ctypes.c_uint16, 1),
        ("selection_present", ctypes.c_uint16, 1),
        ("power_offset", ctypes.c_uint8, 2),
        ("power_offset_present", ctypes.c_uint8, 1),
        ("si2ter_indicator", ctypes.c_bool),
        ("early_cm_ctrl", ctypes.c_bool),
        ("scheduling", _Scheduling),
        ("gprs", _Gprs),
        ("early_cm_restrict_3g", ctypes.c_bool),
        ("si2quater_indicator", ctypes.c_bool),
        ("lsa", ctypes.c_uint32 * 2),
        ("cell_id", ctypes.c_uint16),
        ("break_ind", ctypes.c_uint8),
    )


def encode_options(*, si4_octets: int | None = None, **fields: int) -> bytes:
    """The rest octets of SI3, or of SI4 in ``si4_octets`` octets, with ``fields`` of the structure above."""
    options, data = _Options(**fields), np.zeros(23, dtype=np.uint8)
    if si4_octets is None:
        assert gsm_library().osmo_gsm48_rest_octets_si3_encode(_pointer(data), ctypes.byref(options)) == 4
        return data[:4].tobytes()
    gsm_library().osmo_gsm48_rest_octets_si4_encode(_pointer(data), ctypes.byref(options), si4_octets)
    return data[:si4_octets].tobytes()


def decode_options(octets: bytes, *, si4: bool) -> dict[str, int]:
    """The fields of the structure above in the rest octets of SI3 or SI4."""
    options, data = _Options(), np.frombuffer(octets, dtype=np.uint8).copy()
    if si4:
        gsm_library().osmo_gsm48_rest_octets_si4_decode(ctypes.byref(options), _pointer(data), len(octets))
    else:
        gsm_library().osmo_gsm48_rest_octets_si3_decode(ctypes.byref(options), _pointer(data))
    names = [name for structure in (_Options, _Scheduling, _Gprs) for name, *_ in structure._fields_]
    return {name: int(getattr(options, name)) for name in names if name not in ("lsa", "scheduling", "gprs")}


class _Earfcns(ctypes.Structure):
    _fields_ = (
        ("arfcn", ctypes.POINTER(ctypes.c_uint16)),
        ("meas_bw", ctypes.POINTER(ctypes.c_uint8)),
        ("length", ctypes.c_size_t),
        ("thresh_hi", ctypes.c_uint8),
        ("thresh_lo", ctypes.c_uint8),
        ("prio", ctypes.c_uint8),
        ("qrxlm", ctypes.c_uint8),
        ("thresh_lo_valid", ctypes.c_bool),
        ("prio_valid", ctypes.c_bool),
        ("qrxlm_valid", ctypes.c_bool),
    )


def encode_si2quater(
    earfcns: list[int], *, uarfcns: list[tuple[int, int]] | None = None, bandwidth: int = 255, **fields: int
) -> tuple[bytes, int]:
    """The 20 rest octets of SI2quater and how many EARFCNs found room. ``uarfcns``: (UARFCN, scrambling code); 255: no bandwidth."""
    n = len(earfcns)
    numbers, widths = (ctypes.c_uint16 * n)(*earfcns), (ctypes.c_uint8 * n)(*[bandwidth] * n)
    cells = _Earfcns(arfcn=numbers, meas_bw=widths, length=n, **fields)
    third = uarfcns or []
    u_numbers = (ctypes.c_uint16 * (len(third) + 1))(*[u for u, _ in third])
    codes = (ctypes.c_uint16 * (len(third) + 1))(*[code for _, code in third])
    u_done, e_done = ctypes.c_size_t(), ctypes.c_size_t()
    data = np.zeros(20, dtype=np.uint8)
    length = gsm_library().osmo_gsm48_rest_octets_si2quater_encode(
        _pointer(data), 0, 0, u_numbers, ctypes.byref(u_done), ctypes.c_size_t(len(third)), codes, ctypes.byref(cells), ctypes.byref(e_done)
    )
    assert length == 20
    return data.tobytes(), e_done.value


class _Si13(ctypes.Structure):
    _fields_ = (("octets", ctypes.c_uint8 * 256),)


def si13_is_understood(octets: bytes) -> bool:
    """Whether the library reads these 20 rest octets of SI13 without complaint."""
    info, data = _Si13(), np.frombuffer(octets, dtype=np.uint8).copy()
    return int(gsm_library().osmo_gsm48_rest_octets_si13_decode(ctypes.byref(info), _pointer(data))) >= 0
