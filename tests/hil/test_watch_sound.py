"""What an inspector hears while walking up to a transmitter: a tone whose pitch is the level, as long as the watching lasts."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from station.watch import pitch_hz

Band = Callable[..., Any]


def test_the_tone_s_pitch_is_the_level_s_and_the_trail_has_a_line_a_reading(band: Band, tmp_path: Path) -> None:
    player, heard = tmp_path / "bin" / "aplay", tmp_path / "heard.raw"
    player.parent.mkdir()
    player.write_text(f"#!/bin/sh\nexec cat > {heard}\n")
    player.chmod(0o755)
    trail = tmp_path / "walk.csv"
    done = band("paced 1").run(
        "watch", "931.3125", "--for", "1", "--sound", "--trail", str(trail), "--ppm", "23.4",
        env={"PATH": f"{player.parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(trail.read_text().splitlines()))
    assert len(rows) == 10
    assert "10 mức đo / readings, 0 có vị trí / with a position: set station.lat_deg" in done.stderr
    wave = np.fromfile(heard, np.uint8).astype(np.float64) - 127.5
    assert len(wave) == 10 * 800, "a tenth of a second at 8 kHz for each reading"
    spectrum = np.abs(np.fft.rfft(wave[-800:] * np.hanning(800)))
    assert float(np.argmax(spectrum)) * 10.0 == pytest.approx(pitch_hz(float(rows[-1]["level_dbfs"])), abs=15.0)


def test_without_a_player_it_is_one_line_that_says_what_to_install(band: Band, tmp_path: Path) -> None:
    done = band("paced 1").run("watch", "931.3125", "--for", "1", "--sound", env={"PATH": str(tmp_path)})
    assert done.returncode == 2
    assert done.stderr.strip().endswith("aplay is missing: apt-get install alsa-utils")
