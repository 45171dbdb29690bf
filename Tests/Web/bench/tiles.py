"""Tiles of a large result, beside iipsrv on a pyramidal TIFF and `vips crop` of the same PNG file."""

from __future__ import annotations

import http.client
import os
import pathlib
import random
import statistics
import time
import urllib.parse
from collections.abc import Callable

import baselines
from cluster import Gateway, cluster
from pictures import photograph, vips
from table import ROUNDS, keep

SIDE = int(os.environ.get("SIDE", 32_000))
TILE = 512
COUNT = 4 * ROUNDS


def milliseconds(run: Callable[[], object]) -> float:
    start = time.monotonic()
    run()
    return (time.monotonic() - start) * 1000


def place(column: int, row: int) -> str:
    return f"{column * TILE},{row * TILE},{TILE},{TILE}/{TILE},{TILE}/0/default.jpg"


class Viewer:
    """Asks for pictures on one connection, as a browser does."""

    def __init__(self, base: str, token: str | None) -> None:
        address = urllib.parse.urlsplit(base)
        self._connection = http.client.HTTPConnection(address.netloc, timeout=120)
        self._path = address.path
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, picture: str) -> bytes:
        self._connection.request("GET", f"{self._path}/{picture}", headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body


def medians(viewer: Viewer) -> tuple[float, float, float]:
    """Of tiles in rows that nobody has looked at, each followed by the one beside it, and by the same one again."""
    seconds: tuple[list[float], list[float], list[float]] = ([], [], [])
    for row in random.Random(7).sample(range(SIDE // TILE), COUNT):
        first, beside = place(3, row), place(SIDE // TILE // 2, row)
        for tile, taken in zip((first, beside, first), seconds):
            taken.append(milliseconds(lambda: viewer.get(tile)))
    return statistics.median(seconds[0]), statistics.median(seconds[1]), statistics.median(seconds[2])


def result_of(web: Gateway, token: str, file: pathlib.Path) -> tuple[str, bytes]:
    """The place of a large result, a photograph made larger, and its bytes."""
    job = web.submit(token, [(file.name, file.read_bytes())], f"resize width={SIDE} height={SIDE}", options={"encoding": "png"})
    assert web.wait_for_job(job, token, 1800)["state"] == "done"
    return f"{web.url}/iiif/3/{job}.0.result", web.request("GET", f"jobs/{job}/images/0/result", token=token, timeout=600).body


def measure() -> None:
    with cluster(slots=os.cpu_count() or 1) as (it, web, token):
        directory = it.directory / "bench"
        (directory / "files").mkdir(parents=True)
        file = photograph(directory / "photograph.png", SIDE // 16, SIDE // 16)
        base, body = result_of(web, token, file)
        result, pyramid = directory / "result.png", directory / "files/result.tif"
        result.write_bytes(body)
        del body
        conversion = milliseconds(lambda: vips("tiffsave", result, pyramid, "--tile", "--pyramid", "--tile-width", 256, "--tile-height", 256, "--compression", "jpeg", "--Q", 90)) / 1000
        web.restart()
        web.wait_for_workers(1, token)
        ours = medians(Viewer(base, token))
        with baselines.iipsrv(directory) as server:
            theirs = medians(Viewer(f"{server}/iiif/result.tif", None))
        row = SIDE // 2
        crop = milliseconds(lambda: vips("crop", result, directory / "crop.jpg", 3 * TILE, row, TILE, TILE))
        say = lambda values: " / ".join(f"{value:.1f}" for value in values) + " ms"
        keep("08-tiles", f"tile of {TILE} px of a PNG result of {SIDE * SIDE / 1e9:.1f} gigapixels: rows never looked at / the same rows / again, medians", say(ours),
             f"iipsrv: {say(theirs)}, after {conversion:.0f} s for a pyramidal TIFF; `vips crop` of the PNG: {crop:.0f} ms", "150 / 8 / 1 ms",
             all(mine <= goal for mine, goal in zip(ours, (150, 8, 1))))
        far = Viewer(base, token)
        first, again = (milliseconds(lambda: far.get(f"full/{TILE * 2},/0/default.jpg")) for _ in range(2))
        keep("09-overview", f"the whole of it in {TILE * 2} px, at first / again", f"{first / 1000:.1f} s / {again:.0f} ms", f"that pyramidal TIFF: {conversion:.0f} s", "1 x", first / 1000 <= conversion)
