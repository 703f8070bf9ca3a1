"""The first page."""

from __future__ import annotations

from fastapi import FastAPI
from nicegui import ui

from collector.service import Service


def add_page(app: FastAPI, service: Service) -> None:
    """Add the page to ``app``."""

    @ui.page("/")
    def first() -> None:
        ui.label(str(service.facets()))

    ui.run_with(app, title="Canh Sóng", show_welcome_message=False)
