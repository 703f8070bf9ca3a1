"""A repeater through the GSM receiver: ten minutes of short looks at cells of two sites, 20 dB, echoes of 3 to 8 us, -3 to -12 dB.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_relay.py [--short]

Prints how often the common delay is found at 1 % chance, the error of the delays, and how often hills of their own are taken for it.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dsp.relay import Echo, common_delay, estimate_echo
from dsp.synth.fading import Path as RadioPath

ROOT = Path(__file__).resolve().parents[2]
RANGE = {"min_delay_us": 1.0, "max_delay_us": 12.0}
LOOKS, LOOK_S = 8, 0.6


def load_scenes() -> object:
    """Return the receiver tests' scenes."""
    spec = importlib.util.spec_from_file_location("scenes", ROOT / "tests" / "dsp" / "gsm" / "scenes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def echo_of(scenes: object, rng: np.random.Generator, delay_us: float, level_db: float) -> Echo | None:
    """Return the echo that the receiver's taps of ``LOOKS`` looks show; the phase between the paths is another at each."""
    looks = []
    for _ in range(LOOKS):
        echo = RadioPath(delay_us=delay_us, level_db=level_db + rng.normal(0.0, 2.0), phase_rad=float(rng.uniform(0.0, 6.28)))
        sent = scenes.signal(rng, paths=(RadioPath(), echo))  # type: ignore[attr-defined]
        cells = scenes.cells(scenes.heard(rng, sent, duration_s=LOOK_S, snr_db=20.0))  # type: ignore[attr-defined]
        looks += [[(t.delay_us, t.level_db) for t in cell.taps] for cell in cells[:1]]
    return estimate_echo(looks, **RANGE)


def main() -> None:
    """Print both rates."""
    scenes = load_scenes()
    trials = 4 if "--short" in sys.argv else 20
    rng = np.random.default_rng(7)
    found = alarms = 0
    errors: list[float] = []
    pool: list[Echo] = []
    for _ in range(trials):
        delay, level = float(rng.uniform(3.0, 8.0)), float(rng.uniform(-12.0, -3.0))
        echoes = [(site, echo_of(scenes, rng, delay, level)) for site in ("A", "B")]
        errors += [echo.delay_us - delay for _, echo in echoes if echo is not None]
        pool += [echo for _, echo in echoes[:1] if echo is not None]
        common = common_delay(echoes, **RANGE)
        found += common is not None and common.p_chance <= 0.01
    print(f"repeater on two sites: found {found} of {trials}; delay error rms {np.sqrt(np.mean(np.square(errors))):.3f} us")
    for _ in range(5000):  # hills: each site has, with probability 0.25, an echo as measured above, at a delay of its own
        picked = [pool[i] if rng.random() < 0.25 else None for i in rng.integers(len(pool), size=2)]
        hills = [
            (str(k), None if e is None else Echo(
                delay_us=float(rng.uniform(1.0, 12.0)), sigma_us=e.sigma_us, level_db=e.level_db, presence=e.presence, looks=e.looks))
            for k, e in enumerate(picked)
        ]  # fmt: skip
        common = common_delay(hills, **RANGE)
        alarms += common is not None and common.p_chance <= 0.01
    print(f"two hills of their own: taken for a repeater {alarms} times in 5000 (stated: at most 1 %)")


if __name__ == "__main__":
    main()
