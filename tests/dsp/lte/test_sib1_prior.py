"""What is taken as known of a SIB1 against SIB1s that pycrate made and that were heard off the air."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.lte.sib1_prior import log_chance, message_layouts, message_prior
from dsp.lte.types import Duplex
from dsp.synth.lte_sib1 import Sib1Description, sib1_octets
from tests.lte_sib1_air import varied_octets

ON_AIR = (
    bytes.fromhex("6048184101f501474479146a98c81840c22621929000"),
    bytes.fromhex("48481803247c2bffd02810210081044c43250b900000"),
)


def gain_bits(octets: bytes, duplex: Duplex) -> float:
    """log2 of how much likelier the message is under the prior than under none."""
    bits = np.unpackbits(np.frombuffer(octets, dtype=np.uint8))
    soft = message_prior(bits.size, duplex).astype(float)
    return float(np.sum(1.0 - np.log2(1.0 + np.exp(-soft * (1.0 - 2.0 * bits)))))


def test_a_sib1_off_the_air_is_likelier_by_twenty_bits_and_more() -> None:
    assert all(gain_bits(octets, "fdd") > 20.0 for octets in ON_AIR)
    assert all(gain_bits(octets, "tdd") < gain_bits(octets, "fdd") - 8.0 for octets in ON_AIR)


@pytest.mark.parametrize("seed", range(8))
def test_synthetic_ones_are_too_and_random_octets_are_not(seed: int) -> None:
    assert gain_bits(varied_octets(176, seed), "fdd") > 8.0
    assert gain_bits(np.random.default_rng(seed).bytes(22), "fdd") < 0.0


def test_no_network_is_preferred_to_another() -> None:
    prior = message_prior(176, "fdd")
    gains = set()
    for mcc, mnc in (("456", "08"), ("452", "04"), ("246", "60")):
        bits = np.unpackbits(
            np.frombuffer(sib1_octets(Sib1Description(plmns=((mcc, mnc),), tac=1, ci=1, band=3), size=176), dtype=np.uint8)
        )
        gains.add(round(float(np.sum(prior[13:22:4] * (1.0 - 2.0 * bits[13:22:4]))), 3))
    assert gains == {0.0}  # a digit's last bit is even odds


def test_a_sib1_is_likeliest_in_the_layout_it_has() -> None:
    for mnc, p_max_dbm in (("08", None), ("008", None), ("08", 23), ("008", 23)):
        said = Sib1Description(plmns=(("310", mnc),), tac=99, ci=12345, band=4, p_max_dbm=p_max_dbm)
        bits = np.unpackbits(np.frombuffer(sib1_octets(said, size=176), dtype=np.uint8))
        chances = sorted(layout.log_chance(bits) for layout in message_layouts(176, "fdd"))
        best = max(message_layouts(176, "fdd"), key=lambda layout: layout.log_chance(bits))
        assert (best.soft[2] < 0, best.soft[22] < 0) == (p_max_dbm is not None, len(mnc) == 3)
        assert chances[-1] <= log_chance(bits, "fdd") <= chances[-1] + np.log(4)


def test_chances_of_a_layout_add_up_to_its_weight() -> None:
    rng = np.random.default_rng(3)
    assert np.exp([layout.log_weight for layout in message_layouts(144, "tdd")]).sum() == pytest.approx(1.0)
    for layout in message_layouts(144, "tdd"):
        odds = 1.0 / (1.0 + np.exp(layout.soft.astype(float)))
        drawn = (rng.random((4000, 144)) < odds).astype(np.uint8)
        entropy = -np.sum(odds * np.log(odds) + (1 - odds) * np.log1p(-odds))
        measured = layout.log_weight - np.mean([layout.log_chance(bits) for bits in drawn])
        assert measured == pytest.approx(entropy, rel=0.02)
