"""The turbo code and its rate matching against scikit-commpy's encoder, and against a second implementation from the standard's text."""

from __future__ import annotations

import warnings
from math import gcd

import numpy as np
import pytest

from dsp.crc import LTE_CRC24A
from dsp.errors import ParameterError
from dsp.lte import rate_matching, turbo
from dsp.types import FloatArray

SIZES = (40, 144, 200, 232, 528, 1056, 2240)


def random_bits(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, n, dtype=np.uint8)


def block(n: int, seed: int = 1) -> np.ndarray:
    return LTE_CRC24A.append(random_bits(n - 24, seed))


def noisy(sent: np.ndarray, snr_db: float, seed: int) -> FloatArray:
    """Soft bits of QPSK at Es/N0 ``snr_db``."""
    amplitude = 10 ** (snr_db / 20)
    received = amplitude * (1.0 - 2.0 * sent) + np.random.default_rng(seed).standard_normal(sent.size)
    return (2 * amplitude * received).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_the_three_streams_are_those_of_somebody_elses_encoder(size: int) -> None:
    """scikit-commpy 0.8: a recursive systematic trellis with feedback 13 and forward 15 (octal); it does not end its second coder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from commpy.channelcoding import Trellis, turbo_encode

        trellis = Trellis(np.array([3]), np.array([[1, 0o15]]), feedback=0o13, code_type="rsc")

    class Interleaver:
        def interlv(self, bits: np.ndarray) -> np.ndarray:
            return bits[turbo.interleaver(size)]

    bits = random_bits(size)
    theirs = turbo_encode(bits.astype(int), trellis, trellis, Interleaver())
    ours = turbo.encode(bits)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.array_equal(mine[:size], other[:size])


def series_parity(bits: np.ndarray) -> list[int]:
    """The parity of one coder as a power series over GF(2): bits (1 + D + D3) / (1 + D2 + D3)."""
    quotient: list[int] = []
    padded = [0, 0, 0, *bits.tolist()]
    for k in range(bits.size):
        numerator = padded[k + 3] ^ padded[k + 2] ^ padded[k]
        back = [quotient[k - d] if k >= d else 0 for d in (2, 3)]
        quotient.append(numerator ^ back[0] ^ back[1])
    return quotient


@pytest.mark.parametrize("size", SIZES)
def test_the_tail_brings_both_coders_back_to_zero_and_lies_as_the_standard_says(size: int) -> None:
    """TS 36.212 cl. 5.1.3.2.2: d0 = x_K z_K+1 x'_K z'_K+1, d1 = z_K x_K+2 z'_K x'_K+2, d2 = x_K+1 z_K+2 x'_K+1 z'_K+2."""
    bits = random_bits(size)
    d = turbo.encode(bits)
    k = size
    x, z = [d[0, k], d[2, k], d[1, k + 1]], [d[1, k], d[0, k + 1], d[2, k + 1]]
    x2, z2 = [d[0, k + 2], d[2, k + 2], d[1, k + 3]], [d[1, k + 2], d[0, k + 3], d[2, k + 3]]
    for stream, tail, parity in ((bits, x, z), (bits[turbo.interleaver(size)], x2, z2)):
        run = np.array([*stream, *tail, 0, 0, 0, 0, 0, 0, 0])
        series = series_parity(run)
        assert series[k : k + 3] == [int(bit) for bit in parity]
        assert not any(series[k + 3 :])  # from the state of all zeros, zeros give zeros


@pytest.mark.parametrize("size", turbo.BLOCK_SIZES)
def test_every_interleaver_is_a_permutation_with_the_properties_of_quadratic_ones(size: int) -> None:
    order = turbo.interleaver(size)
    assert np.array_equal(np.sort(order), np.arange(size))
    i = np.arange(size)
    f2_twice, f1_twice = int(order[1] + order[-1]) % size, int(order[1] - order[-1]) % size  # from pi(1) and pi(-1)
    assert any(
        np.array_equal((f1 * i + f2 * i * i) % size, order)
        for f1 in (f1_twice // 2, f1_twice // 2 + size // 2)
        for f2 in (f2_twice // 2, f2_twice // 2 + size // 2)
    )
    for windows in (w for w in (2, 4, 8) if size % w == 0):  # contention-free: each of the windows reads another memory bank
        length = size // windows
        banks = order.reshape(windows, length) // length
        assert all(len(set(column)) == windows for column in banks.T.tolist())


def test_interleavers_that_are_often_quoted() -> None:
    """First places after 0 by f1 + f2: TS 36.212 table 5.1.3-3 rows 1, 21, 25 and 60 as the Coded Modulation Library has them too."""
    assert [int(turbo.interleaver(k)[1]) for k in (40, 200, 232, 512, 1024, 2048)] == [13, 63, 143, 95, 95, 95]
    assert gcd(int(turbo.interleaver(40)[1]), 40) == 1


def literal_rate_matching(d: np.ndarray, *, n_bits: int, filler: int, rv: int) -> list[int]:
    """TS 36.212 cl. 5.1.4.1 step by step, with matrices and None for <NULL>."""
    columns = [int(f"{c:05b}"[::-1], 2) for c in range(32)]  # table 5.1.4-1 is the reversal of five bits
    length = d.shape[1]
    rows = (length + 31) // 32
    v: list[list[int | None]] = []
    for stream in range(3):
        bits: list[int | None] = [int(b) for b in d[stream]]
        if stream < 2:
            bits[:filler] = [None] * filler
        y = [None] * (32 * rows - length) + bits
        if stream < 2:
            matrix = [y[32 * r : 32 * r + 32] for r in range(rows)]
            v.append([matrix[r][c] for c in columns for r in range(rows)])
        else:
            v.append([y[(columns[k // rows] + 32 * (k % rows) + 1) % (32 * rows)] for k in range(32 * rows)])
    w = v[0] + [bit for pair in zip(v[1], v[2], strict=True) for bit in pair]
    k0 = rows * (2 * -(-len(w) // (8 * rows)) * rv + 2)
    out: list[int] = []
    j = 0
    while len(out) < n_bits:
        bit = w[(k0 + j) % len(w)]
        if bit is not None:
            out.append(bit)
        j += 1
    return out


@pytest.mark.parametrize("rv", range(4))
@pytest.mark.parametrize(("size", "filler"), [(40, 0), (200, 0), (528, 8), (1056, 16)])
def test_rate_matching_is_the_standards_step_by_step(size: int, filler: int, rv: int) -> None:
    bits = random_bits(size)
    bits[:filler] = 0
    coded = turbo.encode(bits)
    for n_bits in (size + 10, 5 * size):
        assert rate_matching.match(coded, n_bits=n_bits, filler=filler, rv=rv).tolist() == literal_rate_matching(
            coded, n_bits=n_bits, filler=filler, rv=rv
        )


@pytest.mark.parametrize("size", SIZES)
def test_a_block_comes_back_from_any_redundancy_version(size: int) -> None:
    sent = block(size)
    for rv in range(4):
        bits = rate_matching.match(turbo.encode(sent), n_bits=4 * size, filler=0, rv=rv)
        found = turbo.decode(rate_matching.unmatch(noisy(bits, 3.0, rv), size=size, filler=0, rv=rv))
        assert found is not None
        assert np.array_equal(found.bits, sent)


def test_a_code_of_a_third_reaches_within_a_decibel_and_a_half_of_where_max_log_decoders_are() -> None:
    """200 bits at a third of a bit per bit: blocks are good from Eb/N0 = 2 dB on, which is Es/N0 = 0.3 dB for QPSK."""
    good = 0
    for seed in range(40):
        sent = block(200, seed)
        bits = rate_matching.match(turbo.encode(sent), n_bits=600, filler=0, rv=0)
        found = turbo.decode(rate_matching.unmatch(noisy(bits, 0.3, seed), size=200, filler=0, rv=0))
        good += found is not None and np.array_equal(found.bits, sent)
    assert good >= 34


def test_two_versions_together_decode_where_neither_does_alone() -> None:
    alone = together = 0
    for seed in range(20):
        coded = turbo.encode(block(200, seed))
        parts = []
        for rv in (0, 2):
            soft = noisy(rate_matching.match(coded, n_bits=600, filler=0, rv=rv), -2.5, 100 * seed + rv)
            parts.append(rate_matching.unmatch(soft, size=200, filler=0, rv=rv))
        alone += turbo.decode(parts[0]) is not None
        together += turbo.decode(parts[0] + parts[1]) is not None
    assert alone <= 4
    assert together >= 16


def test_noise_and_the_word_of_all_zeros_are_no_block() -> None:
    rng = np.random.default_rng(5)
    assert all(turbo.decode(rng.standard_normal((3, 204)).astype(np.float32)) is None for _ in range(100))
    assert turbo.decode(np.ones((3, 204), dtype=np.float32)) is None


def test_sizes_that_are_none_are_refused() -> None:
    with pytest.raises(ParameterError):
        turbo.interleaver(41)
    with pytest.raises(ParameterError):
        turbo.block_size(2241)
    assert turbo.block_size(513) == 528
