"""SIB1 in samples whose rate is no multiple of 15 kHz."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.lte.sib1 import find_sib1, on_grid
from dsp.lte.types import LteCell
from dsp.synth.lte import LteDownlink, Reception, noise_variance
from dsp.synth.lte_sib1 import Sib1Transmission
from dsp.synth.noise import white_noise
from tests.lte_sib1_air import cell, octets


@pytest.mark.parametrize(("rate_hz", "n_rb"), [(2.048e6, 6), (2.56e6, 25), (10.0e6, 25)])
def test_a_rate_off_the_grid_gives_the_same_sib1(rate_hz: float, n_rb: int) -> None:
    described = cell(n_rb=n_rb, sib1=Sib1Transmission(octets=octets(), start=0 if n_rb == 6 else 9, length=6))
    heard = Reception(offset_hz=20e3, receiver_ppm=15.0)
    downlink = LteDownlink(described, heard, sample_rate_hz=rate_hz, seed=3)
    iq = downlink.samples(0, count=round(rate_hz * 0.025))
    iq = iq + white_noise(iq.size, power=noise_variance(heard.re_power, snr_db=6.0, sample_rate_hz=rate_hz), rng=np.random.default_rng(5))
    known = LteCell(
        status="identified", reason="", freq_hz=800e6, offset_hz=20e3 + downlink.cfo_hz, raster_ambiguous=False, pci=described.pci,
        duplex="fdd", cp="normal", n_rb=n_rb, ports=2, phich_duration="normal", phich_resource="1", sfn=0, frame_sample=0,
        cfo_hz=downlink.cfo_hz, ppm=None, ppm_sigma=None, snr_db=6.0, rsrp=1e-5, power=1e-5, taps=(), mib_count=2,
    )  # fmt: skip
    found = find_sib1(iq, known, sample_rate_hz=rate_hz)
    assert found.message is not None, found.reason
    assert found.message.octets == octets()


def test_a_rate_on_the_grid_is_left_alone() -> None:
    iq = np.zeros(1000, dtype=np.complex64)
    same, rate_hz = on_grid(iq, sample_rate_hz=2.4e6)
    assert same is iq
    assert rate_hz == 2.4e6
