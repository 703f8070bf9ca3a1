"""Cells with a SIB1 on a channel, for tests and benchmarks: the samples, and where a receiver that found the cell would look."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsp.lte.crs import CarrierView
from dsp.synth.lte import FFT_SIZES, LteCellDescription, LteDownlink, Reception, noise_variance
from dsp.synth.lte_sib1 import Sib1Description, Sib1Transmission, sib1_octets
from dsp.synth.noise import white_noise
from dsp.types import ComplexArray

SHORTEST = 113
"""Bits of a SIB1 with one network of five digits and SIB2 alone; every further message is 13."""
SAID = Sib1Description(plmns=(("456", "08"),), tac=4660, ci=123456789, band=3)


def octets(size: int = 176) -> bytes:
    return sib1_octets(SAID, size=size)


def varied_octets(size: int, seed: int) -> bytes:
    """A block as full as base stations have them, 2 to 24 bits of padding in 144 or 176, its content by chance."""
    rng = np.random.default_rng((seed, 31))
    digits, limited = 2 + int(rng.random() < 0.2), bool(rng.random() < 0.3)
    plmn = f"{rng.integers(200, 800)}", f"{rng.integers(0, 10**digits):0{digits}d}"
    room = (size - SHORTEST - 4 * (digits - 2) - 6 * limited) // 13
    said = Sib1Description(
        plmns=(plmn,),
        tac=int(rng.integers(65536)),
        ci=int(rng.integers(1 << 28)),
        band=1 + seed % 43,
        barred=bool(rng.random() < 0.05),
        q_rx_lev_min=int(rng.integers(-70, -50)),
        p_max_dbm=int(rng.integers(10, 34)) if limited else None,
        more_messages=tuple(range(3, 3 + max(0, room - int(rng.integers(2))))),
    )
    return sib1_octets(said, size=size)


def cell(*, n_rb: int = 25, n_ports: int = 2, sib1: Sib1Transmission | None = None, **more: Any) -> LteCellDescription:
    return LteCellDescription(pci=more.pop("pci", 123), n_rb=n_rb, n_ports=n_ports, sib1=sib1, **more)


def air(
    cell: LteCellDescription, *, snr_db: float, frames: int = 1, seed: int = 1, first: int = 0, **reception: Any
) -> tuple[ComplexArray, CarrierView]:
    """The samples of ``frames`` frames from frame ``first`` on at the cell's own rate, with noise, and its view."""
    rate = FFT_SIZES[cell.n_rb] * 15e3
    heard = Reception(start_s=first * 10e-3, **reception)
    downlink = LteDownlink(cell, heard, sample_rate_hz=rate, seed=seed)
    iq = downlink.samples(0, count=round(rate * 0.01 * frames) + 200)
    power = noise_variance(heard.re_power, snr_db=snr_db, sample_rate_hz=rate)
    iq = iq + white_noise(iq.size, power=power, rng=np.random.default_rng((seed, 99)))
    view = CarrierView(
        sample_rate_hz=rate,
        frame_sample=downlink.first_frame_sample(first),
        stretch=downlink.frame_samples / rate / 10e-3,
        offset_hz=downlink.cfo_hz + heard.offset_hz,
        pci=cell.pci,
        n_rb=cell.n_rb,
        ports=cell.n_ports,
        cp=cell.cp,
        duplex=cell.duplex,
    )
    return iq, view
