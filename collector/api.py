"""The HTTP API: JSON answers of the service layer under ``/api`` (docs/reference/api.md). Reads only."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi import Query as Parameter
from fastapi.responses import FileResponse

from collector.asking import query_of
from collector.capture_board import capture_lines
from collector.captures import Captures
from collector.errors import CollectorError, MisuseError
from collector.judging import findings_path
from collector.judging_store import read_findings
from collector.places import DataFolder
from collector.service import Service
from collector.store import Query
from collector.task_table import read_tasks

Names = Annotated[list[str], Parameter(max_length=64)]
Moment = Annotated[str | None, Parameter(max_length=40, description="10m, 2h, 7d (ago), or an ISO date and time")]
SAFE_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def asked(
    station: Names = [],  # noqa: B006 - FastAPI copies it
    band: Names = [],  # noqa: B006
    origin: Names = [],  # noqa: B006
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, Parameter(ge=1, le=2000)] = 500,
) -> Query:
    """Return what the URL asks for; no origin means live alone."""
    return query_of(since=since, until=until, stations=station, bands=band, origins=origin, limit=limit)


Asked = Annotated[Query, Depends(asked)]


def add_api(app: FastAPI, service: Service) -> None:
    """Add the routes to ``app``."""
    router = APIRouter(prefix="/api")
    _add_answers(router, service)
    _add_stations(router, service)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        """What Prometheus asks for."""
        from collector.metrics import CONTENT_TYPE, exposition

        return Response(exposition(DataFolder(path=service.folder)), media_type=CONTENT_TYPE, headers=SAFE_HEADERS)

    _add_tasks_and_captures(router, DataFolder(path=service.folder))
    app.include_router(router)
    app.add_exception_handler(CollectorError, _refuse)


def _add_tasks_and_captures(router: APIRouter, data: DataFolder) -> None:
    @router.get("/tasks")
    def tasks(
        station: Annotated[str | None, Parameter(max_length=64)] = None,
        finding: Annotated[str | None, Parameter(max_length=16)] = None,
        pending: bool = False,
        limit: Annotated[int, Parameter(ge=1, le=2000)] = 200,
    ) -> Response:
        """What stations are asked for and what became of it, the latest first."""
        return _json(read_tasks(data.path, station=station, finding_id=finding, pending=pending, limit=limit))

    @router.get("/captures")
    def captures(
        station: Annotated[str | None, Parameter(max_length=64)] = None,
        limit: Annotated[int, Parameter(ge=1, le=2000)] = 200,
    ) -> Response:
        """Captures that stations announced, and what of them is here, the latest first."""
        return _json(capture_lines(data, station=station, limit=limit))

    @router.get("/captures/{station}/{capture_id}/{part}")
    def capture_file(request: Request, station: str, capture_id: str, part: Literal["data", "meta"]) -> Response:
        """One file of a SigMF pair; who reads it is written down first."""
        who = f"api {request.client.host if request.client else 'unknown'}"
        store = Captures(data.path)
        try:
            path = store.read(store.find(capture_id, station), part, who=who, how="read over the API")
        finally:
            store.close()
        kind = "application/json" if part == "meta" else "application/octet-stream"
        return FileResponse(path, media_type=kind, filename=path.name, headers=SAFE_HEADERS)


def _add_answers(router: APIRouter, service: Service) -> None:
    @router.get("/tracks")
    def tracks(query: Asked) -> Response:
        """Tracks, the latest first."""
        return _json(service.tracks(query))

    @router.get("/timeline")
    def timeline(query: Asked) -> Response:
        """Hourly roll-up by station and band, with the time listened."""
        return _json(service.timeline(query))

    @router.get("/days")
    def days(query: Asked) -> Response:
        """Daily roll-up by station and band; days of the collector's time zone."""
        return _json(service.days(query))

    @router.get("/occupancy")
    def occupancy(query: Asked) -> Response:
        """Occupancies as they were reported, at most 50,000, by station, time and band."""
        return _json(service.occupancy(query))

    @router.get("/cells")
    def cells(query: Asked) -> Response:
        """GSM and LTE cells, the latest first."""
        return _json(service.cells(query))

    @router.get("/findings")
    def findings(query: Asked) -> Response:
        """Findings of the Art. 4.3 checks with their reasons, the latest first; bands and ``until`` are not looked at."""
        return _json(read_findings(findings_path(service.folder), query))

    @router.get("/spectrum")
    def spectrum(query: Asked, rows: Annotated[int, Parameter(ge=1, le=600)] = 60) -> Response:
        """The last spectra of the tuning heard last; null where there are none."""
        return _json(service.waterfall(query, rows=rows))


def _add_stations(router: APIRouter, service: Service) -> None:
    @router.get("/stations")
    def stations() -> Response:
        """Every station that has sent records."""
        return _json(service.stations())

    @router.get("/stations/health")
    def station_health() -> Response:
        """The latest health report of every station and origin: what it says of its own limits."""
        return _json(service.healths())

    @router.get("/health")
    def health() -> Response:
        """Whether the collector can answer; status 503 where not."""
        answer = service.health()
        return _json(answer, status=200 if answer.ok else 503)


async def _refuse(_: Request, error: Exception) -> Response:
    status = 422 if isinstance(error, MisuseError) else 503
    return _json({"detail": str(error)}, status=status)


def _json(answer: Any, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status_code=status, media_type="application/json", headers=SAFE_HEADERS)
