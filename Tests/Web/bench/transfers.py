"""Uploads and downloads, beside nginx, which neither hashes nor syncs, and beside tuspyserver."""

from __future__ import annotations

import http.client
import os
import pathlib
import subprocess
import urllib.parse
from collections.abc import Sequence

import baselines
from cluster import Gateway, Response, cluster, png
from table import keep, race

SIZE = int(os.environ.get("SIZE_MB", 1024)) << 20
FILES = int(os.environ.get("FILES", 1000))
PIECE = 16 << 20
NGINX = "location / { root FILES; dav_methods PUT; }"


def curl(*words: object) -> None:
    subprocess.run(["curl", "-sSf", "-o", "/dev/null", *map(str, words)], check=True)


def peak(process: int) -> int:
    """MiB of memory that a process has had at most."""
    status = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) >> 10


def rate(byte_count: int, seconds: float) -> str:
    return f"{byte_count / seconds / 1e6:,.0f} MB/s"


def promised(web: Gateway, token: str, sizes: Sequence[int]) -> list[str]:
    """The addresses of promised uploads of a job that is never sealed."""
    images = [{"name": f"{n}.png", "size": size} for n, size in enumerate(sizes)]
    made = web.request("POST", "jobs", {"pipeline": "", "images": images, "seal": "never"}, token)
    assert made.status == 201, made
    return [web.url + image["url"] for image in made.json["images"]]


def authorization(token: str) -> list[str]:
    return ["-H", f"Authorization: Bearer {token}"]


def sending(token: str) -> list[str]:
    """curl's words for a whole file in one PATCH."""
    fields = ["Content-Type: application/partial-upload", "Upload-Complete: ?1", "Upload-Offset: 0"]
    return ["-X", "PATCH", *authorization(token), *(word for field in fields for word in ("-H", field))]


def one_upload(web: Gateway, token: str, directory: pathlib.Path, file: pathlib.Path) -> None:
    size = file.stat().st_size
    with baselines.nginx(directory / "nginx", NGINX) as (server, _):
        ours, theirs = race(
            lambda: curl(*sending(token), "-T", file, promised(web, token, [size])[0]), lambda: curl("-T", file, f"{server}/large"))
    memory = peak(web.process.pid)
    keep("01-upload", f"upload of {size >> 20} MiB, with digest and sync", f"{rate(size, ours)}, at most {memory} MiB of memory",
         f"nginx, without both: {rate(size, theirs)}", "0.7 x, 64 MiB", theirs / ours >= 0.7 and memory <= 64)


def many_uploads(web: Gateway, token: str, directory: pathlib.Path) -> None:
    file = directory / "small.png"
    file.write_bytes(png(1024, 1023, 1, noise=True))
    size = file.stat().st_size

    def send(addresses: Sequence[str], words: Sequence[object]) -> None:
        settings = "".join(f'url = "{address}"\nupload-file = "{file}"\noutput = "/dev/null"\n' for address in addresses)
        subprocess.run(["curl", "-sSf", *map(str, words), "-K", "-"], input=settings.encode(), check=True)

    with baselines.nginx(directory / "nginx", NGINX) as (server, _):
        ours, theirs = race(lambda: send(promised(web, token, [size] * FILES), sending(token)),
                            lambda: send([f"{server}/{n}" for n in range(FILES)], []))
    keep("02-uploads", f"{FILES:,} uploads of 1 MiB on one connection, each with digest and sync", rate(size * FILES, ours),
         f"nginx, without both: {rate(size * FILES, theirs)}", "0.8 x", theirs / ours >= 0.8)


def in_pieces(address: str, file: pathlib.Path, fields: dict[str, str], complete: str | None) -> None:
    """Sends a file in pieces to an upload, on one connection."""
    place = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
    connection.response_class = Response
    size, offset = file.stat().st_size, 0
    with open(file, "rb") as source:
        while piece := source.read(PIECE):
            last = {complete: "?1" if offset + len(piece) == size else "?0"} if complete else {}
            connection.request("PATCH", place.path, piece, {**fields, "Upload-Offset": str(offset), **last})
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (200, 201, 204), answer.status
            offset += len(piece)
    connection.close()


def resumable(web: Gateway, token: str, directory: pathlib.Path, file: pathlib.Path) -> None:
    size = file.stat().st_size
    with baselines.tuspyserver(directory / "tus") as server:
        def theirs() -> None:
            place = urllib.parse.urlsplit(server)
            connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
            connection.request("POST", f"{place.path}/", headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(size)})
            made = connection.getresponse()
            assert made.status == 201, made.read()
            fields = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
            in_pieces(made.headers["Location"], file, fields, None)

        fields = {"Authorization": f"Bearer {token}", "Content-Type": "application/partial-upload"}
        mine, other = race(lambda: in_pieces(promised(web, token, [size])[0], file, fields, "Upload-Complete"), theirs)
    keep("03-resumable", f"resumable upload of {size >> 20} MiB in pieces of 16 MiB", rate(size, mine), f"tuspyserver: {rate(size, other)}",
         "3 x", other / mine >= 3)


def download(web: Gateway, token: str, directory: pathlib.Path, file: pathlib.Path) -> None:
    job = web.submit(token, [(file.name, file.read_bytes())], "", options={"encoding": "png"})
    assert web.wait_for_job(job, token, 600)["state"] == "done"
    path = f"/api/v1/jobs/{job}/images/0/result"
    body = web.request("GET", path, token=token, timeout=600).body
    origin = directory / "origin"
    with baselines.nginx(origin, NGINX) as (server, _):
        (origin / "files/result").write_bytes(body)
        passing = f"location / {{ proxy_pass {server}; proxy_max_temp_file_size 0; }}"
        with baselines.nginx(directory / "proxy", passing) as (proxy, _):
            before = peak(web.process.pid)
            ours, theirs = race(lambda: curl(*authorization(token), web.url + path), lambda: curl(f"{proxy}/result"))
    growth = peak(web.process.pid) - before
    keep("04-download", f"download of a result of {len(body) >> 20} MiB", f"{rate(len(body), ours)}, {growth:+} MiB of memory",
         f"nginx, which passes it on: {rate(len(body), theirs)}", "0.7 x, flat memory", theirs / ours >= 0.7 and growth <= 16)


def measure() -> None:
    with cluster(options=("--max-upload-bytes", "64G")) as (it, web, token):
        directory = it.directory / "bench"
        directory.mkdir()
        file = directory / "large.png"
        side = int(SIZE**0.5)
        file.write_bytes(png(side, SIZE // side, noise=True))
        one_upload(web, token, directory, file)
        many_uploads(web, token, directory)
        resumable(web, token, directory, file)
        download(web, token, directory, file)
