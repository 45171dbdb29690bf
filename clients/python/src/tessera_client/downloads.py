"""Downloads of results: continued by ranges after a lost connection, and compared with their SHA-256."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import secrets
from pathlib import Path
from typing import BinaryIO

from .errors import DigestMismatch
from .transport import Transport, checked


def to_bytes(transport: Transport, path: str) -> tuple[bytes, str]:
    """The file at `path` and its media type."""
    file = io.BytesIO()
    media_type = _download(transport, path, file)
    return file.getvalue(), media_type


def to_file(transport: Transport, path: str, target: Path) -> None:
    """Writes `target` whole or not at all: bytes go to a temporary file beside it, which then takes its name."""
    name = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
    try:
        with open(name, "x+b") as file:
            _download(transport, path, file)
        os.replace(name, target)
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def _download(transport: Transport, path: str, file: BinaryIO) -> str:
    etag, expected = "", ""

    def attempt() -> str:
        nonlocal etag, expected
        have = file.seek(0, io.SEEK_END)
        headers = {"Accept-Encoding": "identity"}
        if have and etag:
            headers |= {"Range": f"bytes={have}-", "If-Range": etag}
        with transport.http.stream("GET", transport.path(path), headers=headers) as response:
            # All bytes were there when the connection broke: there is nothing after them.
            if response.status_code == 416 and have:
                return str(response.headers.get("Content-Type", ""))
            checked(response)
            if response.status_code != 206:
                file.seek(0)
                file.truncate()
            etag = response.headers.get("ETag", "")
            expected = response.headers.get("Repr-Digest", expected)
            for part in response.iter_raw(1 << 18):
                file.write(part)
            return str(response.headers.get("Content-Type", "application/octet-stream"))

    media_type = transport.retry(f"download of {path}", attempt)
    _verify(file, path, expected)
    return media_type


def _verify(file: BinaryIO, path: str, expected: str) -> None:
    field = expected.partition("sha-256=:")[2].partition(":")[0]
    if not field:
        return
    file.seek(0)
    found = base64.b64encode(_sha256(file)).decode()
    if found != field:
        raise DigestMismatch(f"{path} has SHA-256 {found}, not {field} as the gateway says: download it again")


def _sha256(file: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.digest()
