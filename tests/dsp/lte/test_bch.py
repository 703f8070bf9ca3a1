"""MIB, coding and decoding of the broadcast channel, and what its margin promises."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.crc import LTE_CRC16
from dsp.errors import ParameterError
from dsp.lte import bch
from dsp.lte.params import BANDWIDTHS_RB
from dsp.lte.tail_biting import CODE, decode_tail_biting, encode_tail_biting
from dsp.lte.types import CyclicPrefix
from dsp.types import FloatArray
from dsp.viterbi import decode_tail_biting as decode_by_trying_every_state

MIBS = st.builds(
    bch.Mib,
    n_rb=st.sampled_from(BANDWIDTHS_RB),
    phich_duration=st.sampled_from(get_args(bch.PhichDuration)),
    phich_resource=st.sampled_from(get_args(bch.PhichResource)),
    sfn=st.integers(0, 255).map(lambda n: 4 * n),
    spare=st.integers(0, 1023),
)
PORTS = st.sampled_from([1, 2, 4])
PREFIXES = st.sampled_from(get_args(CyclicPrefix))
MIB = bch.Mib(n_rb=50, phich_duration="normal", phich_resource="1/6", sfn=512)


def soft_frames(mib: bch.Mib, rng: np.random.Generator, *, snr_db: float, n_ports: int = 1, cp: CyclicPrefix = "normal") -> FloatArray:
    """Soft bits of the block's four frames over an AWGN channel, Es/N0 of one element; PCI 77."""
    sent = bch.encode(bch.pack_mib(mib), n_ports=n_ports, cp=cp, pci=77)
    level = 10 ** (snr_db / 20)
    return ((1 - 2.0 * sent) * level + rng.normal(size=sent.size)).reshape(4, -1).astype(np.float32)


def test_mib_fields_lie_where_ts_36_331_puts_them() -> None:
    """dl-Bandwidth n50 = 3, phich-Duration extended = 1, phich-Resource two = 3, SFN 516 / 4 = 129, then the last ten bits."""
    mib = bch.Mib(n_rb=50, phich_duration="extended", phich_resource="2", sfn=516, spare=0b1000000001)
    assert "".join(map(str, bch.pack_mib(mib))) == "011" + "1" + "11" + "10000001" + "1000000001"


@given(mib=MIBS)
def test_mib_packs_and_unpacks_whatever_its_last_ten_bits(mib: bch.Mib) -> None:
    assert bch.unpack_mib(bch.pack_mib(mib)) == mib


def test_a_bandwidth_code_without_meaning_is_no_mib() -> None:
    for code in ("110", "111"):
        assert bch.unpack_mib(np.array([int(b) for b in code + "0" * 21], dtype=np.uint8)) is None


@pytest.mark.parametrize("wrong", [{"n_rb": 7}, {"sfn": 3}, {"sfn": 1024}, {"spare": 1024}])
def test_what_has_no_code_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ParameterError):
        bch.pack_mib(replace(MIB, **wrong))  # type: ignore[arg-type]


def test_rate_matching_reads_the_columns_in_the_order_of_the_standard() -> None:
    """TS 36.212 cl. 5.1.4.2: 24 places of filling, so column c holds bit c - 24 (if any) above bit c + 8."""
    order = bch.rate_matching_order()
    assert order[:6].tolist() == [9, 25, 17, 1, 33, 13]  # columns 1, 17, 9, 25, 25, 5
    assert sorted(order.tolist()) == list(range(120))
    assert (order[:40] < 40).all()
    assert (order[80:] >= 80).all()


@settings(deadline=None)  # the first call compiles
@given(mib=MIBS, n_ports=PORTS, cp=PREFIXES, pci=st.integers(0, 503), quarter=st.integers(0, 3), data=st.data())
def test_any_run_of_frames_decodes_at_high_snr(
    mib: bch.Mib, n_ports: int, cp: CyclicPrefix, pci: int, quarter: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 4 - quarter))
    sent = bch.encode(bch.pack_mib(mib), n_ports=n_ports, cp=cp, pci=pci).reshape(4, -1)
    found = bch.decode((1 - 2.0 * sent[quarter : quarter + count]).astype(np.float32), pci=pci, cp=cp, quarter=quarter)
    assert found is not None
    assert (found.mib, found.n_ports, found.quarter) == (mib, n_ports, quarter)
    assert found.margin > 20


def test_the_wrong_pci_quarter_or_prefix_gives_nothing() -> None:
    frames = soft_frames(MIB, np.random.default_rng(1), snr_db=10)
    assert bch.decode(frames, pci=78, cp="normal", quarter=0) is None
    assert bch.decode(frames[:1], pci=77, cp="normal", quarter=1) is None
    assert bch.decode(frames, pci=77, cp="normal", quarter=0, ports=(2, 4)) is None


@settings(deadline=None)  # the first call compiles
@given(scale=st.floats(1e-12, 1e12))
def test_the_scale_of_the_soft_bits_does_not_matter(scale: float) -> None:
    frames = soft_frames(MIB, np.random.default_rng(2), snr_db=-3)
    plain = bch.decode(frames, pci=77, cp="normal", quarter=0)
    scaled = bch.decode(frames * np.float32(scale), pci=77, cp="normal", quarter=0)
    assert plain is not None
    assert scaled is not None
    assert scaled.margin == pytest.approx(plain.margin, abs=0.01)


def test_silence_is_no_block_although_all_zeros_have_a_good_crc() -> None:
    assert bch.decode(np.zeros((4, 480), dtype=np.float32), pci=77, cp="normal", quarter=0) is None


