"""The web process: the API and the page on one socket of this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware

from collector.api import add_api
from collector.errors import MisuseError
from collector.places import DataFolder
from collector.service import Service

HOSTS: Final = ["127.0.0.1", "localhost", "[::1]"]
"""Names under which the page answers: a foreign page that resolves its own name to this machine gets nothing."""
STORE_WAIT_S: Final = 30.0


def serve_web(data: DataFolder, host: str, port: int, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM; ``ready`` is told the page's address.

    Raises:
        MisuseError: the port cannot be bound.
        StorageError: the store does not come up.
    """
    listener = _listen(host, port)
    service = Service(data.store)
    service.wait(STORE_WAIT_S)
    app = make_app(service)
    # a page that stays open must not hold up the end of the program
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, ws="websockets-sansio"))
    shown = f"[{host}]" if ":" in host else host
    ready(f"http://{shown}:{listener.getsockname()[1]}/")
    try:
        server.run(sockets=[listener])
    finally:
        service.close()


def make_app(service: Service) -> FastAPI:
    """Return the application: API and page over ``service``."""
    app = FastAPI(title="Canh Sóng", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    add_api(app, service)
    from collector.web.page import add_page

    add_page(app, service)
    return app


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise MisuseError(f"page address {host}:{port}: {error.strerror}; choose another with --http") from error
    return listener
