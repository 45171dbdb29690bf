"""Resumable uploads: appends of bounded size, continued at the offset that the gateway has stored."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from .errors import ImageFailed, Problem
from .transport import Transport

READ_BYTES = 256 << 10
APPEND_BYTES = 16 << 20


class Source:
    """The bytes of one image: a file, which is read as it is sent, or bytes in memory."""

    def __init__(self, name: str, content: Path | bytes) -> None:
        self.name, self.content = name, content
        self.size = len(content) if isinstance(content, bytes) else content.stat().st_size

    def open(self) -> BinaryIO:
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")

    def read(self, offset: int, count: int) -> Iterator[bytes]:
        with self.open() as file:
            file.seek(offset)
            while count > 0:
                data = file.read(min(READ_BYTES, count))
                if not data:
                    # The request's length was announced: a shorter body must not pass for the whole.
                    raise ImageFailed(self.name, "file-changed", f"the file became shorter than {self.size} bytes")
                count -= len(data)
                yield data


def append_limit(transport: Transport) -> int:
    """Bytes that one append may have, as the gateway says."""
    limits = transport.request("OPTIONS", "uploads").headers.get("Upload-Limit", "")
    for item in limits.split(","):
        key, _, value = item.strip().partition("=")
        if key == "max-append-size" and value.isdigit() and int(value) > 0:
            return min(APPEND_BYTES, int(value))
    return APPEND_BYTES


def send(
    transport: Transport,
    url: str,
    source: Source,
    append_bytes: int,
    stop: threading.Event | None = None,
) -> None:
    """Sends `source` to the upload at `url`, append by append. Each that succeeds renews the client's patience."""
    offset: int | None = 0
    while offset is not None and not (stop and stop.is_set()):
        offset = _advance(transport, url, source, offset, append_bytes, stop)


def _advance(
    transport: Transport, url: str, source: Source, start: int, append_bytes: int, stop: threading.Event | None
) -> int | None:
    """One append from `start`, with retries: after any trouble the gateway is asked what it has."""
    first = True

    def attempt() -> int | None:
        nonlocal first
        if not first:
            stored = _stored(transport, url, source)
            if stored != start:
                return stored
        first = False
        return _append(transport, url, source, start, append_bytes)

    return transport.retry(f"upload of {source.name}", attempt, stop)


def _append(transport: Transport, url: str, source: Source, offset: int, append_bytes: int) -> int | None:
    """One append; gives the new offset, or None when all bytes are stored."""
    count = min(append_bytes, source.size - offset)
    last = offset + count == source.size
    headers = {
        "Content-Type": "application/partial-upload",
        "Content-Length": str(count),
        "Upload-Offset": str(offset),
        "Upload-Complete": "?1" if last else "?0",
    }
    try:
        response = transport.once("PATCH", url, content=source.read(offset, count), headers=headers)
    except Problem as problem:
        if problem.code in ("mismatching-upload-offset", "wrong-state", "not-an-image", "over-limit"):
            return _stored(transport, url, source, problem)
        raise
    stored = int(response.headers.get("Upload-Offset", offset + count))
    return None if response.headers.get("Upload-Complete") == "?1" or last else stored


def _stored(transport: Transport, url: str, source: Source, problem: Problem | None = None) -> int | None:
    """The offset that the gateway has stored, or None when the upload is complete."""
    try:
        upload: dict[str, Any] = transport.once("GET", url).json()
    except httpx.TransportError:
        raise
    except Problem as gone:
        if gone.status in (404, 410):
            cause = problem or gone
            raise ImageFailed(source.name, cause.code, cause.detail) from gone
        raise
    if upload["state"] == "rejected":
        rejection = upload.get("rejection", {"code": "rejected", "detail": "the gateway refused the file"})
        raise ImageFailed(source.name, rejection["code"], rejection["detail"])
    if problem and problem.code in ("not-an-image", "over-limit"):
        raise ImageFailed(source.name, problem.code, problem.detail)
    return None if upload["complete"] else int(upload["offset"])
