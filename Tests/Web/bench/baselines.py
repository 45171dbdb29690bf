"""The programs that the gateway is measured against: from Debian nginx and iipsrv, from PyPI thumbor and tuspyserver."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator

from cluster import ROOT, within

NGINX_MODULES = pathlib.Path("/usr/lib/nginx/modules")
IIPSRV = pathlib.Path("/usr/lib/iipimage-server/iipsrv.fcgi")
PYTHON = ROOT / ".build/web-baselines/bin/python3"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    with contextlib.closing(socket.socket()) as peer:
        return peer.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def serving(words: list[object], port: int, directory: pathlib.Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens on a port of this machine, until the end of the block; what it prints is in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "log", "ab") as log:
        process = subprocess.Popen([*map(str, words)], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=directory,
                                   env={**os.environ, **environment})
    try:
        within(30, f"{words[0]} listens; its log is {directory}/log", lambda: process.poll() is not None or listens(port))
        assert process.poll() is None, f"{words[0]} ended: {(directory / 'log').read_text()[-2000:]}"
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def nginx(directory: pathlib.Path, locations: str, modules: tuple[str, ...] = ()) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of an nginx with one worker process, which keeps and serves files below `directory`/files."""
    program, port = shutil.which("nginx"), free_port()
    assert program, "nginx is missing: scripts/setup.sh bench-web"
    (directory / "files").mkdir(parents=True, exist_ok=True)
    settings = directory / "nginx.conf"
    load = "".join(f"load_module {NGINX_MODULES / name};\n" for name in modules)
    settings.write_text(f"""{load}
        user root; worker_processes 1; daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
        worker_rlimit_nofile 8192;
        events {{ worker_connections 4096; }}
        http {{
            access_log off; client_max_body_size 0; sendfile off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
            server {{ listen 127.0.0.1:{port}; {locations.replace("FILES", f"{directory}/files")} }}
        }}""")
    with serving([program, "-e", f"{directory}/error.log", "-c", settings], port, directory) as process:
        yield f"http://127.0.0.1:{port}", process


@contextlib.contextmanager
def iipsrv(directory: pathlib.Path) -> Iterator[str]:
    """The address of Debian's iipsrv behind nginx, which shows the TIFF files below `directory`/files."""
    port = free_port()
    environment = {"FILESYSTEM_PREFIX": f"{directory}/files/", "LOGFILE": f"{directory}/iipsrv.log", "VERBOSITY": "0",
                   "MAX_IMAGE_CACHE_SIZE": "256", "MAX_CVT": "65536"}
    with serving([IIPSRV, "--bind", f"127.0.0.1:{port}"], port, directory, **environment):
        passing = f"location ~ ^/iiif/(.*)$ {{ fastcgi_pass 127.0.0.1:{port}; fastcgi_param QUERY_STRING IIIF=$1; fastcgi_param REQUEST_METHOD $request_method; }}"
        with nginx(directory / "nginx", passing) as (address, _):
            yield address


@contextlib.contextmanager
def thumbor(directory: pathlib.Path) -> Iterator[str]:
    """The address of a thumbor that makes pictures of files below `directory`/files small, and keeps none."""
    port = free_port()
    (directory / "files").mkdir(parents=True, exist_ok=True)
    settings = directory / "thumbor.conf"
    settings.write_text(f"LOADER = 'thumbor.loaders.file_loader'\nFILE_LOADER_ROOT_PATH = '{directory}/files'\n"
                        "STORAGE = 'thumbor.storages.no_storage'\nQUALITY = 82\nALLOW_UNSAFE_URL = True\nMAX_SOURCE_SIZE = 0\n")
    with serving([PYTHON.parent / "thumbor", "--ip", "127.0.0.1", "--port", port, "--conf", settings], port, directory):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def tuspyserver(directory: pathlib.Path) -> Iterator[str]:
    """The address at which a tuspyserver takes uploads."""
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tusserver.py").write_text(
        "from fastapi import FastAPI\nfrom tuspyserver import create_tus_router\napp = FastAPI()\n"
        f"app.include_router(create_tus_router(prefix='uploads', files_dir='{directory}/files', max_size=1 << 40))\n")
    (directory / "files").mkdir(exist_ok=True)
    words = [PYTHON, "-m", "uvicorn", "tusserver:app", "--host", "127.0.0.1", "--port", port, "--log-level", "error"]
    with serving(words, port, directory):
        yield f"http://127.0.0.1:{port}/uploads"
