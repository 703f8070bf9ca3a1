"""What is taken as known of a SIB1 against SIB1s that pycrate made and that were heard off the air."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.lte.sib1_prior import message_prior
from dsp.lte.types import Duplex
from dsp.synth.lte_sib1 import Sib1Description, sib1_octets
from tests.lte_sib1_air import varied_octets

ON_AIR = bytes.fromhex("6048184101f501474479146a98c81840c22621929000")


def gain_bits(octets: bytes, duplex: Duplex) -> float:
    """log2 of how much likelier the message is under the prior than under none."""
    bits = np.unpackbits(np.frombuffer(octets, dtype=np.uint8))
    soft = message_prior(bits.size, duplex).astype(float)
    return float(np.sum(1.0 - np.log2(1.0 + np.exp(-soft * (1.0 - 2.0 * bits)))))


def test_a_sib1_off_the_air_is_likelier_by_fifteen_bits_and_more() -> None:
    assert gain_bits(ON_AIR, "fdd") > 15.0
    assert gain_bits(ON_AIR, "tdd") < gain_bits(ON_AIR, "fdd") - 8.0


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
