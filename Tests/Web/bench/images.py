"""Small pictures and previews, beside thumbor and nginx."""

from __future__ import annotations

import os
import pathlib
import time
import urllib.request

import baselines
from cluster import Gateway, cluster
from pictures import photograph
from table import ROUNDS, keep, percentile, race

WIDTH, HEIGHT = 6000, 4000
SIDE = 2000


def get(address: str, token: str | None = None) -> bytes:
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def thumbnails(web: Gateway, token: str, directory: pathlib.Path) -> None:
    """Pictures of photographs that neither side has seen: each round has one of its own."""
    files = directory / "files"
    files.mkdir(parents=True)
    names = [photograph(files / f"{n}.jpg", WIDTH, HEIGHT, n).name for n in range(ROUNDS)]
    job = web.submit(token, [(name, (files / name).read_bytes()) for name in names], "", options={"encoding": "jpeg quality=90"})
    assert web.wait_for_job(job, token, 300)["state"] == "done"
    numbers = {image["name"]: image["image"] for image in web.request("GET", f"jobs/{job}/images", token=token).json["items"]}
    for name, number in numbers.items():
        (files / name).write_bytes(web.request("GET", f"jobs/{job}/images/{number}/result", token=token).body)
    turn, sizes = {who: iter(names) for who in ("ours", "thumbor", "nginx")}, {}

    def ours() -> None:
        sizes["ours"] = len(get(f"{web.url}/api/v1/jobs/{job}/images/{numbers[next(turn['ours'])]}/thumbnail?size={SIDE}", token))

    def thumbor() -> None:
        sizes["thumbor"] = len(get(f"{small}/unsafe/fit-in/{SIDE}x{SIDE}/{next(turn['thumbor'])}"))

    def nginx() -> None:
        sizes["nginx"] = len(get(f"{server}/{next(turn['nginx'])}"))

    filtered = f"location / {{ root FILES; image_filter resize {SIDE} {SIDE}; image_filter_buffer 64M; image_filter_jpeg_quality 82; }}"
    with baselines.thumbor(directory) as small, baselines.nginx(directory / "nginx", filtered.replace("FILES", str(files)), ("ngx_http_image_filter_module.so",)) as (server, _):
        mine, theirs = race(ours, thumbor)
        assert theirs is not None
        other, _ = race(nginx)
    kib = {name: size >> 10 for name, size in sizes.items()}
    keep("11-thumbnail", f"JPEG picture of {SIDE:,} px of a result of {WIDTH * HEIGHT // 1_000_000} megapixels, never asked for before",
         f"{mine * 1000:.0f} ms, {kib['ours']} KiB", f"thumbor: {theirs * 1000:.0f} ms, {kib['thumbor']} KiB; nginx image_filter: {other * 1000:.0f} ms, {kib['nginx']} KiB",
         "1 x", theirs / mine >= 1)


def previews(web: Gateway, token: str, directory: pathlib.Path) -> None:
    """A slider that moves: each preview is of another parameter."""
    sent = web.request("POST", "uploads", photograph(directory / "slider.png", 4000, 3000).read_bytes(), token, {"Content-Type": "application/octet-stream"})
    assert sent.status == 200, sent
    seconds = []
    for turn in range(61):
        asked = {"upload": sent.json["upload"], "pipeline": f"gaussian-blur sigma={1 + turn / 10:.1f}", "mode": "region", "region": [1000, 1000, 1024, 1024]}
        start = time.monotonic()
        answer = web.request("POST", "previews", asked, token)
        seconds.append(time.monotonic() - start)
        assert answer.status == 200 and answer.headers["Tessera-Preview"] == "exact", answer
    # The first decodes the file, which people see once.
    slow = percentile(seconds[1:], 0.95) * 1000
    keep("12-preview", "exact preview of 1 megapixel of 12, p95 of 60 that follow the first", f"{slow:.0f} ms; the first {seconds[0] * 1000:.0f} ms", "", "150 ms", slow <= 150)


def measure() -> None:
    with cluster(workers=1, slots=os.cpu_count() or 1) as (it, web, token):
        directory = it.directory / "bench"
        directory.mkdir()
        thumbnails(web, token, directory / "thumbor")
        previews(web, token, directory)
