"""Scenes for the receiver's tests and benchmarks: random C0 at any level, with what a receiver does to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.gsm import params
from dsp.gsm.search import GsmSearch
from dsp.gsm.types import GsmCell
from dsp.synth.gsm import GsmSignal, noise_power
from dsp.synth.gsm_messages import CellDescription
from dsp.types import ComplexArray

CENTRE_HZ = 944e6
FOUR_PER_SYMBOL_HZ = 13e6 / 12


def signal(rng: np.random.Generator, **fields: Any) -> GsmSignal:
    """A cell with random identity, frame number, timing and phase; ``fields`` override."""
    cell = CellDescription(
        bsic=int(rng.integers(64)),
        mcc=("452", "456")[int(rng.integers(2))],
        mnc=("01", "04", "08")[int(rng.integers(3))],
        lac=int(rng.integers(1, 65000)),
        ci=int(rng.integers(65536)),
        neighbours=tuple(sorted({int(n) for n in rng.integers(1, 125, 6)})),
    )
    offset_hz = fields.get("offset_hz", 0.0)
    start: dict[str, Any] = {
        "cell": cell,
        "start_fn": int(rng.integers(params.HYPERFRAME_FRAMES)),
        "start_symbol": float(rng.uniform(0.0, params.FRAME_SYMBOLS)),
        "phase_rad": float(rng.uniform(0.0, 2.0 * np.pi)),
        "carrier_hz": CENTRE_HZ + offset_hz,
    }
    return GsmSignal(**(start | fields))


def noise(rng: np.random.Generator, n: int, power: float) -> ComplexArray:
    """White noise, shape (n,)."""
    x = rng.standard_normal(2 * n, dtype=np.float32)
    x *= np.float32(np.sqrt(power / 2.0))
    return x.view(np.complex64)


def heard(
    rng: np.random.Generator, sent: GsmSignal, *, duration_s: float, snr_db: float, rate_hz: float = FOUR_PER_SYMBOL_HZ
) -> ComplexArray:
    """The signal alone in noise at Es/N0 ``snr_db``; the power that counts is the one the echoes leave."""
    x = sent.samples(0, round(duration_s * rate_hz), rate_hz)
    power = float(np.mean(np.abs(x) ** 2))
    return x + noise(rng, x.size, noise_power(power, snr_db, rate_hz))


def mixed(
    rng: np.random.Generator, levels: dict[float, float], *, duration_s: float, rate_hz: float, snr_db: float, **fields: Any
) -> tuple[ComplexArray, list[GsmSignal]]:
    """Several C0, {offset in Hz: level in dB}, the weakest at Es/N0 ``snr_db``; and their descriptions."""
    sent = [signal(rng, offset_hz=offset, power=10.0 ** (level / 10.0), **fields) for offset, level in levels.items()]
    n = round(duration_s * rate_hz)
    x = noise(rng, n, noise_power(10.0 ** (min(levels.values()) / 10.0), snr_db, rate_hz))
    for s in sent:
        x += s.samples(0, n, rate_hz)
    return x, sent


def cu8(x: ComplexArray, *, clipped: float = 0.0) -> ComplexArray:
    """``x`` as an 8-bit converter gives it; ``clipped``: part of the values at the stops, 0: the peak is just inside."""
    flat = x.view(np.float32)
    flat = flat / np.float32(np.quantile(np.abs(flat), 1.0 - clipped) * (1.0 if clipped else 1.01))
    levels = np.clip(np.round(flat * 127.5 + 127.5), 0, 255)
    return ((levels - 127.5) / 127.5).astype(np.float32).view(np.complex64)


def impaired(x: ComplexArray, *, gain: float = 0.02, angle_deg: float = 2.0, dc: complex = 0.05 + 0.03j) -> ComplexArray:
    """``x`` through a receiver with IQ imbalance and a DC offset (part of the largest amplitude)."""
    angle = np.deg2rad(angle_deg)
    i, q = x.real, x.imag
    out = (1.0 + gain / 2.0) * i + 1j * (1.0 - gain / 2.0) * (q * np.cos(angle) + i * np.sin(angle))
    return np.asarray(out + dc * np.abs(x).max(), dtype=np.complex64)


def cells(
    x: ComplexArray, *, rate_hz: float = FOUR_PER_SYMBOL_HZ, center_freq_hz: float | None = CENTRE_HZ, **fields: Any
) -> tuple[GsmCell, ...]:
    """What the search says of ``x``."""
    search = GsmSearch(sample_rate_hz=rate_hz, center_freq_hz=center_freq_hz, **fields)
    search.add(x)
    return search.cells()


def sent_whole(sent: GsmSignal, n: int, rate_hz: float) -> tuple[int, int]:
    """(BCCH blocks, SCH bursts) that lie wholly inside ``n`` samples."""
    frames = np.arange(-1, int(n / rate_hz / params.FRAME_S) + 2)
    first = np.array([sent.sample_of_frame(sent.start_fn + int(k), rate_hz) for k in frames])
    place = (sent.start_fn + frames) % params.HYPERFRAME_FRAMES % 51
    burst = params.BURST_BITS / params.SYMBOL_RATE_HZ * rate_hz
    frame = params.FRAME_S * rate_hz
    blocks = (place == 2) & (first >= 0) & (first + 3 * frame + burst <= n)
    bursts = np.isin(place, params.SCH_FRAMES) & (first >= 0) & (first + burst <= n)
    return int(blocks.sum()), int(bursts.sum())


def good(found: tuple[GsmCell, ...], sent: GsmSignal, kind: str = "BCCH") -> int:
    """Blocks of ``kind`` that passed for ``sent``; a cell with a wrong field is an error."""
    total = 0
    for cell in found:
        if cell.bsic is None:
            continue
        assert cell.bsic == sent.cell.bsic
        info = cell.information
        assert info.ci in (None, sent.cell.ci)
        assert info.lac in (None, sent.cell.lac)
        assert (info.mcc, info.mnc) in ((None, None), (sent.cell.mcc, sent.cell.mnc))
        total += cell.blocks[kind].good
    return total


def white(shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.complex128]:
    """Complex noise of variance one."""
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2.0)