def test_frames_that_do_not_fit_the_block_are_refused() -> None:
    for frames, quarter in ((np.zeros((2, 480)), 3), (np.zeros((1, 432)), 0), (np.zeros((1, 480)), -1)):
        with pytest.raises(ParameterError):
            bch.combine(frames.astype(np.float32), pci=77, cp="normal", quarter=quarter)


@pytest.mark.parametrize("snr_db", [-14.0, -12.0, -9.0])
def test_the_fast_decoder_finds_the_same_word_as_the_one_that_tries_every_state(snr_db: float) -> None:
    rng = np.random.default_rng(3)
    soft = np.stack([bch.combine(soft_frames(MIB, rng, snr_db=snr_db), pci=77, cp="normal", quarter=0) for _ in range(60)])
    bits, metrics = decode_tail_biting(soft)
    for row, word, metric in zip(soft, bits, metrics, strict=True):
        exact = decode_by_trying_every_state(CODE, row.reshape(3, -1).T.reshape(-1))
        assert metric == pytest.approx(exact.metric, rel=1e-5)
        assert np.array_equal(word, exact.bits)


@settings(deadline=None)  # the first call compiles
@given(bits=st.lists(st.integers(0, 1), min_size=7, max_size=60))
def test_a_clean_word_of_any_length_comes_back(bits: list[int]) -> None:
    word = np.array(bits, dtype=np.uint8)
    soft = (1 - 2.0 * encode_tail_biting(word))[np.newaxis].astype(np.float32)
    again, metric = decode_tail_biting(soft)
    assert metric[0] == pytest.approx(3 * len(bits))
    assert np.array_equal(encode_tail_biting(again[0]), encode_tail_biting(word))


@pytest.mark.parametrize(("n_frames", "snr_db", "at_least"), [(4, -11.0, 0.97), (2, -8.0, 0.97), (1, -5.0, 0.97)])
def test_most_blocks_decode_at_the_snr_the_code_is_good_for(n_frames: int, snr_db: float, at_least: float) -> None:
    """Es/N0 of one element. Each frame of a block carries the same code word, so twice the frames are worth 3 dB."""
    rng = np.random.default_rng(4)
    frames = [soft_frames(MIB, rng, snr_db=snr_db, n_ports=2)[:n_frames] for _ in range(300)]
    soft = np.stack([bch.combine(f, pci=77, cp="normal", quarter=0) for f in frames])
    found = bch.decode_many(soft, quarters=[0] * 300)
    right = [f for f in found if f is not None and f.mib == MIB]
    assert len(right) >= at_least * 300


def test_the_next_block_added_with_its_signs_turned_is_worth_three_db() -> None:
    rng = np.random.default_rng(5)
    for sfn, ones in ((0, 0), (4, 1), (12, 2), (4 * 0b01111111, 7), (4 * 255, 8)):
        pair = [replace(MIB, sfn=(sfn + step) % 1024) for step in (0, 4)]
        first, second = (bch.combine(soft_frames(mib, rng, snr_db=0), pci=77, cp="normal", quarter=0) for mib in pair)
        alone = bch.decode_combined(first, quarter=0)
        joined = bch.decode_combined(first + second * bch.next_block_signs(ones), quarter=0)
        assert alone is not None
        assert joined is not None
        assert joined.mib == pair[0]
        energy_gain = np.dot(first, second * bch.next_block_signs(ones)) / np.dot(first, first)
        assert energy_gain > 0.8


@given(n=st.integers(1, 150), data=st.data())
def test_the_chernoff_bound_is_never_below_the_binomial_tail(n: int, data: st.DataObject) -> None:
    agree = data.draw(st.integers((n + 1) // 2, n))
    tail = sum(math.comb(n, k) for k in range(agree, n + 1)) / 2**n
    exponent = bch.chernoff_exponent(np.full(n, 0.3, dtype=np.float32), 0.3 * (2 * agree - n))
    assert exponent >= math.log(tail) - 1e-3
    assert exponent <= math.log(tail) + 4.0


@pytest.mark.parametrize("kind", ["gaussian", "hard", "fading"])
def test_noise_passes_no_oftener_than_the_margin_promises(kind: str) -> None:
    """Long form: bench_lte_false_mib. ``fading``: a quarter of the soft bits holds nearly all the energy."""
    rng = np.random.default_rng(6)
    n = 30_000
    soft = rng.normal(size=(n, 120)).astype(np.float32)
    if kind == "hard":
        soft = np.sign(soft)
    if kind == "fading":
        soft *= np.where(rng.random((n, 120)) < 0.25, 1.0, 0.1).astype(np.float32)
    margins = np.array([f.margin for f in bch.decode_many(soft, quarters=[0] * n) if f is not None])
    expected = n * 3 * 6 / 8 / 2**16  # masks, bandwidth codes, CRC
    assert abs(margins.size - expected) < 4 * np.sqrt(expected) + 1
    for limit in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0):
        allowed = n * 10**-limit
        assert np.sum(margins >= limit) <= allowed + 4 * np.sqrt(allowed) + (allowed > 1e-3)


def test_the_ports_mask_is_the_standards() -> None:
    """TS 36.212 table 5.3.1.1-1: all 0, all 1, 0101..."""
    mib = bch.pack_mib(MIB)
    for n_ports, mask in ((1, [0] * 16), (2, [1] * 16), (4, [0, 1] * 8)):
        coded = np.concatenate([mib, LTE_CRC16.parity(mib) ^ np.array(mask, dtype=np.uint8)])
        sent = bch.encode(mib, n_ports=n_ports, cp="normal", pci=0) ^ bch.scrambling(0, "normal")
        assert np.array_equal(sent[:120], encode_tail_biting(coded)[bch.rate_matching_order()])
