#!/usr/bin/env python3
"""How fast the gateway is, beside nginx where nginx does the same: `make bench-web`, on a machine that does nothing else.

    BIN=.build/release SIZE_MB=1024 FILES=1000 JOBS=1000 READERS=500 ROUNDS=5 SIDE=32768 Tests/Web/bench.py [ROW ...]

ROW is transfers, lists, readers or tiles; all without one.

Prints a table in Markdown. nginx (Debian's nginx-full) stores by PUT, without a digest and without syncing, and sends without
sendfile. A row whose baseline is not installed says so. Medians of ROUNDS.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from cluster import Gateway, cluster, png, within

SIZE = int(os.environ.get("SIZE_MB", 1024)) << 20
FILES, JOBS, READERS, ROUNDS = (int(os.environ.get(name, value)) for name, value in (("FILES", 1000), ("JOBS", 1000), ("READERS", 500), ("ROUNDS", 5)))
# Of the image of which tiles are shown.
SIDE = int(os.environ.get("SIDE", 32768))
rows: list[tuple[str, str, str]] = []


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def nginx(directory: pathlib.Path) -> Iterator[str | None]:
    """The address of an nginx that stores and serves files below `directory`; `None` where it is not installed."""
    program = shutil.which("nginx")
    if not program:
        yield None
        return
    port = free_port()
    (directory / "files").mkdir(parents=True)
    settings = directory / "nginx.conf"
    settings.write_text(f"""
        user root; worker_processes 1; daemon off; pid {directory}/pid; error_log {directory}/error.log;
        events {{}}
        http {{
            access_log off; client_max_body_size 0; sendfile off; client_body_temp_path {directory}/body;
            server {{ listen 127.0.0.1:{port}; location / {{ root {directory}/files; dav_methods PUT; }} }}
        }}""")
    process = subprocess.Popen([program, "-e", f"{directory}/error.log", "-c", settings])
    try:
        within(10, "nginx listens", lambda: listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def listens(port: int) -> bool:
    with contextlib.closing(socket.socket()) as peer:
        return peer.connect_ex(("127.0.0.1", port)) == 0


def curl(*words: object) -> None:
    subprocess.run(["curl", "-sSf", "-o", "/dev/null", *map(str, words)], check=True)


def timed(run: Callable[[], object]) -> float:
    """The median of the seconds that `run` takes."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.monotonic()
        run()
        seconds.append(time.monotonic() - start)
    return statistics.median(seconds)


