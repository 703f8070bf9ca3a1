"""The Viterbi decoder against trying every word, and the codes of GSM and LTE against their own encoders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.viterbi import ConvolutionalCode, Decoded, decode_tail_biting, decode_tailed, encode

GSM = ConvolutionalCode(constraint_length=5, taps=(0o23, 0o33))
LTE = ConvolutionalCode(constraint_length=7, taps=(0o133, 0o171, 0o165))
SMALL = ConvolutionalCode(constraint_length=3, taps=(0o7, 0o5))
codes = st.sampled_from([GSM, LTE, SMALL])


def shifted(code: ConvolutionalCode, bits: list[int], past: list[int]) -> list[int]:
    """The coded bits by the shift register's definition."""
    out = []
    register = list(reversed(past))
    for bit in bits:
        cells = [bit, *register]
        out += [
            sum(cells[d] for d in range(code.constraint_length) if tap >> (code.constraint_length - 1 - d) & 1) % 2 for tap in code.taps
        ]
        register = cells[:-1]
    return out


@given(code=codes, bits=st.lists(st.integers(0, 1), min_size=7, max_size=60), tail_biting=st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_encoder_is_the_shift_register(code: ConvolutionalCode, bits: list[int], tail_biting: bool) -> None:
    memory = code.constraint_length - 1
    past = bits[-memory:] if tail_biting else [0] * memory
    assert encode(code, np.array(bits), tail_biting=tail_biting).tolist() == shifted(code, bits, past)


def all_metrics(code: ConvolutionalCode, llr: np.ndarray, words: np.ndarray, *, tail_biting: bool) -> np.ndarray:
    return np.array([np.sum((1.0 - 2.0 * encode(code, word, tail_biting=tail_biting)) * llr) for word in words])


def every_word(n: int) -> np.ndarray:
    return (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(np.uint8)


@pytest.mark.parametrize("code", [SMALL, GSM])
def test_the_tailed_word_found_is_the_best_of_all_and_its_margin_exact(code: ConvolutionalCode) -> None:
    rng = np.random.default_rng(3)
    memory = code.constraint_length - 1
    words = np.concatenate([every_word(7), np.zeros((128, memory), dtype=np.uint8)], axis=1)
    for _ in range(20):
        llr = rng.standard_normal(len(code.taps) * words.shape[1]).astype(np.float32)
        metrics = all_metrics(code, llr, words, tail_biting=False)
        found = decode_tailed(code, llr)
        best = np.sort(metrics)[-2:]
        assert np.array_equal(found.bits, words[np.argmax(metrics)])
        assert found.metric == pytest.approx(best[1], abs=1e-4)
        assert found.margin == pytest.approx(best[1] - best[0], abs=1e-4)
        assert found.limit == pytest.approx(np.abs(llr).sum(), rel=1e-5)


@pytest.mark.parametrize("code", [SMALL, GSM, LTE])
def test_the_tail_biting_word_found_is_the_best_of_all_and_its_margin_no_larger_than_the_lead(code: ConvolutionalCode) -> None:
    rng = np.random.default_rng(4)
    words = every_word(9)
    for _ in range(12):
        llr = rng.standard_normal(len(code.taps) * 9).astype(np.float32)
        metrics = all_metrics(code, llr, words, tail_biting=True)
        found = decode_tail_biting(code, llr)
        best = np.sort(metrics)[-2:]
        assert np.array_equal(found.bits, words[np.argmax(metrics)])
        assert found.metric == pytest.approx(best[1], abs=1e-4)
        assert -1e-5 <= found.margin <= best[1] - best[0] + 1e-4


def decoded(code: ConvolutionalCode, llr: np.ndarray, *, tail_biting: bool) -> Decoded:
    return decode_tail_biting(code, llr) if tail_biting else decode_tailed(code, llr)


@given(code=codes, seed=st.integers(0, 2**32), n=st.integers(20, 228), tail_biting=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_word_comes_back_with_a_few_bits_wrong_and_some_erased(code: ConvolutionalCode, seed: int, n: int, tail_biting: bool) -> None:
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, n, dtype=np.uint8)
    if not tail_biting:
        bits[-(code.constraint_length - 1) :] = 0
    llr = 4.0 - 8.0 * encode(code, bits, tail_biting=tail_biting)
    clean = decoded(code, llr, tail_biting=tail_biting)
    assert np.array_equal(clean.bits, bits)
    assert clean.metric == pytest.approx(clean.limit)
    llr[rng.integers(0, len(llr))] *= -1.0
    llr[rng.integers(0, len(llr))] = 0.0
    assert np.array_equal(decoded(code, llr, tail_biting=tail_biting).bits, bits)


def test_a_tail_biting_code_does_not_care_where_it_is_cut() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        llr = rng.standard_normal((40, 3)).astype(np.float32)
        whole = decode_tail_biting(LTE, llr.ravel())
        turned = decode_tail_biting(LTE, np.roll(llr, 13, axis=0).ravel())
        assert np.array_equal(np.roll(whole.bits, 13), turned.bits)
        assert turned.metric == pytest.approx(whole.metric, rel=1e-5)


def test_positive_soft_bits_mean_zero() -> None:
    assert not decode_tailed(GSM, np.ones(40)).bits.any()
    assert decode_tail_biting(LTE, -np.ones(120)).bits.all()  # odd taps: all ones in, all ones out


def test_what_cannot_be_decoded_is_refused() -> None:
    with pytest.raises(ParameterError, match="multiple of 2"):
        decode_tailed(GSM, np.zeros(39))
    with pytest.raises(ParameterError, match="at least 21"):
        decode_tail_biting(LTE, np.zeros(18))
    with pytest.raises(ParameterError, match="constraint_length"):
        ConvolutionalCode(constraint_length=1, taps=(1,))
    with pytest.raises(ParameterError, match="taps"):
        ConvolutionalCode(constraint_length=3, taps=(8,))
