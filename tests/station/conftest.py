"""Recordings made for tests: a carrier in noise, seeded, in any format; and the replay command, called as a user would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from station.cli import run
from tests.station.replaying import Replay

RATE_HZ = 240_000.0
Samples = npt.NDArray[np.complex64]


def carrier_in_noise(
    n_samples: int, *, offset_hz: float = 30e3, power: float = 1e-3, noise_power: float = 1e-4, rate_hz: float = RATE_HZ
) -> Samples:
    """Complex samples, shape (n,): one carrier in white noise, seed 1."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(n_samples) + 1j * rng.standard_normal(n_samples)
    tone = np.exp(2j * np.pi * offset_hz / rate_hz * np.arange(n_samples))
    return (np.sqrt(power) * tone + np.sqrt(noise_power / 2) * noise).astype(np.complex64)


def encoded(samples: Samples, sample_format: str) -> bytes:
    """The bytes of ``samples`` in a recording's format."""
    flat = samples.view(np.float32)
    if sample_format == "cf32_le":
        return flat.astype("<f4").tobytes()
    if sample_format == "ci16_le":
        return np.clip(np.round(flat * 32768), -32768, 32767).astype("<i2").tobytes()
    if sample_format == "ci8":
        return np.clip(np.round(flat * 128), -128, 127).astype(np.int8).tobytes()
    return np.clip(np.round(flat * 127.5 + 127.5), 0, 255).astype(np.uint8).tobytes()


@pytest.fixture
def carrier() -> Callable[..., Samples]:
    """The function ``carrier_in_noise``."""
    return carrier_in_noise


@pytest.fixture
def encode() -> Callable[[Samples, str], bytes]:
    """The function ``encoded``."""
    return encoded


@pytest.fixture
def make_sigmf(tmp_path: Path) -> Callable[..., Path]:
    """Write a SigMF pair into the test's folder; returns the meta path. Keywords replace parts of the metadata."""

    def make(
        name: str = "r", *, data: bytes | None = None, n_samples: int = 120_000, sample_format: str = "cu8",
        captures: list[dict[str, Any]] | None = None, annotations: list[dict[str, Any]] | None = None, **global_fields: Any
    ) -> Path:  # fmt: skip
        fields: dict[str, Any] = {"core:version": "1.2.0", "core:datatype": sample_format, "core:sample_rate": RATE_HZ}
        fields.update({f"core:{key}": value for key, value in global_fields.items()})
        meta = {
            "global": {key: value for key, value in fields.items() if value is not None},
            "captures": [{"core:sample_start": 0, "core:frequency": 941e6}] if captures is None else captures,
            "annotations": annotations or [],
        }
        path = tmp_path / f"{name}.sigmf-meta"
        path.write_text(json.dumps(meta))
        path.with_suffix(".sigmf-data").write_bytes(encoded(carrier_in_noise(n_samples), sample_format) if data is None else data)
        return path

    return make


@pytest.fixture
def replay(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Replay:
    """Run ``replay --json``; returns exit code, records and the lines on stderr."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    monkeypatch.setenv("CANHSONG_IDENTITY_GSM", "false")
    monkeypatch.setenv("CANHSONG_IDENTITY_LTE", "false")

    def call(*arguments: object) -> tuple[int, list[dict[str, Any]], list[str]]:
        code = run(["replay", "--json", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err.splitlines()

    return call
