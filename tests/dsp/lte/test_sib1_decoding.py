"""Blocks out of soft bits: what each decoder adds, and that the CRC proves what it is asked of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dsp.crc import LTE_CRC24A
from dsp.lte import rate_matching, sib1_decoding, turbo
from dsp.lte.sib1_decoding import Soft, decode, likeliest, likeliest_of_all
from dsp.lte.sib1_search import Hypothesis, code_block
from tests.lte_sib1_air import varied_octets

WAY = Hypothesis(start=0, length=4, data_start=2, size=176)


def soft_of(octets: bytes | None, es_n0_db: float, seed: int) -> Soft:
    """1056 soft bits of a block, or of noise alone."""
    rng = np.random.default_rng((seed, 5))
    code, filler = code_block(176)
    sent: npt.NDArray[np.float64] = np.full(1056, float(octets is not None))
    if octets is not None:
        block = LTE_CRC24A.append(np.unpackbits(np.frombuffer(octets, dtype=np.uint8)))
        sent -= 2.0 * rate_matching.match(turbo.encode(block), n_bits=1056, filler=filler, rv=0)
    amplitude = 10 ** (es_n0_db / 20)
    bits = (2 * amplitude * (amplitude * sent + rng.standard_normal(1056))).astype(np.float32)
    total = rate_matching.unmatch(bits, size=code, filler=filler, rv=0)
    return Soft(way=WAY, parts=[(bits, 0)], duplex="fdd", total=total)


def test_each_decoder_reads_blocks_that_the_one_before_leaves() -> None:
    read = np.zeros(3, dtype=int)
    for seed in range(40):
        octets = varied_octets(176, seed)
        soft = soft_of(octets, -4.2, seed)
        quick = decode(soft)
        word = likeliest(soft)
        assert word is not None
        blocks = quick, soft.block(word), soft.block(likeliest_of_all(soft, word))
        assert all(block is None or block.octets == octets for block in blocks)
        read += [block is not None for block in blocks]
    assert read[0] + 3 <= read[1]
    assert read[1] + 3 <= read[2]
    assert read[2] >= 34


def test_the_likeliest_of_all_is_no_less_likely_than_the_first() -> None:
    for seed in range(4):
        soft = soft_of(varied_octets(176, seed), -5.5, seed)
        word = likeliest(soft)
        assert word is not None
        best = likeliest_of_all(soft, word)
        assert soft.likelihood(best) >= soft.likelihood(word)
        assert np.array_equal(turbo.encode(best[0, :-4]), best)


def test_noise_is_told_from_a_block_before_anything_dear_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sib1_decoding, "message_layouts", lambda *_: pytest.fail("a deep search in noise"))
    for seed in range(12):
        soft = soft_of(None, -4.0, seed)
        word = likeliest(soft)
        assert decode(soft) is None
        if word is not None:
            assert soft.margin(word) < 0.0
            assert likeliest_of_all(soft, word) is word


def test_a_crc_that_passes_on_the_way_to_another_word_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The turbo decoder's early stop, made to stop at a word it would have left."""
    soft = soft_of(varied_octets(176, 1), 2.0, 1)
    assert decode(soft) is not None
    right = turbo.decode(soft.total)
    assert right is not None
    other = LTE_CRC24A.append(np.unpackbits(np.frombuffer(varied_octets(176, 2), dtype=np.uint8)))
    monkeypatch.setattr(turbo, "decode", lambda *_: turbo.TurboDecode(bits=other, half_iterations=1))
    assert decode(soft) is None


def test_the_word_of_zeros_is_no_block() -> None:
    soft = soft_of(varied_octets(176, 1), 2.0, 1)
    assert soft.block(np.zeros_like(soft.total, dtype=np.uint8)) is None
