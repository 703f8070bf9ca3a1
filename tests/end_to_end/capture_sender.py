"""A station process that sends one capture, until it is killed; prints how many bytes of the samples the collector has acknowledged."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from pathlib import Path

from config.wire.frames import AnyFrame, CaptureAck
from station.capture_sender import CaptureSender, Sending
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Uplink
from tests.end_to_end.running import end_with_parent

CAPTURE_ID = "20261124T100000.000Z_944.0000MHz"


def write_pair(folder: Path, n_bytes: int, *, task_id: str | None = None, capture_id: str = CAPTURE_ID) -> Sending:
    """Write a SigMF pair and return it as it is to be sent."""
    folder.mkdir(parents=True, exist_ok=True)
    data = random.Random(n_bytes).randbytes(n_bytes)
    sha = hashlib.sha256(data).hexdigest()
    meta = json.dumps({"global": {"core:datatype": "cu8", "canhsong:sha256": sha}, "captures": [], "annotations": []}).encode()
    (folder / f"{capture_id}.sigmf-data").write_bytes(data)
    (folder / f"{capture_id}.sigmf-meta").write_bytes(meta)
    return Sending(capture_id=capture_id, folder=folder, task_id=task_id, meta_sha256=hashlib.sha256(meta).hexdigest(), data_sha256=sha)


class Telling(CaptureSender):
    """Says what is acknowledged."""

    def take(self, frame: AnyFrame, now_s: float) -> None:
        if isinstance(frame, CaptureAck) and frame.part == "data":
            print(frame.offset, flush=True)
        super().take(frame, now_s)


def main(folder: str, address: str, station: str, kib_s: int, task_id: str) -> None:
    """``folder`` holds the pair."""
    end_with_parent()
    place = Path(folder)
    digests = [hashlib.sha256((place / f"{CAPTURE_ID}.sigmf-{part}").read_bytes()).hexdigest() for part in ("meta", "data")]
    sender = Telling(max_bytes_s=1024.0 * kib_s, on_tasks=lambda _: None, now_s=time.monotonic())
    sending = Sending(capture_id=CAPTURE_ID, folder=place, task_id=task_id, meta_sha256=digests[0], data_sha256=digests[1])
    sender.send(sending)
    spool = OneCollectorSpool(place / "spool.db")
    with Uplink(address, station=station, spool=spool, side=sender):
        while not sender.ended():
            time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
