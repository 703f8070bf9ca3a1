"""Cyclic codes against the check values of the public catalogue of parametrised CRC algorithms, and against long division."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.crc import GSM_FIRE, GSM_SCH, LTE_CRC16, LTE_CRC24A, Crc
from dsp.errors import TooFewSamplesError

ALL = [GSM_SCH, GSM_FIRE, LTE_CRC16, LTE_CRC24A]
CHECKS = [(GSM_SCH, 0x12A), (GSM_FIRE, 0xD4164FC646), (LTE_CRC16, 0x31C3), (LTE_CRC24A, 0xCDE703)]
"""CRC-10/GSM, CRC-40/GSM, CRC-16/XMODEM, CRC-24/LTE-A: the parity of the nine characters 123456789."""

words = st.lists(st.integers(0, 1), min_size=1, max_size=300).map(lambda bits: np.array(bits, dtype=np.uint8))


def divided(crc: Crc, bits: np.ndarray) -> list[int]:
    """The parity by long division, bit by bit."""
    dividend = int("".join(map(str, bits)), 2) << crc.width
    divisor = 1 << crc.width | crc.polynomial
    while dividend.bit_length() > crc.width:
        dividend ^= divisor << (dividend.bit_length() - crc.width - 1)
    if crc.inverted:
        dividend ^= (1 << crc.width) - 1
    return [dividend >> (crc.width - 1 - k) & 1 for k in range(crc.width)]


@pytest.mark.parametrize(("crc", "check"), CHECKS)
def test_the_catalogue_s_check_value_comes_out(crc: Crc, check: int) -> None:
    parity = crc.parity(np.unpackbits(np.frombuffer(b"123456789", dtype=np.uint8)))
    assert int("".join(map(str, parity)), 2) == check


@given(crc=st.sampled_from(ALL), bits=words)
@settings(max_examples=200, deadline=None)
def test_the_product_is_the_long_division(crc: Crc, bits: np.ndarray) -> None:
    assert crc.parity(bits).tolist() == divided(crc, bits)


@given(crc=st.sampled_from(ALL), bits=words, data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_word_passes_and_a_burst_of_errors_as_wide_as_the_parity_does_not(crc: Crc, bits: np.ndarray, data: st.DataObject) -> None:
    word = crc.append(bits)
    assert crc.passes(word)
    start = data.draw(st.integers(0, len(word) - 1))
    burst = data.draw(st.lists(st.integers(0, 1), min_size=0, max_size=min(crc.width, len(word) - start) - 1))
    word[start : start + 1 + len(burst)] ^= np.array([1, *burst], dtype=np.uint8)
    assert not crc.passes(word)


def test_many_words_are_coded_at_once() -> None:
    bits = np.random.default_rng(1).integers(0, 2, (5, 184))
    assert np.array_equal(GSM_FIRE.append(bits), np.stack([GSM_FIRE.append(row) for row in bits]))


def test_noise_passes_as_often_as_the_width_says() -> None:
    noise = np.random.default_rng(2).integers(0, 2, (100_000, 35), dtype=np.uint8)
    passes = np.sum(np.all(GSM_SCH.parity(noise[:, :25]) == noise[:, 25:], axis=1))
    assert abs(passes - 100_000 / 1024) < 5 * np.sqrt(100_000 / 1024)


def test_a_word_without_room_for_information_is_refused() -> None:
    with pytest.raises(TooFewSamplesError, match="17"):
        LTE_CRC16.passes(np.zeros(16, dtype=np.uint8))


def test_the_input_is_left_as_it_was() -> None:
    bits = np.ones(25, dtype=np.uint8)
    bits.flags.writeable = False
    assert GSM_SCH.append(bits)[:25].tolist() == [1] * 25
