"""The HTTP API over a real store: answers, bounds, refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware

from collector.api import add_api
from collector.service import Service
from collector.web.server import HOSTS
from tests.end_to_end.running import T0_NS, emission, fill, occupancy, spectrum


class Client:
    """Asks the application without a socket."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, url: str, host: str = "127.0.0.1:8070") -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self._app), base_url="http://127.0.0.1:8070") as client:
                return await client.get(url, headers={"host": host})

        return asyncio.run(ask())

    def json(self, url: str) -> Any:
        answer = self.get(url)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    fill(tmp_path / "store.db", emission(0), emission(1, origin="live", label="<b>x</b>"), occupancy(), spectrum(bins=64))
    service = Service(tmp_path / "store.db")
    app = FastAPI()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    add_api(app, service)
    yield Client(app)
    service.close()


def test_no_origin_means_live_alone(client: Client) -> None:
    assert [track["origin"] for track in client.json("/api/tracks")] == ["live"]
    assert len(client.json("/api/tracks?origin=all")) == 2
    assert len(client.json("/api/tracks?origin=live&origin=synthetic")) == 2
    assert client.json("/api/spectrum") is None
    assert len(client.json("/api/spectrum?origin=synthetic")["mean_dbfs_hz"]) == 64


def test_filters_narrow_the_answer(client: Client) -> None:
    assert client.json("/api/tracks?origin=all&band=B3") == []
    assert client.json("/api/tracks?origin=all&station=nobody") == []
    assert len(client.json("/api/tracks?origin=all&limit=1")) == 1
    assert client.json("/api/tracks?origin=all&until=2001-01-01") == []
    assert client.json("/api/timeline?origin=synthetic")[0]["listened_s"] == 60.0
    assert client.json("/api/cells?origin=all") == []
    assert client.json("/api/stations")[0]["records"] == 4


@pytest.mark.parametrize(
    "question",
    ["since=yesterday-ish", "origin=alien", "limit=0", "limit=99999", "since=" + "9" * 400, "rows=0", "since=99999999999999999999d"],
)
def test_a_question_that_cannot_be_meant_is_refused_and_says_so(client: Client, question: str) -> None:
    answer = client.get(f"/api/spectrum?{question}")
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_answers_are_data_and_never_taken_for_a_page(client: Client) -> None:
    answer = client.get("/api/tracks?origin=all")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert json.loads(answer.content)[0]["label"] == "<b>x</b>"


def test_a_page_elsewhere_that_resolves_its_name_to_this_machine_gets_nothing(client: Client) -> None:
    assert client.get("/api/tracks", host="evil.example").status_code == 400
    assert client.get("/api/tracks", host="localhost:8070").status_code == 200


def test_health_says_whether_the_store_answers(client: Client, tmp_path: Path) -> None:
    assert client.json("/api/health") == {"ok": True, "store": "sqlite", "stations": 1, "last_received_ns": T0_NS}
    app = FastAPI()
    add_api(app, Service(tmp_path / "nowhere.db"))
    answer = Client(app).get("/api/health")
    assert answer.status_code == 503
    assert answer.json()["ok"] is False
    assert Client(app).get("/api/tracks").status_code == 503
