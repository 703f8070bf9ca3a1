"""Answers of InfluxDB as plain text: one table after the other, columns that a table lacks, an answer that breaks off in the middle."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from collector.influx_settings import InfluxSettings
from collector.influx_store import InfluxDoor, InfluxError

QUERY = 'from(bucket: "b")'
GOOD = ",result,table,band,fbo,station\r\n,_result,0,B8,0.5,a\r\n,_result,0,B8,0.25,a\r\n"


class Answers(BaseHTTPRequestHandler):
    """Says the same to whatever is asked."""

    text = b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/csv; charset=utf-8")
        self.send_header("Content-Length", str(len(self.text)))
        self.end_headers()
        self.wfile.write(self.text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def door(tmp_path: Path) -> Iterator[InfluxDoor]:
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text("a-token")
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        one = InfluxDoor(InfluxSettings(url=f"http://127.0.0.1:{server.server_port}", token_file=str(tmp_path / "token")))
        yield one
        one.close()
        server.shutdown()
        serving.join()


def told(door: InfluxDoor, text: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    monkeypatch.setattr(Answers, "text", text.encode())
    return list(door.table(QUERY, {}, ("station", "band", "fbo", "band_name")))


def test_columns_come_in_the_order_asked_for_whatever_the_tables_have(door: InfluxDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ',result,table,station,fbo,band_name,band\r\n,_result,1,b,0.75,"a, ""b""\nc",other\r\n'
    assert told(door, f"{GOOD}\r\n{more}\r\n", monkeypatch) == [
        ("a", "B8", "0.5", ""),
        ("a", "B8", "0.25", ""),
        ("b", "other", "0.75", 'a, "b"\nc'),
    ]


@pytest.mark.parametrize("text", ["", "\r\n", ",result,table,station\r\n"])
def test_an_answer_of_nothing_has_no_rows(door: InfluxDoor, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(door, text, monkeypatch) == []


@pytest.mark.parametrize("before", ["", f"{GOOD}\r\n"])
def test_an_answer_that_breaks_off_is_no_answer(door: InfluxDoor, before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InfluxError, match="memory allocation limit"):
        told(door, f"{before}error,reference\r\nmemory allocation limit reached,897\r\n\r\n", monkeypatch)
