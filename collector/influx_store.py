"""The one door to ``influxdb_client``: writes lines, asks Flux, makes buckets; says which failures may pass and which never will."""

from __future__ import annotations

import contextlib
import csv
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from influxdb_client import BucketRetentionRules, Dialect, InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from collector.errors import CollectorError
from collector.influx_settings import InfluxSettings

TIMEOUT_MS: Final = 10_000
_NEVER: Final = frozenset({400, 413, 422})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SAID_CHARS: Final = 300
Param = str | int | Sequence[str]


class InfluxError(CollectorError):
    """InfluxDB did not do what it was asked; it may later."""

    def __init__(self, url: str, why: str, *, status: int = 0) -> None:
        """``status`` 0: there was no answer."""
        super().__init__(f"InfluxDB at {url}: {why}")
        self.status = status


class InfluxRefusedError(InfluxError):
    """InfluxDB will never take these points as they are."""


class InfluxDoor:
    """One InfluxDB; several threads may write at once. A token replaced in its file is taken up at the next failure of its kind."""

    def __init__(self, settings: InfluxSettings, *, timeout_ms: int = TIMEOUT_MS) -> None:
        """Connect to nothing yet.

        Raises:
            MisuseError: there is no token that can be used.
        """
        self.settings = settings
        self._timeout_ms = timeout_ms
        self._idle = threading.Condition()
        self._busy = 0
        self._client = self._connected()

    def write(self, bucket: str, lines: Sequence[str]) -> None:
        """Return when InfluxDB has confirmed ``lines``.

        Raises:
            InfluxRefusedError: one of them or more can never be taken.
            InfluxError: it may work later.
        """
        with self._failures(), self._at_work():
            self._writing.write(bucket=bucket, record="\n".join(lines))

    def ask(self, flux: str, params: Mapping[str, Param]) -> list[dict[str, Any]]:
        """Return the rows of ``flux``. What people and stations name goes in as ``params`` alone, never as text of the query.

        Raises:
            InfluxError: there was no answer.
        """
        with self._failures():
            stream = self._client.query_api().query_stream(flux, params=dict(params))
            return [record.values for record in stream]

    def table(self, flux: str, params: Mapping[str, Param], columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield ``columns`` (two or more) of the rows of ``flux`` as plain text, many times quicker than ``ask``.

        Raises:
            InfluxError: there was no answer, or it broke off.
        """
        with self._failures():
            dialect = Dialect(header=True, annotations=[], date_time_format="RFC3339")
            answer = self._client.query_api().query_raw(flux, dialect=dialect, params=dict(params))
            answer.auto_close = False  # at its end it would be closed before its last rows are read out of the buffer
            rows = csv.reader(io.TextIOWrapper(answer, encoding="utf-8", newline=""))
            for header in rows:  # an answer is tables, each with its header, and an empty line between two
                if not header:
                    continue
                if "error" in header and "reference" in header:
                    raise InfluxError(self.settings.url, f"the answer broke off: {' '.join(next(rows, []))[:_SAID_CHARS]}")
                chosen = itemgetter(*(header.index(name) if name in header else -1 for name in columns))
                for row in rows:
                    if not row:
                        break
                    row.append("")  # what a table has no column of
                    yield chosen(row)

    def make_buckets(self) -> None:
        """Make the buckets that are absent, with their retention. A token that may write only finds them made by somebody else.

        Raises:
            InfluxError: they are absent and cannot be made.
        """
        with self._failures():
            api = self._client.buckets_api()
            there = {bucket.name for bucket in api.find_buckets_iter()}
            for name, days in self.settings.buckets.items():
                if name not in there:
                    api.create_bucket(
                        bucket_name=name,
                        retention_rules=BucketRetentionRules(type="expire", every_seconds=days * 86_400),
                        org=self.settings.org,
                    )

    def clear(self, bucket: str) -> None:
        """Delete every point of ``bucket``.

        Raises:
            InfluxError: it could not.
        """
        with self._failures():
            self._client.delete_api().delete(_EPOCH, _EPOCH + timedelta(days=106_000), "", bucket=bucket, org=self.settings.org)

    def renew(self) -> None:
        """Connect anew, with the token as it is now.

        Raises:
            MisuseError: there is no token that can be used.
        """
        with self._idle:
            self._idle.wait_for(lambda: not self._busy)  # a write of another thread ends before its connection does
            old, self._client = self._client, self._connected()
            old.close()

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def _connected(self) -> InfluxDBClient:
        token = self.settings.token()
        client = InfluxDBClient(url=self.settings.url, token=token, org=self.settings.org, timeout=self._timeout_ms, enable_gzip=False)
        self._writing = client.write_api(write_options=SYNCHRONOUS)
        return client

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._idle:
            self._busy += 1
        try:
            yield
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn the client's errors into ours. Its own texts hold headers; only status and the server's message are said."""
        url = self.settings.url
        try:
            yield
        except ApiException as error:
            status = int(error.status or 0)
            why = f"{status} {_message(error)}"
            raise (InfluxRefusedError if status in _NEVER else InfluxError)(url, why, status=status) from None
        except (HTTPError, OSError) as error:
            raise InfluxError(url, f"no answer ({type(error).__name__})") from None


def _message(error: ApiException) -> str:
    body = error.body if isinstance(error.body, str) else (error.body or b"").decode("utf-8", "replace")
    import json

    with contextlib.suppress(ValueError, TypeError, AttributeError):
        body = str(json.loads(body).get("message", body))
    return " ".join(body.split())[:_SAID_CHARS] or str(error.reason)
