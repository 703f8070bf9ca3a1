"""What the receiver makes itself is marked and no emission: its spike, images, clipping and its products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.dsp.dwells import N_DWELL, band, db, found, noise, only, tone, welch


def test_the_spike_at_the_centre_is_marked_and_no_emission() -> None:
    samples = noise(np.random.default_rng(13), N_DWELL) + np.complex64(0.3 + 0.2j)
    detections = found(welch(samples, row_step_s=0.002))
    assert detections.emissions == ()
    (spike,) = detections.artefacts
    assert spike.kind == "dc_spike"
    assert db(spike.power) == pytest.approx(db(0.13), abs=0.3)


def test_a_carrier_about_the_centre_is_an_emission_and_not_a_spike() -> None:
    rng = np.random.default_rng(14)
    detections = found(welch(noise(rng, N_DWELL) + band(rng, N_DWELL, 0.0, 2e5, 30.0), row_step_s=0.002))
    assert only(detections).bandwidth_hz == pytest.approx(2e5, rel=0.05)
    assert detections.artefacts == ()


@pytest.mark.parametrize("balance_db", [-25.0, -40.0])
def test_the_image_of_a_strong_carrier_is_marked(balance_db: float) -> None:
    rng = np.random.default_rng(16)
    carrier = band(rng, N_DWELL, 5e5, 2e5, 1e5)
    samples = noise(rng, N_DWELL) + carrier + np.conj(carrier) * np.float32(10 ** (balance_db / 20))
    detections = found(welch(samples, row_step_s=0.002))
    assert only(detections).center_offset_hz == pytest.approx(5e5, abs=5e3)
    (image,) = detections.artefacts
    assert image.kind == "image"
    assert image.center_offset_hz == pytest.approx(-5e5, abs=5e3)


def test_equal_carriers_on_both_sides_are_no_images() -> None:
    samples = noise(np.random.default_rng(17), N_DWELL) + tone(N_DWELL, 5e5, 0.1) + tone(N_DWELL, -5e5, 0.05)
    assert len(found(welch(samples, row_step_s=0.002)).emissions) == 2


def test_clipping_and_its_products_are_marked() -> None:
    rng = np.random.default_rng(18)
    clean = noise(rng, N_DWELL, 1e-5) + tone(N_DWELL, 1e5, 0.4) + tone(N_DWELL, 2.1e5, 0.4)
    parts = np.clip(clean.view(np.float32), -1, 1)
    psd = replace(welch(parts.view(np.complex64), row_step_s=0.002), clipped_fraction=float(np.mean(np.abs(parts) >= 1)))
    detections = found(psd)
    kinds = {a.kind for a in detections.artefacts}
    assert "clipping" in kinds
    strong = sorted(round(e.center_offset_hz / 1e4) for e in detections.emissions if e.power > 0.1)
    assert strong == [10, 21]
