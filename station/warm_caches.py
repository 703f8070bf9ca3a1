"""Compiles every loop of the signal processing once, at install: ``python -m station.warm_caches``; the first sweep then does not wait."""

from __future__ import annotations

import numpy as np

from config.settings import AnalysisSection
from station.analysis import DwellAnalysis
from station.first_run import make_ready

RATE_HZ = 2.4e6


def main() -> None:
    """Run the chain on noise; what the first run would compile and mark is compiled and marked now."""
    rng = np.random.default_rng(0)
    samples = rng.integers(96, 160, 2 * round(0.1 * RATE_HZ)).astype(np.uint8)
    analysis = DwellAnalysis(AnalysisSection(), sample_rate_hz=RATE_HZ, sample_format="cu8")
    analysis.begin(0, len(samples) // 2)
    analysis.add(samples)
    analysis.findings()
    make_ready(lambda _: None)


if __name__ == "__main__":
    main()
