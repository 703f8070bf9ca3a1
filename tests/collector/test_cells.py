"""Cells in the store: an identity may come bit by bit, and is never overwritten by another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.sqlite_cells import put_cell
from collector.sqlite_schema import open_for_writing
from collector.sqlite_store import SqliteStore
from collector.store import CellRow, Query
from collector.web.rows import cell_rows
from config.wire import GsmCellReport, LteCellReport
from tests.end_to_end.running import T0_NS


class Cells:
    """Reports in, rows out."""

    def __init__(self, path: Path) -> None:
        self.db = open_for_writing(path)
        self.store = SqliteStore(path)

    def put(self, kind: type[Any], at_s: int = 0, **fields: Any) -> None:
        """Put a report with the fields that matter here; the rest of the contract is another test's matter."""
        given = {"station": "a", "origin": "synthetic", "start_time_ns": T0_NS + at_s * 10**9, "time_source": "given", **fields}
        unset = {field.name: None for field in msgspec.structs.fields(kind) if field.required and field.name not in given}
        put_cell(self.db, kind(**given, **unset))

    def rows(self) -> list[CellRow]:
        return sorted(self.store.cells(Query(origins=())), key=lambda row: row.first_time_ns)


@pytest.fixture
def cells(tmp_path: Path) -> Iterator[Cells]:
    made = Cells(tmp_path / "store.db")
    yield made
    made.store.close()
    made.db.close()


PLACE = {"freq_hz": 941.2e6, "arfcn": 31, "band": "P-GSM900"}
VIETTEL = {"mcc": "452", "mnc": "04", "lac": 30151, "ci": 20511, "bsic": 29, "status": "identified"}


def test_a_cell_that_is_read_bit_by_bit_is_one_row(cells: Cells) -> None:
    cells.put(GsmCellReport, 0, **PLACE, status="carrier")
    cells.put(GsmCellReport, 1, **PLACE, status="synchronised", bsic=29)
    cells.put(GsmCellReport, 2, **PLACE, **VIETTEL)
    cells.put(GsmCellReport, 3, **PLACE, status="carrier")
    (row,) = cells.rows()
    assert (row.status, row.mcc, row.mnc, row.area, row.cell_id, row.code, row.channel) == ("identified", "452", "04", 30151, 20511, 29, 31)
    assert (row.first_time_ns, row.last_time_ns, row.reports) == (T0_NS, T0_NS + 3 * 10**9, 4)


@pytest.mark.parametrize("change", [{"mnc": "4"}, {"mnc": "004"}, {"mcc": "456"}, {"lac": 1}, {"ci": 2}, {"bsic": 30}])
def test_another_identity_on_the_same_carrier_is_another_row(cells: Cells, change: dict[str, Any]) -> None:
    cells.put(GsmCellReport, 0, **PLACE, **VIETTEL)
    cells.put(GsmCellReport, 1, **PLACE, **{**VIETTEL, **change})
    first, second = cells.rows()
    assert (first.mcc, first.mnc, first.area, first.cell_id, first.code) == ("452", "04", 30151, 20511, 29)
    assert first != second


def test_the_same_identity_on_another_carrier_is_another_row(cells: Cells) -> None:
    cells.put(GsmCellReport, 0, **PLACE, **VIETTEL)
    cells.put(GsmCellReport, 1, **{**PLACE, "freq_hz": 941.4e6, "arfcn": 32}, **VIETTEL)
    assert [row.channel for row in cells.rows()] == [31, 32]


def test_an_lte_cell_without_a_known_carrier_has_its_place(cells: Cells) -> None:
    cells.put(LteCellReport, 0, status="synchronised", pci=301, offset_hz=200e3, earfcns=[])
    cells.put(LteCellReport, 1, status="identified", pci=301, offset_hz=200e3, earfcns=[])
    cells.put(LteCellReport, 2, status="synchronised", pci=301, offset_hz=-600e3, earfcns=[])
    assert [(row.status, row.reports, row.freq_hz) for row in cells.rows()] == [("identified", 2, None), ("synchronised", 1, None)]


def test_the_page_names_networks_and_says_what_it_does_not_know(cells: Cells) -> None:
    cells.put(GsmCellReport, 0, **PLACE, **VIETTEL)
    cells.put(GsmCellReport, 1, **{**PLACE, "freq_hz": 941.8e6}, **{**VIETTEL, "mcc": "456", "mnc": "08"})
    cells.put(GsmCellReport, 2, **{**PLACE, "freq_hz": 942.6e6}, **{**VIETTEL, "mcc": "999", "mnc": "99"})
    cells.put(LteCellReport, 3, status="synchronised", pci=301, offset_hz=0.0, earfcns=[])
    rows = cell_rows(cells.rows())
    assert [row["plmn"] for row in rows] == ["452-04", "456-08", "999-99", "—"]
    assert rows[0]["network"] == "Viettel"
    assert "Campuchia / Cambodia" in rows[1]["network"]
    assert "chưa biết / unknown" in rows[2]["network"]
    assert (rows[0]["code"], rows[3]["code"], rows[3]["freq"]) == ("29 (3-5)", "301", "—")
