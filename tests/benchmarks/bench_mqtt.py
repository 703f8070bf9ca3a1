"""One station with a window of 100 against paho-mqtt and mosquitto with QoS 1, in the same run on the same machine.

    python tests/benchmarks/bench_mqtt.py [--short] [--out FOLDER]

300-byte records. Ours: CURVE, durable (fdatasync) in the journal before the acknowledgement; paho and mosquitto: plaintext, nothing on the
disk, 100 messages under way. Skips with the reason where mosquitto or paho-mqtt is absent (`apt-get install mosquitto`, `pip install
paho-mqtt`); nothing else of this project needs them. Fails below twice their rate.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import zmq

from collector.enrolment import Register, write_register
from collector.places import DataFolder
from config.keyfiles import KeyPair, fresh_keypair, write_keypair
from config.wire import encode_record
from config.wire.frames import Ack, Batch, Hello, Welcome, decode_frame, encode_frame
from station.one_collector_spool import OneCollectorSpool
from station.uplink import Curve, Uplink

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.end_to_end.running import emission  # noqa: E402

WINDOW = 100
RATIO = 2.0
RECORDS_A_MESSAGE = 20


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


def client_rate(address: str, pair: KeyPair, centre: KeyPair, packed: bytes, *, records: int, seconds: float) -> float:
    """Return how many records a second one client gets acknowledged with 100 messages of ``records`` under way."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    station = context.socket(zmq.DEALER)
    station.setsockopt(zmq.LINGER, 0)
    station.curve_secretkey, station.curve_publickey = pair.secret.encode(), pair.public.encode()
    station.curve_serverkey = centre.public.encode()
    station.connect(address)
    spool_id = f"{records:032x}"
    station.send(encode_frame(Hello(station="bench", program="bench", spool_id=spool_id, first_seq=0, next_seq=0)))
    assert isinstance(decode_frame(station.recv()), Welcome)
    sent = committed = 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        while sent - committed < WINDOW * records:
            station.send(encode_frame(Batch(spool_id=spool_id, first_seq=sent, records=[packed] * records)))
            sent += records
        frame = decode_frame(station.recv())
        assert isinstance(frame, Ack)
        committed = frame.committed_seq + 1
    rate = committed / (time.perf_counter() - began)
    station.close()
    context.term()
    return rate


def station_rate(address: str, pair: KeyPair, centre: KeyPair, packed: bytes, *, folder: Path, seconds: float) -> float:
    """Return how many records a second the station's own uplink gets acknowledged out of its spool on the disk."""
    spool = OneCollectorSpool(folder / "spool.db")
    for _ in range(round(4 * seconds)):
        spool.append_all([(packed, "emission")] * 10_000)
    with Uplink(address, station="bench", spool=spool, curve=Curve(pair=pair, collector_key=centre.public)) as uplink:
        while not uplink.connected:
            time.sleep(0.01)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds and uplink.waiting:
            time.sleep(0.01)
        return spool.unacknowledged_seq / (time.perf_counter() - began)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for figures (this benchmark draws none)")
    seconds = 2.0 if parser.parse_args().short else 6.0
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None or importlib.util.find_spec("paho") is None:
        print("skipped: mosquitto or paho-mqtt is absent (apt-get install mosquitto; pip install paho-mqtt)")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, pair, centre = DataFolder(path=folder / "data"), fresh_keypair(), fresh_keypair()
        write_keypair(data.key, centre)
        write_register(data.register, Register().enrol("bench", pair.public, now_ns=1))
        packed = encode_record(emission(station="bench"))
        theirs = mosquitto_rate(program, folder, packed, seconds)
        command = [sys.executable, "-m", "collector.cli", "--data", str(data.path), "part", "ingest", "tcp://127.0.0.1:*"]
        ingest = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert ingest.stdout is not None
            address = ingest.stdout.readline().split()[1]
            single = client_rate(address, pair, centre, packed, records=1, seconds=seconds)
            batched = client_rate(address, pair, centre, packed, records=RECORDS_A_MESSAGE, seconds=seconds)
            station = station_rate(address, pair, centre, packed, folder=folder, seconds=seconds)
        finally:
            ingest.terminate()
            ingest.communicate(timeout=20)
    print(f"{len(packed)}-byte records, {WINDOW} messages under way")
    print(f"paho-mqtt + mosquitto, QoS 1, plaintext, nothing durable: {theirs:.0f} messages/s")
    for what, ours in (
        ("ours, CURVE, durable, one record a message", single),
        (f"ours, CURVE, durable, {RECORDS_A_MESSAGE} records a message", batched),
        ("the station's uplink out of its spool, CURVE, durable at both ends", station),
    ):
        print(f"{what}: {ours:.0f} records/s, {ours / theirs:.1f} times as many")
    return 0 if min(batched, station) >= RATIO * theirs else 1


if __name__ == "__main__":
    sys.exit(main())
