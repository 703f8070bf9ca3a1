"""The Welch estimate takes blocks of any length, and its memory does not grow with them."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp import psd as psd_module
from dsp.psd import WelchPsd
from dsp.types import Psd

RATE_HZ = 2.4e6


def make(**more) -> WelchPsd:
    return WelchPsd(**{"n_fft": 512, "sample_rate_hz": RATE_HZ, "sample_format": "cu8", "row_step_s": 1e-3, **more})


def raw_noise(n: int, seed: int = 0) -> np.ndarray:
    raw = np.clip(np.random.default_rng(seed).normal(127.5, 25, 2 * n).round(), 0, 255).astype(np.uint8)
    raw.flags.writeable = False
    return raw


def same(one: Psd, other: Psd) -> None:
    for name in ("mean", "max_hold", "min_hold", "rows"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-5, err_msg=name)
    names = ("n_averages", "n_samples", "row_averages", "row_step_s", "peak", "clipped_fraction")
    assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 9000), max_size=12),
    engine=st.sampled_from(["numba+pyfftw", "numpy+scipy"]),
    overlap=st.sampled_from([0.0, 0.5]),
)
def test_ragged_blocks_give_what_one_block_gives(cuts, engine, overlap):
    raw = raw_noise(9000)
    whole, ragged = make(engine=engine, overlap=overlap), make(engine=engine, overlap=overlap)
    whole.add(raw)
    for part in np.split(raw, [2 * cut for cut in sorted(cuts)]):
        ragged.add(part)
    same(ragged.result(), whole.result())


@pytest.mark.parametrize("block", [1, 511, 262144, 300001])
def test_blocks_that_do_not_divide_the_buffer_lose_nothing(block, monkeypatch):
    n = 700_000 if block > 1000 else 3000
    if block < 1000:
        monkeypatch.setattr(psd_module, "BUFFER_SAMPLES", 700)  # so that small blocks fill it too
    raw = raw_noise(n)
    welch, whole = make(), make()
    for first in range(0, raw.size, 2 * block):
        welch.add(raw[first : first + 2 * block])
    whole.add(raw)
    same(welch.result(), whole.result())
    assert welch.result().n_averages == (n - 512) // 256 + 1


def test_a_result_on_the_way_changes_nothing():
    raw = raw_noise(20_000)
    welch, whole = make(), make()
    for part in np.split(raw, [10_002, 10_004, 30_000]):
        welch.add(part)
        welch.result()
    whole.add(raw)
    same(welch.result(), whole.result())


def test_results_of_one_dwell_are_untouched_by_the_next():
    welch = make()
    welch.add(raw_noise(20_000))
    first = welch.result()
    kept = [values.copy() for values in (first.mean, first.max_hold, first.rows)]
    welch.reset()
    welch.add(raw_noise(20_000, seed=2))
    second = welch.result()
    for before, after in zip(kept, (first.mean, first.max_hold, first.rows), strict=True):
        np.testing.assert_array_equal(before, after)
    fresh = make()
    fresh.add(raw_noise(20_000, seed=2))
    same(second, fresh.result())


def test_two_estimates_at_once_do_not_disturb_each_other():
    left, right, alone = make(), make(), make()
    for part in range(6):
        left.add(raw_noise(5000, part))
        right.add(raw_noise(5000, part + 100))
        alone.add(raw_noise(5000, part))
    right.result()
    same(left.result(), alone.result())


def test_two_runs_give_identical_bits():
    code = (
        "import numpy as np, hashlib; from dsp.psd import WelchPsd\n"
        "w = WelchPsd(n_fft=4096, sample_rate_hz=2.4e6, sample_format='cu8', row_step_s=2e-3)\n"
        "w.add(np.random.default_rng(0).integers(0, 256, 400_000).astype(np.uint8)); r = w.result()\n"
        "print(hashlib.sha256(r.mean.tobytes() + r.rows.tobytes()).hexdigest())"
    )
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 1


def test_memory_does_not_grow_with_the_length():
    welch = make(n_fft=4096, row_step_s=None)
    block = raw_noise(131_072)
    for _ in range(4):
        welch.add(block)
    tracemalloc.start()
    try:
        for _ in range(60):  # 3.3 s at 2.4 MS/s, 15 MB of samples
            welch.add(block)
        grown, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 100_000
    assert peak < 4_000_000
    assert welch.result().n_samples == 64 * 131_072


@pytest.mark.parametrize(
    ("missing", "engine"),
    [
        ((), "numba+pyfftw"),
        (("numba",), "numpy+pyfftw"),
        (("pyfftw",), "numba+scipy"),
        (("numba", "pyfftw"), "numpy+scipy"),
    ],
)
def test_it_works_without_numba_and_without_pyfftw(missing, engine):
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"  # None there makes an import fail
        "import numpy as np; from dsp.psd import WelchPsd; from dsp.psd_engine import default_engine\n"
        "w = WelchPsd(n_fft=256, sample_rate_hz=256.0, sample_format='cu8'); w.add(np.full(8000, 255, np.uint8))\n"
        "print(default_engine(), f'{w.result().mean[128]:.4f}')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.split() == [engine, f"{2 / 1.5:.4f}"]


def test_importing_the_estimate_loads_neither_numba_nor_pyfftw_nor_scipy():
    code = "import sys, dsp.psd; print([m for m in ('numba', 'pyfftw', 'scipy', 'scipy.fft') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.strip() == "[]"
