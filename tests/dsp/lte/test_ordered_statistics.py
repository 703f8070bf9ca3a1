"""Ordered statistics after the turbo decoder: what it wins, and that the word it gives is the likeliest of those it may try."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.crc import LTE_CRC24A
from dsp.lte import ordered_statistics, rate_matching, turbo
from dsp.types import FloatArray


def heard(seed: int, es_n0_db: float, size: int = 200, filler: int = 0) -> tuple[np.ndarray, FloatArray]:
    """The coded bits of a block, and their soft bits out of 1056 sent."""
    rng = np.random.default_rng(seed)
    message = rng.integers(0, 2, size - filler - 24, dtype=np.uint8)
    coded = turbo.encode(np.concatenate([np.zeros(filler, dtype=np.uint8), LTE_CRC24A.append(message)]))
    sent = 1.0 - 2.0 * rate_matching.match(coded, n_bits=1056, filler=filler, rv=0)
    amplitude = 10 ** (es_n0_db / 20)
    soft = 2 * amplitude * (amplitude * sent + rng.standard_normal(sent.size))
    total = rate_matching.unmatch(soft.astype(np.float32), size=size, filler=filler, rv=0)
    total[:2, :filler] = 1e4
    return coded, total


def test_a_third_of_the_blocks_that_the_turbo_decoder_leaves_are_found() -> None:
    left = won = 0
    for seed in range(60):
        coded, total = heard(seed, -4.0)
        if turbo.decode(total) is None:
            left += 1
            won += np.array_equal(ordered_statistics.decode(total, turbo.sureness(total), filler=0), coded)
    assert left >= 20
    assert won >= 0.25 * left


@pytest.mark.parametrize(("size", "filler"), [(200, 0), (168, 0), (312, 0), (200, 3)])
def test_words_are_of_the_code_and_no_less_likely_than_the_hard_decisions(size: int, filler: int) -> None:
    coded, total = heard(7, 4.0, size=size, filler=filler)
    word = ordered_statistics.decode(total, total, filler=filler)
    assert np.array_equal(turbo.encode(word[0, :size]), word)
    assert not word[0, :filler].any()
    assert np.sum(total * (1.0 - 2.0 * word)) >= np.sum(total * (1.0 - 2.0 * coded)) - 1e-2


def test_noise_gives_a_word_whose_crc_is_wrong() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        total = rng.standard_normal((3, 204)).astype(np.float32)
        assert not LTE_CRC24A.passes(ordered_statistics.decode(total, total, filler=0)[0, :200])
