"""One station with a window of 100 against paho-mqtt and mosquitto with QoS 1, in the same run on the same machine.

    python tests/benchmarks/bench_mqtt.py [--short] [--out FOLDER]

300-byte records. Ours: CURVE, durable (fdatasync) in the journal before the acknowledgement; paho and mosquitto: plaintext, nothing on the
disk, 100 messages under way. All take turns, several times; printed and judged are the medians, so that other work on the machine
hits all alike. Skips with the reason where mosquitto or paho-mqtt is absent (`apt-get install mosquitto`, `pip install
paho-mqtt`); nothing else of this project needs them. Fails where any of ours has less than twice their rate.
"""

from __future__ import annotations

import argparse
import importlib.util
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import zmq

from collector.enrolment import Register, write_register
from collector.places import DataFolder
from config.keyfiles import fresh_keypair, write_keypair
from config.wire import encode_record
from config.wire.frames import Ack, Batch, Hello, Welcome, decode_frame, encode_frame
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Curve, Uplink

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.clients import part  # noqa: E402
from tests.end_to_end.running import emission  # noqa: E402

WINDOW = 100
RATIO = 2.0
RECORDS_A_MESSAGE = 20
OURS = (
    "ours, CURVE, durable, one record a message",
    f"ours, CURVE, durable, {RECORDS_A_MESSAGE} records a message",
    "the station's uplink out of its spool, CURVE, durable at both ends",
)


def mosquitto_rate(program: str, folder: Path, payload: bytes, seconds: float) -> float:
    """Return how many messages a second one paho client gets acknowledged with 100 under way."""
    mqtt = importlib.import_module("paho.mqtt.client")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\npersistence false\n")
    broker = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.max_inflight_messages_set(WINDOW)
        under_way, done, connected = threading.Semaphore(WINDOW), 0, threading.Event()

        def acknowledged(*_: object) -> None:
            nonlocal done
            done += 1
            under_way.release()

        client.on_publish = acknowledged
        client.on_connect = lambda *_: connected.set()
        for _ in range(100):
            try:
                client.connect("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        client.loop_start()
        assert connected.wait(10.0)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            under_way.acquire()
            client.publish("station/bench", payload, qos=1)
        rate = done / (time.perf_counter() - began)
        client.disconnect()
        client.loop_stop()
    finally:
        broker.terminate()
        broker.wait()
    return rate


class Clients:
    """One station's clients at a running ingest; each takes a spool of its own."""

    def __init__(self, *, address: str, curve: Curve) -> None:
        self._address, self._curve = address, curve
        self.packed = encode_record(emission(station="bench"))

    def rate(self, *, records: int, seconds: float) -> float:
        """Return how many records a second one client gets acknowledged with 100 messages of ``records`` under way."""
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        station, spool_id = context.socket(zmq.DEALER), secrets.token_hex(16)
        station.setsockopt(zmq.LINGER, 0)
        station.curve_secretkey, station.curve_publickey = self._curve.pair.secret.encode(), self._curve.pair.public.encode()
        station.curve_serverkey = self._curve.collector_key.encode()
        station.connect(self._address)
        station.send(encode_frame(Hello(station="bench", program="bench", spool_id=spool_id, first_seq=0, next_seq=0)))
        assert isinstance(decode_frame(station.recv()), Welcome)
        sent = committed = 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            while sent - committed < WINDOW * records:
                station.send(encode_frame(Batch(spool_id=spool_id, first_seq=sent, records=[self.packed] * records)))
                sent += records
            frame = decode_frame(station.recv())
            assert isinstance(frame, Ack)
            committed = frame.committed_seq + 1
        rate = committed / (time.perf_counter() - began)
        station.close()
        context.term()
        return rate

    def station_rate(self, folder: Path, *, seconds: float) -> float:
        """Return how many records a second the station's own uplink gets acknowledged out of its spool on the disk."""
        spool = OneCollectorSpool(folder / "spool.db")
        for _ in range(round(10 * seconds)):
            spool.append_all([(self.packed, "emission")] * 10_000)
        with Uplink(self._address, station="bench", spool=spool, curve=self._curve) as uplink:
            while not uplink.connected:
                time.sleep(0.01)
            began = time.perf_counter()
            while time.perf_counter() - began < seconds and uplink.waiting:
                time.sleep(0.01)
            return spool.unacknowledged_seq / (time.perf_counter() - began)


def round_of_all(program: str, folder: Path, clients: Clients, *, seconds: float) -> list[float]:
    """Return the rates of one turn: theirs, ours with one record a message, with many, and out of the station's spool."""
    folder.mkdir()
    single, batched = (clients.rate(records=records, seconds=seconds) for records in (1, RECORDS_A_MESSAGE))
    return [mosquitto_rate(program, folder, clients.packed, seconds), single, batched, clients.station_rate(folder, seconds=seconds)]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for figures (this benchmark draws none)")
    rounds, seconds = (5, 1.0) if parser.parse_args().short else (9, 2.0)
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None or importlib.util.find_spec("paho") is None:
        print("skipped: mosquitto or paho-mqtt is absent (apt-get install mosquitto; pip install paho-mqtt)")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, pair, centre = DataFolder(path=folder / "data"), fresh_keypair(), fresh_keypair()
        write_keypair(data.key, centre)
        write_register(data.register, Register().enrol("bench", pair.public, now_ns=1))
        with part(data, "ingest", "tcp://127.0.0.1:*") as (address, _):
            clients = Clients(address=address, curve=Curve(pair=pair, collector_key=centre.public))
            found = [round_of_all(program, folder / f"round-{number}", clients, seconds=seconds) for number in range(rounds)]
    print(f"{len(clients.packed)}-byte records, {WINDOW} messages under way, medians of {rounds} turns of {seconds:.0f} s")
    theirs, *ours = (median(column) for column in zip(*found, strict=True))
    print(f"paho-mqtt + mosquitto, QoS 1, plaintext, nothing durable: {theirs:.0f} messages/s")
    for number, (what, rate) in enumerate(zip(OURS, ours, strict=True), start=1):
        ratios = sorted(one[number] / one[0] for one in found)
        print(f"{what}: {rate:.0f} records/s, {rate / theirs:.1f} times as many ({ratios[0]:.1f} to {ratios[-1]:.1f})")
    return 0 if min(ours) >= RATIO * theirs else 1


if __name__ == "__main__":
    sys.exit(main())
