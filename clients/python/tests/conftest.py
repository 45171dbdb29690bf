"""A real cluster and a real gateway for the tests, on free ports, stopped by their own process ids.

The programs are those of `.build/debug`; BIN names another directory. Logs are kept after a failure to start.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tessera_client import Tessera

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(os.environ.get("BIN", ROOT / ".build/debug"))
SHARE = Path(os.environ.get("SHARE", ROOT / "share/tessera"))


def within(seconds: float, what: str, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Cluster:
    """A master, a worker and a gateway, which can be killed and started again at the same port."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tessera-python."))
        self.processes: list[subprocess.Popen[bytes]] = []
        secret = self.directory / "secret"
        secret.write_bytes(base64.b64encode(os.urandom(32)))
        secret.chmod(0o600)
        self.environment = {
            **os.environ,
            "TESSERA_SECRET_FILE": str(secret),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        }
        self.port = 0
        self.web: subprocess.Popen[bytes] | None = None

    def spawn(self, program: str, *words: object) -> subprocess.Popen[bytes]:
        with open(self.directory / f"{program}.log", "ab") as log:
            process = subprocess.Popen(
                [BIN / program, *map(str, words)],
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.processes.append(process)
        return process

    def address(self, process: subprocess.Popen[bytes], file: Path) -> str:
        def written() -> bool:
            assert process.poll() is None, f"a process ended at its start; the logs are in {self.directory}"
            return file.exists() and file.read_text().endswith("\n")

        within(30, f"{file.name} is written; the logs are in {self.directory}", written)
        return file.read_text().strip()

    def start(self) -> None:
        file = self.directory / "master-address"
        words = ("--state-dir", self.directory / "master", "--address-file", file, "--min-free-bytes", "1M")
        master = self.spawn("tessera-master", "--listen", "127.0.0.1:0", *words)
        self.environment["TESSERA_MASTER"] = self.address(master, file)
        self.spawn("tessera-worker", "--name", "one", "--slots", "1", "--ranks", "1")
        self.start_gateway()

    def start_gateway(self) -> None:
        file = self.directory / "web-address"
        file.unlink(missing_ok=True)
        words = ("--state-dir", self.directory / "web", "--share-dir", SHARE, "--address-file", file)
        link = ("--link-file", self.directory / "web-link")
        self.web = self.spawn("tessera-web", "--listen", f"127.0.0.1:{self.port}", *words, *link)
        self.port = int(self.address(self.web, file).rsplit(":", 1)[1])

    def kill_gateway(self) -> None:
        assert self.web
        self.web.kill()
        self.web.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def token(self, role: str) -> str:
        words = [
            str(BIN / "tessera-web"),
            "token",
            "create",
            role,
            "--role",
            role,
            "--state-dir",
            str(self.directory / "web"),
        ]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    missing = [
        name
        for name in ("tessera-master", "tessera-worker", "tessera-rank", "tessera-web")
        if not (BIN / name).exists()
    ]
    assert not missing, f"{BIN} lacks {', '.join(missing)}: build first, or name another directory as BIN"
    it = Cluster()
    try:
        it.start()
        yield it
    finally:
        it.stop()


@pytest.fixture(scope="session")
def token(cluster: Cluster) -> str:
    made = cluster.token("submitter")

    def reachable() -> bool:
        answer = httpx.get(f"{cluster.url}/api/v1/workers", headers={"Authorization": f"Bearer {made}"})
        return answer.is_success and any(worker["state"] == "alive" for worker in answer.json()["items"])

    within(60, "a worker is alive", reachable)
    return made


@pytest.fixture
def tessera(cluster: Cluster, token: str) -> Iterator[Tessera]:
    with Tessera(cluster.url, token, patience=60) as it:
        yield it
