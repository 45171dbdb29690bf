"""Many readers of events while jobs change: what they cost, and how soon they are told, beside nginx with nchan."""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import pathlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

import baselines
from cluster import cluster, png
from table import keep, percentile

READERS = int(os.environ.get("READERS", 1000))
RATE, SECONDS = 100, int(os.environ.get("EVENT_SECONDS", 10))


def cpu(process: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> int:
    """Bytes of memory of a process now."""
    return int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def stream(port: int, request: str) -> socket.socket:
    """A connection whose answer, a stream of events, has begun."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=60)
    peer.sendall(request.encode())
    assert peer.recv(4096).startswith(b"HTTP/1.1 200"), request
    return peer


def drain(port: int, request: str, ready: multiprocessing.connection.Connection) -> None:
    """Opens the streams, and reads what comes until it is ended. Runs in a process of its own."""
    selector = selectors.DefaultSelector()
    for _ in range(READERS):
        peer = stream(port, request)
        peer.setblocking(False)
        selector.register(peer, selectors.EVENT_READ)
    ready.send(True)
    while True:
        for key, _ in selector.select():
            with contextlib.suppress(BlockingIOError):
                if not key.fileobj.recv(1 << 16):  # type: ignore[union-attr]
                    selector.unregister(key.fileobj)


@contextlib.contextmanager
def readers(port: int, request: str) -> Iterator[None]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=drain, args=(port, request, theirs), daemon=True)
    process.start()
    try:
        assert ours.poll(120), "the readers are not connected"
        yield
    finally:
        process.kill()
        process.join()


class Observer(threading.Thread):
    """One more reader, which notes when each number comes."""

    def __init__(self, port: int, request: str, number_of: Callable[[dict], object]) -> None:
        super().__init__(daemon=True)
        self.peer, self.number_of, self.seen = stream(port, request), number_of, {}
        self.start()

    def run(self) -> None:
        text = b""
        with contextlib.suppress(OSError):
            while part := self.peer.recv(1 << 16):
                now, text = time.monotonic(), text + part
                *lines, text = text.split(b"\n")
                for line in lines:
                    if line.startswith(b"data: {"):
                        self.seen.setdefault(self.number_of(json.loads(line[6:])), now)


def pressed(process: int, port: int, request: str, number_of: Callable[[dict], object], change: Callable[[], object]) -> tuple[float, float, float]:
    """Changes at a fixed rate, with all readers: cores used, KiB of memory for each reader, and the p99 of milliseconds from request to event."""
    before = resident(process)
    with readers(port, request):
        each = (resident(process) - before) / READERS / 1024
        observer, sent = Observer(port, request, number_of), {}
        start, used = time.monotonic(), cpu(process)
        for turn in range(RATE * SECONDS):
            time.sleep(max(0.0, start + turn / RATE - time.monotonic()))
            now = time.monotonic()
            sent[change()] = now
        cores = (cpu(process) - used) / (time.monotonic() - start)
        end = time.monotonic() + 30
        while not sent.keys() <= observer.seen.keys():
            assert time.monotonic() < end, f"{len(sent.keys() - observer.seen.keys())} changes were never told"
            time.sleep(0.05)
        observer.peer.close()
    slow = percentile([observer.seen[number] - at for number, at in sent.items()], 0.99) * 1000
    return cores, each, slow


def measure() -> None:
    with cluster(options=("--max-connections", str(READERS + 100), "--log-level", "info")) as (it, web, token):
        first = web.submit(token, [("a.png", png(8, 8))])
        web.wait_for_job(first, token)
        body = json.dumps({"pipeline": "invert", "images": [{"name": "a.png", "source": f"{first}.0"}]})
        fields = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)

        def submit() -> object:
            connection.request("POST", "/api/v1/jobs", body, fields)
            answer = connection.getresponse()
            made = json.loads(answer.read())
            assert answer.status == 201, made
            return made["job"]

        request = f"GET /api/v1/events?topics=jobs,workers HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        cores, each, slow = pressed(web.process.pid, web.port, request, lambda data: data.get("job"), submit)
        changed = web.request("GET", f"jobs/{first}", token=token).body.decode()
        modules = ("ngx_nchan_module.so",)
        places = "location = /pub { nchan_publisher; nchan_channel_id it; } location = /sub { nchan_subscriber eventsource; nchan_channel_id it; }"
        with baselines.nginx(it.directory / "nchan", places, modules) as (server, process):
            port, number = int(server.rsplit(":", 1)[1]), iter(range(1 << 40))
            publisher = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

            def publish() -> object:
                told = next(number)
                publisher.request("POST", "/pub", json.dumps({**json.loads(changed), "job": told}))
                answer = publisher.getresponse()
                answer.read()
                assert answer.status in (200, 201, 202), answer.status
                return told

            request = f"GET /sub HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n"
            theirs = pressed(process.pid, port, request, lambda data: data.get("job"), publish)
    say = lambda cores, each, slow: f"{cores:.2f} cores, {each:.0f} KiB each, p99 {slow:.0f} ms"
    keep("07-events", f"{READERS:,} readers of events, {RATE} jobs submitted per second", say(cores, each, slow), f"nginx with nchan, {RATE} messages: {say(*theirs)}",
         "0.5 cores, 24 KiB, 250 ms", cores <= 0.5 and each <= 24 and slow <= 250)
