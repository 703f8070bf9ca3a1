"""A store to fill: each test that asks for one runs on SQLite and on a real InfluxDB."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.influxdb.filling import OnInflux, OnSqlite, settings_for


@pytest.fixture(params=["sqlite", pytest.param("influxdb", marks=pytest.mark.services)])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OnSqlite | OnInflux]:
    made: OnSqlite | OnInflux
    if request.param == "sqlite":
        made = OnSqlite(tmp_path)
    else:
        server = request.getfixturevalue("influxd")
        made = OnInflux(settings_for(server.url, f"b{uuid.uuid4().hex[:12]}", tmp_path), tmp_path)
    yield made
    made.close()
