"""What every receiver keeps to, as a program: ``python receiver_contract.py ADDRESS`` (a receiver's address, or a recording)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from station.errors import MisuseError
from station.receiver import Receiver

FREQ_HZ = 931.3e6


def check(receiver: Receiver, *, tunable: bool) -> None:
    """Fail where ``receiver`` breaks the contract."""
    assert receiver.sample_format in ("cu8", "ci8", "ci16_le", "cf32_le")
    assert receiver.sample_rate_hz > 0
    if tunable:
        assert refused(lambda: receiver.read(1000)), "a read before the first tuning must be refused"
        receiver.tune(FREQ_HZ)
    check_reads(receiver)
    if tunable:
        check_tuning(receiver)
    else:
        check_end(receiver)
    receiver.close()
    receiver.close()


def refused(what: Callable[[], object]) -> bool:
    """Whether ``what`` is refused as misuse."""
    try:
        what()
    except MisuseError:
        return True
    return False


def check_reads(receiver: Receiver) -> None:
    """Blocks are of the length and tuning that was asked for, numbered upwards, and the caller's own."""
    expected, kept = None, []
    for n in (1000, 4096, 1001, 256):
        block = receiver.read(n)
        assert block is not None
        assert block.n_samples == n
        assert block.sample_format == receiver.sample_format
        assert block.sample_rate_hz == receiver.sample_rate_hz
        assert block.center_freq_hz is not None
        assert abs(block.center_freq_hz - FREQ_HZ) < 1.0
        # numbers only ever go up, and never over samples that are handed out
        assert expected is None or block.first_sample >= expected
        expected = block.first_sample + n
        kept.append((block.samples, block.samples.copy()))
    # a block is the caller's own: later reads do not change it
    assert all(np.array_equal(samples, copy) for samples, copy in kept)


def check_tuning(receiver: Receiver) -> None:
    """What is read after a tuning says so; what no tuner hears is refused."""
    receiver.tune(945e6)
    block = receiver.read(2048)
    assert block is not None
    assert abs((block.center_freq_hz or 0.0) - 945e6) < 1.0
    for bad_hz in (3e9, 1e6):
        assert refused(lambda bad_hz=bad_hz: receiver.tune(bad_hz)), f"{bad_hz} Hz cannot be heard"  # type: ignore[misc]


def check_end(receiver: Receiver) -> None:
    """A recording cannot be tuned, and ends."""
    assert refused(lambda: receiver.tune(900e6)), "what cannot be tuned must say so"
    while receiver.read(100_000) is not None:
        pass


def main(address: str) -> None:
    """Check the receiver at ``address``."""
    if Path(address).exists():
        from station.playback import Playback, open_recording
        from station.recording import GivenFacts

        check(Playback(open_recording(Path(address), GivenFacts())), tunable=False)
        return
    from config.settings import ReceiverSection
    from station.receivers import open_receiver

    check(open_receiver(ReceiverSection(address=address)), tunable=True)


if __name__ == "__main__":
    main(sys.argv[1])
