"""A master, a worker and a gateway on loopback, in a directory of their own; ended by their own process numbers."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

STARTED_WITHIN_SECONDS = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    def __init__(self, url, token):
        self.url = url
        self.token = token
        self.processes = {}

    @classmethod
    def running(cls, url, token):
        return cls(url, token)

    @classmethod
    @contextlib.contextmanager
    def started(cls, binaries, share, directory, slots=2):
        """The three programs of `binaries`, with the page of `share`."""
        made = cls(f"http://127.0.0.1:{free_port()}", "")
        made.binaries, made.share, made.directory, made.slots = binaries, share, pathlib.Path(directory), slots
        made.master_port = free_port()
        made.secret = made.directory / "secret"
        made.secret.write_bytes(os.urandom(32).hex().encode() + b"\n")
        made.secret.chmod(0o600)
        try:
            made.start_master()
            made.start_worker("one")
            made.start_gateway()
            made.token = made.new_token("tester", "admin")
            yield made
        finally:
            for name in reversed(list(made.processes)):
                made.stop(name)

    def spawn(self, name, *command):
        log = open(self.directory / f"{name}.log", "ab")
        environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        self.processes[name] = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, env=environment)

    def start_master(self):
        self.spawn("master", self.binaries / "tessera-master", "--listen", f"127.0.0.1:{self.master_port}",
                   "--state-dir", self.directory / "state", "--secret-file", self.secret)
        self.until(lambda: self.accepts(self.master_port), "the master listens")

    def start_worker(self, name):
        self.spawn(name, self.binaries / "tessera-worker", "--master", f"127.0.0.1:{self.master_port}", "--secret-file", self.secret,
                   "--name", name, "--slots", str(self.slots), "--ranks", "1")

    def start_gateway(self):
        self.spawn("gateway", self.binaries / "tessera-web", "--listen", self.url.removeprefix("http://"), "--master", f"127.0.0.1:{self.master_port}",
                   "--secret-file", self.secret, "--state-dir", self.directory / "web", "--share-dir", self.share,
                   "--link-file", self.directory / "link")
        self.until(lambda: self.accepts(int(self.url.rsplit(":", 1)[1])), "the gateway listens")

    def new_token(self, name, role):
        """Makes a token by the program's own command."""
        output = subprocess.run([str(self.binaries / "tessera-web"), "token", "create", name, "--role", role, "--state-dir", str(self.directory / "web")],
                                check=True, capture_output=True, text=True).stdout
        return re.search(r"tsw_\S+", output)[0]

    def stop(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def accepts(self, port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def until(self, condition, what):
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while not condition():
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise AssertionError(f"{name} ended: {(self.directory / f'{name}.log').read_text()[-2000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"after {STARTED_WITHIN_SECONDS} s it is not so that {what}")
            time.sleep(0.05)

    def request(self, method, path, body=None):
        """The answer of the API as JSON; `None` for an empty one."""
        data = None if body is None else json.dumps(body).encode()
        address = self.url + (path if path.startswith("/api/") else f"/api/v1{path}")
        request = urllib.request.Request(address, data, {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request) as response:
            text = response.read()
        return json.loads(text) if text else None

    def get(self, path):
        return self.request("GET", path)

    def bytes(self, path):
        request = urllib.request.Request(f"{self.url}/api/v1{path}", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request) as response:
            return response.read()

    def all(self, path):
        """The items of all pages of a list."""
        items = []
        while path:
            page = self.get(path)
            items += page["items"]
            path = page.get("next")
        return items

    def sign_in(self, page):
        page.goto("/")
        page.get_by_label("Token").fill(self.token)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("navigation", name="Views").wait_for()
