"""Requests with retries. Only repeatable requests come here: reads, appends at a stated offset, keyed posts."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

from .errors import ConnectionLost, Problem

T = TypeVar("T")
RETRIED = frozenset({429, 502, 503, 504})
LONGEST_PAUSE_SECONDS = 10.0


class Transport:
    """One gateway, one token, one pool of connections; safe to use from several threads."""

    def __init__(self, url: str, token: str | None, patience: float, connections: int) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.base = httpx.URL(url.rstrip("/"))
        self.patience = patience
        self.http = httpx.Client(
            base_url=self.base,
            headers=headers,
            timeout=httpx.Timeout(60.0, connect=10.0),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    def retry(self, what: str, attempt: Callable[[], T], stop: threading.Event | None = None) -> T:
        """Calls `attempt` until it succeeds, is refused, or `patience` seconds have passed since the first failure."""
        deadline, pause = None, 0.1
        while True:
            asked: float | None = None
            cause: Exception
            try:
                return attempt()
            except httpx.TransportError as error:
                cause = error
            except Problem as error:
                if error.status not in RETRIED:
                    raise
                cause, asked = error, error.members.get("retry_after_seconds")
            now = time.monotonic()
            deadline = deadline or now + self.patience
            # Clients that are told the same delay do not return together.
            wait = asked + random.random() * 0.25 * asked if asked else pause * (0.5 + random.random())
            if now + wait > deadline or (stop and stop.is_set()):
                if isinstance(cause, Problem):
                    raise cause
                message = f"{what}: {self.base} did not answer within {self.patience:g} s ({cause}); raise `patience`"
                raise ConnectionLost(message) from cause
            (stop.wait if stop else time.sleep)(wait)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def once(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, whose response is read to its end. An error answer is raised as `Problem`."""
        return checked(self.http.request(method, self.path(path), **options))

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.retry(f"{method} {path}", lambda: self.once(method, path, **options))

    def json(self, method: str, path: str, **options: Any) -> Any:
        return self.request(method, path, **options).json()

    def pages(self, path: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        page = self.json("GET", path, params={"limit": 500, **(params or {})})
        items: list[dict[str, Any]] = list(page["items"])
        while page.get("next"):
            page = self.json("GET", page["next"])
            items += page["items"]
        return items

    @staticmethod
    def path(path: str) -> str:
        return path if path.startswith("/") else f"/api/v1/{path}"


def checked(response: httpx.Response) -> httpx.Response:
    """The response, or its problem with the pause that the server asks for."""
    if response.is_success:
        return response
    response.read()
    problem = Problem.of(response)
    pause = response.headers.get("Retry-After", "")
    if pause.isdigit():
        problem.members["retry_after_seconds"] = float(pause)
    raise problem
