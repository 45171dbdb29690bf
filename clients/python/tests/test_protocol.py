"""What the client puts into its requests, seen by a gateway that answers from a script: no processes, no sockets."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tessera_client import DigestMismatch, Tessera, events, uploads

Answer = httpx.Response | Exception
Scripted = Callable[..., tuple[Tessera, "Script"]]

JOB: dict[str, Any] = {
    "job": 17,
    "state": "open",
    "pipeline": "invert",
    "image_count": 0,
    "images_done": 0,
    "images_failed": 0,
    "tasks_total": 0,
    "tasks_done": 0,
}


class Script:
    """Answers requests one after the other, and keeps them. An answer that is an exception is a lost connection."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self.answers, f"an unexpected request: {request.method} {request.url}"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    monkeypatch.setattr("tessera_client.transport.time.sleep", lambda _: None)

    def make(*answers: Answer) -> tuple[Tessera, Script]:
        script = Script(*answers)
        tessera = Tessera("http://gateway")
        tessera.transport.http = httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(script))
        return tessera, script

    return make


def stream_of(*lines: str) -> httpx.Response:
    return httpx.Response(
        200, headers={"Content-Type": "text/event-stream"}, text="".join(f"{line}\n" for line in lines)
    )


def job_event(number: str, state: str) -> list[str]:
    return [f"id: {number}", "event: job", f"data: {json.dumps({**JOB, 'state': state})}", ""]


def test_a_stream_that_breaks_is_resumed_after_the_last_whole_event(scripted: Scripted) -> None:
    unfinished = ["id: boot-3", "event: job"]
    tessera, script = scripted(
        stream_of(*job_event("boot-1", "open"), *job_event("boot-2", "running"), *unfinished),
        httpx.ReadError("cut"),
        stream_of(*job_event("boot-3", "done")),
    )
    found = events.stream(tessera.transport, "job:17")
    assert [next(found).data["state"] for _ in range(3)] == ["open", "running", "done"]
    assert [request.headers.get("Last-Event-ID") for request in script.requests] == [None, "boot-2", "boot-2"]


def test_a_submission_whose_answer_was_lost_is_repeated_with_its_key(scripted: Scripted) -> None:
    made = httpx.Response(201, json={**JOB, "images": [{"name": "a", "url": "/api/v1/uploads/x"}]})
    tessera, script = scripted(httpx.ReadError("cut"), made, made)
    source = uploads.Source("a", b"bytes")
    tessera._promise("invert", [source], 0, {}, "when-complete")
    tessera._promise("invert", [source], 0, {}, "when-complete")
    lost, repeated, other = [request.headers["Idempotency-Key"] for request in script.requests]
    assert lost == repeated, "the repeated request would make a second job"
    assert other != lost, "another submission of the same would be taken for a repeated one"
    assert len(lost) >= 32
    assert script.requests[0].content == script.requests[1].content


def appended(offset: int, complete: bool) -> httpx.Response:
    fields = {"Upload-Offset": str(offset), "Upload-Complete": "?1" if complete else "?0"}
    return httpx.Response(200 if complete else 204, headers=fields)


def test_an_upload_continues_where_the_gateway_has_stored_it(scripted: Scripted) -> None:
    data = bytes(range(100))
    # The first append is stored in part, the second is cut, and the third is answered with the right offset.
    tessera, script = scripted(
        appended(25, False),
        httpx.WriteError("cut"),
        httpx.Response(200, json={"state": "receiving", "complete": False, "offset": 33}),
        httpx.Response(409, json={"code": "mismatching-upload-offset"}),
        httpx.Response(200, json={"state": "receiving", "complete": False, "offset": 60}),
        appended(100, True),
    )
    uploads.send(tessera.transport, "/api/v1/uploads/x", uploads.Source("a", data), append_bytes=40)
    appends = [request for request in script.requests if request.method == "PATCH"]
    offsets = [int(request.headers["Upload-Offset"]) for request in appends]
    assert offsets == [0, 25, 33, 60]
    for request, offset in zip(appends, offsets, strict=True):
        assert request.content == data[offset : offset + 40]
        assert request.headers["Upload-Complete"] == ("?1" if offset == 60 else "?0")


# A part is written when 256 KiB of it have arrived.
PART = 1 << 18
RESULT = b"the bytes of a result" * 20_000
TAG = hashlib.sha256(RESULT).hexdigest()
DIGEST = base64.b64encode(hashlib.sha256(RESULT).digest()).decode()
FIELDS = {"Content-Type": "image/png", "ETag": f'"{TAG}"', "Repr-Digest": f"sha-256=:{DIGEST}:"}


class Body(httpx.SyncByteStream):
    """A body that is read as it arrives, and may break off."""

    def __init__(self, data: bytes, *, is_cut: bool = False) -> None:
        self.data, self.is_cut = data, is_cut

    def __iter__(self) -> Iterator[bytes]:
        yield self.data
        if self.is_cut:
            raise httpx.ReadError("cut")


def test_a_result_whose_bytes_have_another_digest_is_refused(scripted: Scripted, tmp_path: Path) -> None:
    changed = httpx.Response(200, headers=FIELDS, stream=Body(b"#" + RESULT[1:]))
    tessera, _ = scripted(httpx.Response(200, json=JOB), changed)
    with pytest.raises(DigestMismatch, match="download it again"):
        tessera.job(17).fetch(tmp_path / "result.png")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_continues_only_in_the_same_file(scripted: Scripted) -> None:
    tessera, script = scripted(
        httpx.Response(200, json=JOB),
        httpx.Response(200, headers=FIELDS, stream=Body(RESULT[:PART], is_cut=True)),
        httpx.Response(206, headers=FIELDS, stream=Body(RESULT[PART:])),
    )
    assert tessera.job(17).result().data == RESULT
    assert script.requests[2].headers["Range"] == f"bytes={PART}-"
    assert script.requests[2].headers["If-Range"] == f'"{TAG}"'