def resident(process: int) -> int:
    """Bytes of memory of a process now."""
    return int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak(process: int) -> int:
    """Bytes of memory that a process has had at most."""
    line = next(line for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


def row(what: str, ours: str, baseline: str) -> None:
    rows.append((what, ours, baseline))
    print(f"| {what} | {ours} | {baseline} |", flush=True)


def per_second(seconds: float, byte_count: int = SIZE) -> str:
    return f"{byte_count / seconds / 1e6:,.0f} MB/s"


def promised(web: Gateway, token: str, sizes: list[int]) -> list[str]:
    """The addresses of promised uploads of a job that is never sealed."""
    images = [{"name": f"{n}.png", "size": size} for n, size in enumerate(sizes)]
    made = web.request("POST", "jobs", {"pipeline": "", "images": images, "seal": "never"}, token)
    assert made.status == 201, made
    return [web.url + image["url"] for image in made.json["images"]]


def transfers(web: Gateway, token: str, directory: pathlib.Path, server: str | None) -> None:
    """One large file, and many of 1 MiB: there and back."""
    side = int(SIZE**0.5)
    file = directory / "large.png"
    file.write_bytes(png(side, SIZE // side, noise=True))
    size = file.stat().st_size
    fields = ["-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/partial-upload", "-H", "Upload-Complete: ?1"]
    send = ["-X", "PATCH", *fields, "-H", "Upload-Offset: 0", "-T"]
    ours = timed(lambda: curl(*send, file, promised(web, token, [size])[0]))
    theirs = per_second(timed(lambda: curl("-T", file, f"{server}/large")), size) if server else "not measured: no nginx"
    row(f"upload of {size >> 20} MiB, with digest and sync", f"{per_second(ours, size)}, {peak(web.process.pid) >> 20} MiB of memory", theirs)

    small = directory / "small.png"
    small.write_bytes(png(1024, 1023, 1, noise=True))
    count = small.stat().st_size

    def many(addresses: list[str], words: list[object]) -> None:
        config = "".join(f'url = "{address}"\nupload-file = "{small}"\noutput = "/dev/null"\n' for address in addresses)
        subprocess.run(["curl", "-sSf", *map(str, words), "-K", "-"], input=config.encode(), check=True)

    ours = timed(lambda: many(promised(web, token, [count] * FILES), ["-X", "PATCH", *fields, "-H", "Upload-Offset: 0"]))
    theirs = per_second(timed(lambda: many([f"{server}/{n}" for n in range(FILES)], [])), count * FILES) if server else "not measured: no nginx"
    row(f"{FILES} uploads of 1 MiB, on one connection", per_second(ours, count * FILES), theirs)

    job = web.request("POST", "jobs", {"pipeline": "", "images": [{"name": "large.png", "size": size}]}, token).json
    curl(*send, file, web.url + job["images"][0]["url"])
    assert web.wait_for_job(job["job"], token, 600)["state"] == "done"
    result = f"{web.url}/api/v1/jobs/{job['job']}/images/0/result"
    if server:
        (directory / "files/result").write_bytes(web.request("GET", result.removeprefix(web.url), token=token, timeout=600).body)
    before = resident(web.process.pid)
    ours = timed(lambda: curl(*fields[:2], result))
    theirs = per_second(timed(lambda: curl(f"{server}/result")), size) if server else "not measured: no nginx"
    row(f"download of {size >> 20} MiB", f"{per_second(ours, size)}, {(resident(web.process.pid) - before) >> 20:+} MiB of memory", theirs)


def lists(web: Gateway, token: str) -> None:
    """Pages of a list of many jobs."""
    for number in range(JOBS):
        web.submit(token, [("a.png", png(8, 8, number % 7))], key=f"bench-{number}")
    page = "jobs?limit=100"
    seconds = []
    while page:
        start = time.monotonic()
        answer = web.request("GET", page, token=token).json
        seconds.append(time.monotonic() - start)
        page = answer.get("next")
    row(f"`GET /jobs`, 100 of {JOBS} jobs, the slowest page", f"{max(seconds) * 1000:.0f} ms", "")
    if shutil.which("wrk"):
        words = ["wrk", "-t1", "-c8", "-d5s", "-H", f"Authorization: Bearer {token}", f"{web.url}/api/v1/jobs/1"]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        row("`GET /jobs/1`", next(line.split()[1] for line in said.splitlines() if line.startswith("Requests/sec")) + " per second", "")
    else:
        row("`GET /jobs/1`", "not measured: no wrk", "")


def readers(web: Gateway, token: str) -> None:
    """Streams of events that nobody reads."""
    before, streams = resident(web.process.pid), []
    request = f"GET /api/v1/events?topics=jobs,workers HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    for _ in range(READERS):
        peer = web.socket()
        peer.sendall(request.encode())
        assert peer.recv(4096).startswith(b"HTTP/1.1 200")
        streams.append(peer)
    row(f"{READERS} readers of events", f"{(resident(web.process.pid) - before) / READERS / 1024:.0f} KiB each", "not measured: no nchan")
    for peer in streams:
        peer.close()


def milliseconds(seconds: list[float]) -> str:
    return f"p50 {statistics.median(seconds) * 1000:.1f} ms, max {max(seconds) * 1000:.1f} ms"


def tiles(web: Gateway, token: str, directory: pathlib.Path) -> None:
    """Parts of a large PNG result, as viewers of IIIF images ask for them."""
    # Noise that is made larger: its rows compress about as much as those of a photograph.
    job = web.submit(token, [("noise.png", png(SIDE // 16, SIDE // 16, 3, noise=True))], f"resize width={SIDE} height={SIDE}", options={"encoding": "png"})
    assert web.wait_for_job(job, token, 1800)["state"] == "done"
    base, side = f"/iiif/3/{job}.0.result", 512

    def seconds(parameters: str) -> float:
        start = time.monotonic()
        answer = web.request("GET", f"{base}/{parameters}/0/default.jpg", token=token, timeout=600)
        assert answer.status == 200, answer
        return time.monotonic() - start

    def tile(x: int, y: int) -> float:
        return seconds(f"{x * side},{y * side},{side},{side}/{side},")

    web.request("GET", f"{base}/info.json", token=token)
    count, chance = SIDE // side, random.Random(1)
    lines = chance.sample(range(count), min(20, count))
    cold = [tile(chance.randrange(count // 2), y) for y in lines]
    beside = [tile(count // 2 + n, lines[-1]) for n in range(min(20, count // 2))]
    again = [tile(count // 2 + n, lines[-1]) for n in range(min(20, count // 2))]
    vips = "not measured: no vips"
    if shutil.which("vips"):
        file, part = directory / "result.png", directory / "part.jpg"
        with open(file, "wb") as target:
            subprocess.run(["curl", "-sSf", "-H", f"Authorization: Bearer {token}", f"{web.url}/api/v1/jobs/{job}/images/0/result"], stdout=target, check=True)
        places = [(chance.randrange(count) * side, y * side) for y in lines[:5]]
        times = []
        for x, y in places:
            start = time.monotonic()
            subprocess.run(["vips", "crop", file, part, str(x), str(y), str(side), str(side)], check=True)
            times.append(time.monotonic() - start)
        vips = f"`vips crop` of the file: {milliseconds(times)}"
        file.unlink()
    what = f"of a PNG result of {SIDE * SIDE / 1e6:,.0f} Mpx"
    row(f"tile of {side} x {side} {what}", milliseconds(cold), vips)
    row("tile beside one that was shown", milliseconds(beside), "")
    row("tile that was shown", milliseconds(again), "")
    row(f"first look from afar {what}", f"{seconds('full/!1000,1000'):.1f} s", "")
    row("tile from afar", milliseconds([seconds(f"{8 * side * n},0,{8 * side},{8 * side}/{side},") for n in range(count // 8)]), f"{peak(web.process.pid) >> 20} MiB of memory of tessera-web at most")


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["transfers", "lists", "readers", "tiles"]
    options = ("--max-connections", str(READERS + 100), "--max-upload-bytes", "64G")
    with cluster(options=options) as (it, web, admin), nginx(it.directory / "nginx") as server:
        print("| what | tessera-web | nginx, or as it says |\n| --- | --- | --- |")
        if "transfers" in chosen:
            transfers(web, admin, it.directory / "nginx", server)
        if "lists" in chosen:
            lists(web, admin)
        if "readers" in chosen:
            readers(web, admin)
        if "tiles" in chosen:
            tiles(web, admin, it.directory)
    print("Not measured, as no program for it is here yet: previews; as the baseline is not there: pyramids, tuspyserver, iipsrv, thumbor.")
