"""The corpus on disk: valid SigMF, readable by anybody, the same from run to run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import sigmf

SCRIPT = Path(__file__).with_name("make_corpus.py")


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_corpus", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    assert load().main([str(out)]) == 0
    return out


def test_every_recording_is_valid_sigmf_whose_checksum_holds(folder):
    metas = sorted(folder.glob("*.sigmf-meta"))
    assert len(metas) == 8
    for meta in metas:
        recording = sigmf.fromfile(str(meta))  # checks the SHA-512
        recording.validate()
        last = max((a["core:sample_start"] + a["core:sample_count"] for a in recording.get_annotations()), default=0)
        assert last <= recording.sample_count


def test_annotations_hold_the_truth(folder):
    document = json.loads((folder / "gmsk_levels_941.2M_2.4M.sigmf-meta").read_text())
    found = [(a["core:label"], a["truth:freq_hz"], a["truth:snr_db"]) for a in document["annotations"]]
    assert found == [("GMSK 40 dB", 941.0e6, 40.0), ("GMSK 28 dB", 941.6e6, 28.0), ("GMSK 15 dB", 942.2e6, 15.0)]
    assert document["captures"] == [{"core:frequency": 941.2e6, "core:sample_start": 0}]


def test_one_recording_written_twice_is_the_same(folder, tmp_path):
    maker = load()
    [entry] = [one for one in maker.corpus() if one.name == "bursts_433.92M_1M"]
    meta = maker.write(entry, tmp_path)
    assert meta.read_bytes() == (folder / meta.name).read_bytes()
    assert meta.with_suffix(".sigmf-data").read_bytes() == (folder / meta.name).with_suffix(".sigmf-data").read_bytes()
