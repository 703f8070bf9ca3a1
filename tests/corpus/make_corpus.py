"""Write the synthetic corpus as SigMF recordings with their truth as annotations.

    python tests/corpus/make_corpus.py OUTDIR     (or: make corpus)

Annotations: ``core:*`` say where the recording shows a carrier; ``truth:freq_hz`` is the carrier's own frequency (in the middle of its
time), ``truth:cfo_hz`` what the receiver's clock makes of it (shown minus own), ``truth:power_dbfs`` and ``truth:snr_db`` its mean power
while on, the latter over the noise in its bandwidth; ``truth:cut`` the span's edges that cut it; ``truth:drift_hz_s`` how it moves.
Global: ``truth:noise_dbfs_hz``, the density of the noise. The same version of the project writes the same samples.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sigmf import SigMFFile

from dsp.synth.corpus import CorpusEntry, corpus
from dsp.synth.truth import Truth

EXTENSION = {"name": "truth", "version": "1.0.0", "optional": True}


def annotation(truth: Truth) -> dict[str, Any]:
    """Return the SigMF keys of ``truth`` beside its place in time."""
    cut = [side for side, is_cut in (("low", truth.cut_low), ("high", truth.cut_high)) if is_cut]
    return {
        "core:label": truth.name,
        "core:freq_lower_edge": round(truth.lower_hz, 3),
        "core:freq_upper_edge": round(truth.upper_hz, 3),
        "truth:freq_hz": round(truth.freq_hz, 3),
        "truth:cfo_hz": round(truth.cfo_hz, 3),
        "truth:power_dbfs": round(truth.power_dbfs, 3),
        "truth:snr_db": round(truth.snr_db, 3),
        **({"truth:cut": cut} if cut else {}),
        **({"truth:drift_hz_s": truth.drift_hz_s} if truth.drift_hz_s else {}),
    }


def write(entry: CorpusEntry, folder: Path) -> Path:
    """Write one recording; return its meta file."""
    data, meta = folder / f"{entry.name}.sigmf-data", folder / f"{entry.name}.sigmf-meta"
    with data.open("wb") as file:
        for block in entry.samples():
            file.write(block.tobytes())
    recording = SigMFFile(
        data_file=data,
        global_info={
            "core:datatype": entry.sample_format,
            "core:sample_rate": entry.sample_rate_hz,
            "core:num_channels": 1,
            "core:version": "1.2.0",
            "core:description": entry.description,
            "core:author": "Canh Sóng, synthetic",
            "core:license": "https://spdx.org/licenses/GPL-3.0-or-later.html",
            "core:extensions": [EXTENSION],
            "truth:source": "synthetic",
            "truth:noise_dbfs_hz": entry.scene.noise_dbfs_hz,
            "truth:ppm": entry.scene.impairments.ppm,
        },
    )
    recording.add_capture(0, metadata={"core:frequency": entry.center_freq_hz})
    for truth in entry.truth():
        recording.add_annotation(truth.first_sample, truth.n_samples, metadata=annotation(truth))
    recording.validate()
    recording.tofile(meta, overwrite=True)
    return meta


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the synthetic corpus as SigMF recordings.")
    parser.add_argument("outdir", type=Path)
    folder: Path = parser.parse_args(arguments).outdir
    folder.mkdir(parents=True, exist_ok=True)
    for entry in corpus():
        meta = write(entry, folder)
        print(f"{meta}: {entry.description}; {len(entry.truth())} annotations", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
