"""The gateway's event stream (server-sent events), resumed after a lost connection or a restarted gateway."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from .errors import ConnectionLost
from .transport import Transport, checked

# The gateway sends a comment each 15 seconds; after three of them are missed the connection is taken for lost.
SILENCE_SECONDS = 45.0


@dataclass(frozen=True)
class Event:
    """The newest state of one thing. `gap` means that changes were missed: read the snapshots again."""

    kind: str
    data: dict[str, Any]
    id: str


def parse(lines: Iterator[str]) -> Iterator[Event]:
    """Events from the lines of a stream; an unfinished event at its end is dropped, as the standard demands."""
    kind, number = "", ""
    data: list[str] = []
    for line in lines:
        if line == "":
            if kind and data:
                yield Event(kind, json.loads("\n".join(data)), number)
            kind, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            kind = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            number = value


def stream(transport: Transport, topics: str, stop: threading.Event | None = None) -> Iterator[Event]:
    """Events without an end. Each event renews the client's patience with a gateway that is away."""
    last: str | None = None
    waiting = stop or threading.Event()
    while not waiting.is_set():
        response = transport.retry("GET events", lambda: _open(transport, topics, last), stop)  # noqa: B023
        try:
            for event in parse(response.iter_lines()):
                last = event.id or last
                yield event
                if waiting.is_set():
                    return
        except httpx.TransportError:
            pass
        finally:
            response.close()
        # The stream ended or broke. A gateway that ends each stream at once is not asked in a tight loop.
        waiting.wait(0.1)


def _open(transport: Transport, topics: str, last: str | None) -> httpx.Response:
    headers = {"Accept": "text/event-stream"}
    if last:
        headers["Last-Event-ID"] = last
    timeout = httpx.Timeout(10.0, read=SILENCE_SECONDS)
    request = transport.http.build_request(
        "GET", transport.path("events"), params={"topics": topics}, headers=headers, timeout=timeout
    )
    response = transport.http.send(request, stream=True)
    try:
        checked(response)
        if "text/event-stream" not in response.headers.get("Content-Type", ""):
            raise ConnectionLost(
                f"{transport.base} answered events as {response.headers.get('Content-Type')!r}: is it a gateway?"
            )
    except BaseException:
        response.close()
        raise
    return response
