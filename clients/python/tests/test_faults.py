"""The gateway is killed with SIGKILL in mid-upload and in mid-watch; nothing is lost, and no job is made twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from cluster import Gateway

from tessera_client import Tessera, uploads
from tessera_client.images import encode_array

NOISE = numpy.random.default_rng(3).integers(0, 256, (2048, 4096), numpy.uint8)


def test_an_upload_continues_after_the_gateway_was_killed(
    gateway: Gateway, tessera: Tessera, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode_array(NOISE)
    sent, killed = 0, False
    read = uploads.Source.read

    def fragile(self: uploads.Source, offset: int, count: int) -> Iterator[bytes]:
        nonlocal sent, killed
        for part in read(self, offset, count):
            if not killed and offset + sent > len(data) // 2:
                killed = True
                gateway.kill()
                threading.Thread(target=gateway.start).start()
            sent += len(part)
            yield part

    monkeypatch.setattr(uploads.Source, "read", fragile)
    monkeypatch.setattr(uploads, "APPEND_BYTES", 1 << 20)
    job = tessera.submit("invert", data)
    assert killed
    assert sent <= len(data) + 2 * (1 << 20), "more was sent again than the append that was cut"
    assert numpy.array_equal(job.wait().result().array(), 255 - NOISE)


def test_watch_and_map_continue_after_the_gateway_was_killed(
    gateway: Gateway, tessera: Tessera, tmp_path: Path
) -> None:
    files = []
    for number in range(20):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(encode_array(NOISE[number * 64 : number * 64 + 64]))
    written = []
    for outcome in tessera.map("invert", files, tmp_path / "out", progress=False):
        assert outcome.error is None, outcome.error
        written.append(outcome.source)
        if len(written) == 3:
            gateway.kill()
            gateway.start()
    assert sorted(written) == sorted(files)


def test_a_watch_is_resumed_after_the_gateway_was_killed(gateway: Gateway, tessera: Tessera) -> None:
    job, _ = tessera._promise("invert", [uploads.Source("a.png", encode_array(NOISE[:64]))], 0, {}, "when-complete")
    changes = job.watch()
    assert next(changes)
    gateway.kill()
    gateway.start()
    [upload] = job.uploads()
    uploads.send(tessera.transport, upload["url"], uploads.Source("a.png", encode_array(NOISE[:64])), 1 << 20)
    assert list(changes)[-1].data["state"] == "done"
