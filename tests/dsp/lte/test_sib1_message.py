"""What is taken for a SIB1 and what is not; the octets made by ``dsp.synth.lte_sib1`` are judged by pycrate's ASN.1."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.lte.sib1_message import Plmn, parse
from dsp.synth.lte_sib1 import Sib1Description, sib1_octets

ON_AIR = bytes.fromhex("6048184101f501474479146a98c81840c22621929000")


def test_octets_off_the_air_say_whose_cell_it_is() -> None:
    message = parse(ON_AIR)
    assert message is not None
    assert message.plmns == (Plmn(mcc="206", mnc="20", reserved=False),)
    assert (message.tac, message.ci, message.enb, message.band, message.barred, message.tdd_config) == (501, 1340487, 5236, 20, False, None)
    assert message.octets == ON_AIR


@pytest.mark.parametrize("plmns", [(("456", "08"),), (("452", "04"), ("456", "001"), ("001", "01"))])
@pytest.mark.parametrize("tdd_config", [None, 2])
def test_what_the_synthetic_cell_says_is_what_pycrate_reads(plmns: tuple[tuple[str, str], ...], tdd_config: int | None) -> None:
    said = Sib1Description(plmns=plmns, tac=40123, ci=2**28 - 77, band=40, barred=True, tdd_config=tdd_config)
    message = parse(sib1_octets(said))
    assert message is not None
    assert tuple((plmn.mcc, plmn.mnc) for plmn in message.plmns) == plmns
    assert (message.tac, message.ci, message.band, message.barred) == (40123, 2**28 - 77, 40, True)
    assert message.tdd_config == tdd_config


def test_a_later_network_without_country_has_that_of_the_one_before() -> None:
    """TS 36.331 cl. 6.2.2: mcc is left out where it is the same; made by pycrate itself."""
    from pycrate_asn1dir import RRCLTE

    asn1 = RRCLTE.EUTRA_RRC_Definitions.BCCH_DL_SCH_Message
    asn1.from_uper(ON_AIR)
    value = asn1.get_val()
    networks = value["message"][1][1]["cellAccessRelatedInfo"]["plmn-IdentityList"]
    networks.append({"plmn-Identity": {"mnc": [0, 9]}, "cellReservedForOperatorUse": "reserved"})
    asn1.set_val(value)
    message = parse(asn1.to_uper() + b"\0")
    assert message is not None
    assert message.plmns[1] == Plmn(mcc="206", mnc="09", reserved=True)


def test_octets_that_are_no_sib1_are_refused() -> None:
    rng = np.random.default_rng(3)
    assert parse(ON_AIR[:-1] + b"\1") is None  # something behind the message
    assert parse(ON_AIR[:10]) is None
    assert parse(bytes(22)) is None
    assert parse(b"\xff" * 22) is None
    assert sum(parse(rng.bytes(22)) is not None for _ in range(2000)) == 0


def test_a_size_that_is_no_transport_block_is_refused() -> None:
    said = Sib1Description(plmns=(("456", "08"),), tac=1, ci=1, band=3)
    assert len(sib1_octets(said, size=208)) == 26
    for size in (104, 209):
        with pytest.raises(ParameterError):
            sib1_octets(said, size=size)
