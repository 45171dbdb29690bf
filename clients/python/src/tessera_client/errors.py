"""Exceptions of this package. `code` is the stable code of the interface; messages may change, codes do not."""

from __future__ import annotations

from typing import Any

import httpx


class TesseraError(Exception):
    """The base of all exceptions of this package."""

    code = "error"


class Problem(TesseraError):
    """The gateway's refusal of a request (RFC 9457): `code`, `status`, `detail`, and `errors` with positions."""

    def __init__(self, status: int, code: str, detail: str, members: dict[str, Any] | None = None) -> None:
        super().__init__(f"{detail} ({code}, HTTP status {status})")
        self.status, self.code, self.detail = status, code, detail
        self.members: dict[str, Any] = members or {}

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Places in the request that are wrong, each with `pointer` and `detail`."""
        found = self.members.get("errors", [])
        return found if isinstance(found, list) else []

    @classmethod
    def of(cls, response: httpx.Response) -> Problem:
        """The problem in a response whose body has been read; any other error answer is described by its status."""
        try:
            members = response.json()
        except ValueError:
            members = None
        if not isinstance(members, dict):
            members = {}
        code = str(members.get("code", f"http-{response.status_code}"))
        detail = str(members.get("detail") or members.get("title") or response.reason_phrase or "The request failed.")
        return cls(response.status_code, code, detail, members)


class ConnectionLost(TesseraError):
    """The gateway could not be reached for the whole of the client's patience."""

    code = "connection-lost"


class ImageFailed(TesseraError):
    """An image has no result. `code` is that of the failure or of the refused upload."""

    def __init__(self, name: str, code: str, reason: str, output_tail: str | None = None) -> None:
        super().__init__(f"{name}: {reason} ({code})")
        self.name, self.code, self.reason, self.output_tail = name, code, reason, output_tail


class DigestMismatch(TesseraError):
    """Downloaded bytes are not those of the result's SHA-256."""

    code = "digest-mismatch"
