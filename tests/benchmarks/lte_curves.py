"""What the LTE benchmarks share: their command line, the recordings there are, and how curves are drawn."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dsp.types import ComplexArray
from dsp.units import to_complex64

RECORDINGS = Path(os.environ.get("CANHSONG_RECORDINGS", Path(__file__).resolve().parents[3] / "shared" / "recordings"))
STORED: dict[str, Any] = {"cu8": np.uint8, "ci8": np.int8, "ci16_le": np.dtype("<i2"), "cf32_le": np.dtype("<c8")}

Figures = dict[str, Any]
Part = Callable[[bool, int, Figures], None]
"""Given whether a short form is wanted, the trials of a point, and where to put what is drawn."""


def run(
    doc: str | None, parts: dict[str, Part], phantoms: Callable[[bool, float, Figures], None], draw: Callable[[Figures, Path], None]
) -> None:
    """Run the parts that the command line asks for, and draw."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few trials of each")
    parser.add_argument("--only", nargs="*", default=[*parts, "phantoms"], choices=[*parts, "phantoms"])
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--noise-seconds", type=float, default=600.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    figures: Figures = {}
    for name, part in parts.items():
        if name in asked.only:
            part(asked.short, 8 if asked.short else asked.trials, figures)
    if "phantoms" in asked.only:
        phantoms(asked.short, min(asked.noise_seconds, 20.0) if asked.short else asked.noise_seconds, figures)
    if asked.out is not None and not asked.short:
        asked.out.mkdir(parents=True, exist_ok=True)
        draw(figures, asked.out)


def without_lte() -> Iterator[tuple[str, ComplexArray, float, float | None]]:
    """Give (name, samples, sample rate, centre) of every recording that has no LTE cell by its annotations."""
    for meta in sorted(RECORDINGS.glob("*.sigmf-meta")):
        described = json.loads(meta.read_text())
        if any(a.get("truth:rat") == "lte" for a in described["annotations"]):
            continue
        kind, rate = described["global"]["core:datatype"], float(described["global"]["core:sample_rate"])
        iq = to_complex64(np.fromfile(meta.with_suffix(".sigmf-data"), dtype=STORED[kind]), kind)
        yield meta.stem, iq, rate, described["captures"][0].get("core:frequency")


def axes(x_label: str, title: str) -> Any:
    """Return axes for shares of trials."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    _, out = plt.subplots(figsize=(7, 4.2))
    out.set(xlabel=x_label, ylabel="share of trials", ylim=(-0.03, 1.03), title=title)
    out.grid(alpha=0.3)
    return out


def save(drawn: Any, path: Path) -> None:
    """Write what was drawn, the same bytes for the same curves."""
    import matplotlib.pyplot as plt

    drawn.legend(fontsize=7)
    plt.tight_layout()
    plt.savefig(path, metadata={"Date": None})
    plt.close()
