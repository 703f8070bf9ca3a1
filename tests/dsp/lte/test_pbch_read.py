"""The PBCH: every number of ports and both prefixes, blocks in step, single blocks with margin, and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsp.lte.bch import Mib, encode, pack_mib
from dsp.lte.pbch import SINGLE_MARGIN, find_broadcast

MIB = Mib(n_rb=50, phich_duration="normal", phich_resource="1/2", sfn=512, spare=0b1010011001)


def frames(count: int, *, snr_db: float, n_ports: int = 2, pci: int = 17, cp: Any = "normal", first: int = 0, seed: int = 0) -> Any:
    """Return soft bits of ``count`` frames from frame ``first`` of SFN 512 on."""
    blocks = [encode(pack_mib(Mib(**{**_fields(MIB), "sfn": MIB.sfn + 4 * b})), n_ports=n_ports, cp=cp, pci=pci) for b in range(4)]
    bits = np.concatenate(blocks).reshape(16, -1)[first : first + count]
    rng = np.random.default_rng(seed)
    deviation = 10 ** (-snr_db / 20)
    return ((1.0 - 2.0 * bits) + deviation * rng.standard_normal(bits.shape)).astype(np.float32)


def _fields(mib: Mib) -> dict[str, Any]:
    return {name: getattr(mib, name) for name in ("n_rb", "phich_duration", "phich_resource", "sfn", "spare")}


@pytest.mark.parametrize("n_ports", [1, 2, 4])
@pytest.mark.parametrize("cp", ["normal", "extended"])
def test_the_mib_is_read_whichever_frame_of_the_four_comes_first(n_ports: int, cp: Any) -> None:
    for first in range(4):
        found = find_broadcast({n_ports: frames(8, snr_db=-6, n_ports=n_ports, cp=cp, first=first)}, pci=17, cp=cp)
        assert found is not None
        assert found.certain
        assert found.n_ports == n_ports
        assert found.sfn_of_first == 512 + first
        assert (found.mib.n_rb, found.mib.phich_resource, found.mib.spare) == (50, "1/2", 0b1010011001)
        assert found.count >= 2


def test_a_single_frame_is_believed_with_a_margin() -> None:
    found = find_broadcast({2: frames(1, snr_db=3, first=2)}, pci=17, cp="normal")
    assert found is not None
    assert found.count == 1
    assert found.margin > SINGLE_MARGIN
    assert found.sfn_of_first == 514


def test_the_sfn_wraps() -> None:
    wrap = frames(2, snr_db=10, first=0)
    found = find_broadcast({2: np.concatenate([np.zeros_like(wrap[:1]), wrap])}, pci=17, cp="normal")
    assert found is not None
    assert found.sfn_of_first == 511


def test_another_identity_reads_nothing() -> None:
    assert find_broadcast({2: frames(8, snr_db=20)}, pci=18, cp="normal") is None


def test_noise_never_reads_as_certain() -> None:
    rng = np.random.default_rng(11)
    passed = 0
    for pci in range(120):
        soft = {n: rng.standard_normal((8, 480)).astype(np.float32) for n in (1, 2, 4)}
        found = find_broadcast(soft, pci=pci, cp="normal")
        passed += found is not None
        assert found is None or not found.certain
    assert passed < 12  # each search is 36 decodings of which one in 65536 passes


def test_frames_not_received_count_for_nothing() -> None:
    soft = frames(8, snr_db=0)
    soft[2:6] = 0.0
    found = find_broadcast({2: soft}, pci=17, cp="normal")
    assert found is not None
    assert found.count == 2
