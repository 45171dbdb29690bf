"""A cluster of real processes on this machine, with a gateway, for the checks of the gateway.

Programs are those of `.build/debug` (BIN names another directory). State and logs are in a temporary directory, which is removed
after success. Every process is stopped by its own number.
"""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BIN", ROOT / ".build/debug"))


def within(seconds, what, condition):
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

    def _read_status(self):
        while True:
            version, status, reason = super()._read_status()
            if not 100 < status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Gateway:
    """One process of tessera-web, which can be killed and started again."""

    def __init__(self, cluster, *options):
        self.cluster, self.options, self.process, self.port = cluster, options, None, 0
        self.state = cluster.directory / "web"
        self.link = None

    def start(self):
        address = self.cluster.directory / "web-address"
        link = self.cluster.directory / "web-link"
        address.unlink(missing_ok=True)
        self.process = self.cluster.spawn(
            "tessera-web", "--listen", f"127.0.0.1:{self.port}", "--state-dir", self.state, "--share-dir",
            ROOT / "share/tessera", "--address-file", address, "--link-file", link, "--log-level", "debug", *self.options)
        within(30, "the gateway serves", lambda: address.exists() and address.read_text().endswith("\n")
               or self.process.poll() is not None)
        assert self.process.poll() is None, f"the gateway ended; its log is in {self.cluster.directory}"
        self.port = int(address.read_text().rsplit(":", 1)[1])
        self.link = link.read_text().strip()
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.kill()
        self.start()

    def token(self, role, name=None):
        words = [BIN / "tessera-web", "token", "create", name or role, "--role", role, "--state-dir", self.state]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def request(self, method, path, body=None, token=None, headers=None, timeout=60):
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

    def socket(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def append(self, url, data, offset, last, token, headers=None):
        return self.request("PATCH", url, data, token, {
            "Content-Type": "application/partial-upload", "Upload-Offset": str(offset),
            "Upload-Complete": "?1" if last else "?0", **(headers or {})})

    def wait_for_job(self, job, token, seconds=120):
        def ended():
            answer = self.request("GET", f"jobs/{job}", token=token)
            return answer.status == 200 and answer.json["state"] not in ("open", "running") and answer.json
        return within(seconds, f"job {job} ends", ended)


class Cluster:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tessera-web-check."))
        self.processes = []
        secret = self.directory / "secret"
        secret.write_bytes(base64.b64encode(os.urandom(32)))
        secret.chmod(0o600)
        self.environment = dict(
            os.environ, TESSERA_SECRET_FILE=str(secret), OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        self.address = None
        self.master = None

    def spawn(self, program, *words):
        log = open(self.directory / f"{program}.log", "ab")
        process = subprocess.Popen(
            [BIN / program, *map(str, words)], env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def start_master(self):
        file = self.directory / "address"
        file.unlink(missing_ok=True)
        self.master = self.spawn(
            "tessera-master", "--listen", self.address or "127.0.0.1:0", "--state-dir", self.directory / "master",
            "--address-file", file, "--min-free-bytes", "1M")
        within(30, "the master serves", lambda: file.exists() and file.read_text().endswith("\n"))
        self.address = file.read_text().strip()
        self.environment["TESSERA_MASTER"] = self.address

    def start_worker(self, name="one"):
        return self.spawn("tessera-worker", "--name", name, "--slots", "1", "--ranks", "1")

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def cluster(workers=1, options=()):
    """A master, workers and a gateway, until the end of the block."""
    it = Cluster()
    try:
        it.start_master()
        for number in range(workers):
            it.start_worker(f"w{number}")
        gateway = Gateway(it, *options).start()
        admin = gateway.token("admin")
        within(30, "the master is reachable", lambda: gateway.request("GET", "cluster", token=admin).json["reachable"])
        if workers:
            within(60, "workers are alive", lambda: sum(
                worker["state"] == "alive" for worker in gateway.request("GET", "workers", token=admin).json["items"]
            ) == workers)
        yield it, gateway, admin
    except BaseException:
        it.stop()
        print(f"the logs are in {it.directory}", file=sys.stderr)
        raise
    it.stop()
    shutil.rmtree(it.directory)


def png(width, height, seed=0, noise=False):
    """A gray picture as a PNG file: stripes, or noise, which does not compress."""
    import random
    source = random.Random(seed)
    rows = b"".join(
        b"\0" + (source.randbytes(width) if noise else bytes((x * 3 + y * 5 + seed) & 255 for x in range(width)))
        for y in range(height))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 0 if noise else 6))
            + chunk(b"IEND", b""))


def submit(gateway, token, pictures, pipeline="invert", key=None, **members):
    """Promises pictures (name -> bytes), sends them, and gives the job's number."""
    images = [{"name": name, "size": len(data)} for name, data in pictures.items()]
    headers = {"Idempotency-Key": key} if key else {}
    answer = gateway.request("POST", "jobs", {"pipeline": pipeline, "images": images, **members}, token, headers)
    assert answer.status == 201, answer
    for image, data in zip(answer.json["images"], pictures.values()):
        sent = gateway.append(image["url"], data, 0, True, token)
        assert sent.status in (200, 413, 415), sent
    return answer.json["job"]
