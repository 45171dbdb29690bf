"""A cluster of real processes on this machine, with a gateway, for the checks of gateway, page and Python client.

Programs are those of `.build/debug` (BIN names another directory). State and logs are in a temporary directory, which
is removed after success. Every process is stopped by its own number.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BIN", ROOT / ".build/debug"))
PROGRAMS = ("tessera-master", "tessera-worker", "tessera-rank", "tessera-web")

Value = TypeVar("Value")
Process = subprocess.Popen[bytes]


def within(seconds: float, what: str, condition: Callable[[], Value]) -> Value:
    """Waits until `condition` gives something; a check fails when it does not."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Response(http.client.HTTPResponse):
    """Passes over interim responses, of which Python's own knows only 100."""

    fp: Any

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 < status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


class Answer:
    """What the gateway answered."""

    def __init__(self, response: http.client.HTTPResponse, body: bytes) -> None:
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.status} {self.body[:300]!r}"


class Cluster:
    """A master and workers. Each can be ended and started again, the master at its address."""

    def __init__(self, master_options: Sequence[object] = ()) -> None:
        self.master_options = master_options
        missing = [name for name in PROGRAMS if not (BIN / name).exists()]
        assert not missing, f"{BIN} lacks {', '.join(missing)}: build first, or name another directory as BIN"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tessera-web-check."))
        self.processes: list[Process] = []
        secret = self.directory / "secret"
        secret.write_bytes(base64.b64encode(os.urandom(32)))
        secret.chmod(0o600)
        self.environment = dict(
            os.environ,
            TESSERA_SECRET_FILE=str(secret),
            OMPI_ALLOW_RUN_AS_ROOT="1",
            OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
        )
        self.address = "127.0.0.1:0"
        self.master: Process

    def spawn(self, program: str, *words: object, environment: Mapping[str, str] | None = None) -> Process:
        with open(self.directory / f"{program}.log", "ab") as log:
            process = subprocess.Popen(
                [BIN / program, *map(str, words)],
                env={**self.environment, **(environment or {})},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.processes.append(process)
        return process

    def address_of(self, process: Process, file: pathlib.Path) -> str:
        """The address that a process has written to a file once it serves."""

        def is_written() -> bool:
            assert process.poll() is None, f"a process ended at its start; the logs are in {self.directory}"
            return file.exists() and file.read_text().endswith("\n")

        within(30, f"{file.name} is written; the logs are in {self.directory}", is_written)
        return file.read_text().strip()

    def start_master(self) -> None:
        file = self.directory / "address"
        file.unlink(missing_ok=True)
        state = ("--state-dir", self.directory / "master", "--min-free-bytes", "1M")
        places = ("--listen", self.address, *state, "--address-file", file)
        self.master = self.spawn("tessera-master", *places, *self.master_options)
        self.address = self.environment["TESSERA_MASTER"] = self.address_of(self.master, file)

    def stop_master(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.master.send_signal(how)
        self.master.wait(25)

    def start_worker(self, name: str = "one", slots: int = 1, rank: pathlib.Path | None = None) -> Process:
        program = ("--rank-program", rank) if rank else ()
        return self.spawn("tessera-worker", "--name", name, "--slots", slots, "--ranks", 1, *program)

    def poisonable_rank(self) -> pathlib.Path:
        """A program for workers whose ranks crash at images that `poisoned` has marked."""
        library = BIN / "libtest-poison.so"
        assert library.exists(), f"{library} is missing: build with the tests"
        path = self.directory / "poisonable-rank"
        # The launcher, which becomes mpirun, opens no images.
        path.write_text(
            f"#!/bin/sh\nif [ \"$1\" != --launch ]; then export LD_PRELOAD='{library}'; fi\n"
            f"exec '{BIN / 'tessera-rank'}' \"$@\"\n"
        )
        path.chmod(0o755)
        return path

    def resolver(self, names: Mapping[str, str]) -> dict[str, str]:
        """An environment for a program in which there are these names only (Tests/Resolver), and `connections` knows what it does."""
        library = BIN / "libtest-resolver.so"
        assert library.exists(), f"{library} is missing: build with the tests"
        return {
            "LD_PRELOAD": str(library),
            "TEST_NAMES": ";".join(f"{name}={addresses}" for name, addresses in names.items()),
            "TEST_CONNECTIONS": str(self.directory / "connections"),
        }

    def connections(self) -> list[str]:
        """Addresses and ports to which a program with `resolver` has begun a connection."""
        return (self.directory / "connections").read_text().splitlines()

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Gateway:
    """One process of tessera-web, which can be killed and started again at its address."""

    def __init__(self, cluster: Cluster, *options: object, environment: Mapping[str, str] | None = None) -> None:
        self.cluster, self.options, self.port = cluster, options, 0
        self.environment = environment
        self.process: Process
        self.state = cluster.directory / "web"
        self.link = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Gateway:
        address, link = self.cluster.directory / "web-address", self.cluster.directory / "web-link"
        address.unlink(missing_ok=True)
        places = ("--state-dir", self.state, "--share-dir", os.environ.get("SHARE", ROOT / "share/tessera"))
        files = ("--address-file", address, "--link-file", link, "--log-level", "debug")
        listen = ("--listen", f"127.0.0.1:{self.port}")
        self.process = self.cluster.spawn(
            "tessera-web", *listen, *places, *files, *self.options, environment=self.environment
        )
        self.port = int(self.cluster.address_of(self.process, address).rsplit(":", 1)[1])
        self.link = link.read_text().strip()
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def token(self, role: str, name: str | None = None) -> str:
        words = [
            str(BIN / "tessera-web"),
            "token",
            "create",
            name or role,
            "--role",
            role,
            "--state-dir",
            str(self.state),
        ]
        made = subprocess.run(words, check=True, capture_output=True, text=True)
        return made.stdout.strip()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 60,
    ) -> Answer:
        """One request on a connection of its own. `body` is bytes, or an object that is sent as JSON."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        path = path if path.startswith("/") else f"/api/v1/{path}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.response_class = Response
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def socket(self) -> socket.socket:
        # The last answer of a large upload waits for its digest, of a file that is read again after a restart.
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=180)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def append(
        self, url: str, data: bytes, offset: int, last: bool, token: str, headers: dict[str, str] | None = None
    ) -> Answer:
        fields = {
            "Content-Type": "application/partial-upload",
            "Upload-Offset": str(offset),
            "Upload-Complete": "?1" if last else "?0",
        }
        return self.request("PATCH", url, data, token, {**fields, **(headers or {})})

    def submit(
        self,
        token: str,
        pictures: Sequence[tuple[str, bytes]],
        pipeline: str = "invert",
        key: str | None = None,
        **members: object,
    ) -> int:
        """Promises pictures, sends them, and gives the job's number."""
        images = [{"name": name, "size": len(data)} for name, data in pictures]
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.request("POST", "jobs", {"pipeline": pipeline, "images": images, **members}, token, headers)
        assert answer.status == 201, answer
        for image, (_, data) in zip(answer.json["images"], pictures, strict=True):
            sent = self.append(image["url"], data, 0, True, token)
            assert sent.status in (200, 413, 415), sent
        return int(answer.json["job"])

    def wait_for_job(self, job: int, token: str, seconds: float = 120) -> Any:
        def ended() -> Any:
            answer = self.request("GET", f"jobs/{job}", token=token)
            return answer.status == 200 and answer.json["state"] not in ("open", "running") and answer.json

        return within(seconds, f"job {job} ends", ended)

    def wait_for_workers(self, count: int, token: str) -> None:
        """Waits until the master is reachable, and that many workers are alive."""
        within(30, "the master is reachable", lambda: self.request("GET", "cluster", token=token).json["reachable"])

        def are_alive() -> bool:
            workers = self.request("GET", "workers", token=token).json["items"]
            return len([worker for worker in workers if worker["state"] == "alive"]) >= count

        within(60, "workers are alive", are_alive)


@contextlib.contextmanager
def cluster(
    workers: int = 1,
    options: Sequence[object] = (),
    slots: int = 1,
    is_poisonable: bool = False,
    names: Mapping[str, str] | None = None,
    master_options: Sequence[object] = (),
) -> Iterator[tuple[Cluster, Gateway, str]]:
    """A master, workers, a gateway and an admin's token, until the end of the block.

    With `names` there are these names only for the gateway.
    """
    it = Cluster(master_options)
    try:
        it.start_master()
        rank = it.poisonable_rank() if is_poisonable else None
        for number in range(workers):
            it.start_worker(f"w{number}", slots, rank)
        environment = None if names is None else it.resolver(names)
        gateway = Gateway(it, *options, environment=environment).start()
        admin = gateway.token("admin")
        gateway.wait_for_workers(workers, admin)
        yield it, gateway, admin
    except BaseException:
        it.stop()
        print(f"the logs are in {it.directory}", file=sys.stderr)
        raise
    it.stop()
    shutil.rmtree(it.directory)


def png(width: int, height: int, seed: int = 0, noise: bool = False) -> bytes:
    """A gray picture as a PNG file: stripes, or noise, which does not compress."""
    source = random.Random(seed)
    rows = b"".join(
        b"\0" + (source.randbytes(width) if noise else bytes((x * 3 + y * 5 + seed) & 255 for x in range(width)))
        for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(rows, 0 if noise else 6)
    # A chunk has less than 2 GiB.
    parts = b"".join(chunk(b"IDAT", data[start : start + (1 << 28)]) for start in range(0, len(data), 1 << 28))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + parts + chunk(b"IEND", b"")


def poisoned(data: bytes, effect: str = "crash") -> bytes:
    """A PNG file with a comment at which `poisonable_rank` crashes."""
    body = b"tEXtComment\0tessera-poison:" + effect.encode()
    mark = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    # The signature has 8 bytes, IHDR 25.
    return data[:33] + mark + data[33:]


def submit(
    gateway: Gateway,
    token: str,
    pictures: dict[str, bytes],
    pipeline: str = "invert",
    key: str | None = None,
    **members: object,
) -> int:
    """Promises pictures by name, sends them, and gives the job's number."""
    return gateway.submit(token, list(pictures.items()), pipeline, key, **members)
