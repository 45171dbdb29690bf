"""Originals that no browser decodes as a whole are shown by tiles, turned as the pipeline turns them, and compared to the pixel."""

import os
import pathlib
import re
import struct
import zlib

import cluster as clusters
import pictures
import pytest
from jobs import ended, submit
from screenshots import ROOT
from visited import Visited

OUT = pathlib.Path(os.environ.get("OUT", ROOT / ".build/web-pictures"))
# More than the gateway makes pictures of where a file has no parts.
WIDTH, HEIGHT = 14_600, 14_000
SAMPLE = 48

# The rows and columns right of the middle of a pane, at a share of the canvas' width, when what is to be drawn is drawn.
MIDDLE = """async ([share, width, height]) => {
  for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
  const canvas = document.querySelector(".viewer-canvas");
  const data = canvas.getContext("2d").getImageData(Math.round(canvas.width * share), Math.round(canvas.height / 2), width, height).data;
  return [...data].filter((_, index) => index % 4 < 3);
}"""
LARGEST = """() => {
  const canvas = document.querySelector(".viewer-canvas");
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.reduce((most, value, index) => index % 4 < 3 ? Math.max(most, value) : most, 0);
}"""


@pytest.fixture(scope="session")
def cluster():
    with clusters.cluster(workers=1) as (it, gateway, token):
        yield Visited(gateway.url, token, it)


def tiff(width, height):
    """An RGB picture in a TIFF file of one strip, and the colour of a pixel of it."""
    def color(x, y):
        return bytes((x % 256, y % 256, (x * y) % 251))

    pixels = b"".join(color(x, y) for y in range(height) for x in range(width))
    entries = [(256, 3, width), (257, 3, height), (258, 3, 8), (259, 3, 1), (262, 3, 2), (273, 4, 8), (277, 3, 3),
               (278, 3, height), (279, 4, len(pixels))]
    # Three samples of 8 bits: their list is behind the directory.
    place = 8 + len(pixels) + len(pixels) % 2
    behind = place + 2 + 12 * len(entries) + 4
    entries[2] = (258, 3, behind)
    directory = b"".join(struct.pack("<HHII", tag, kind, 3 if tag == 258 else 1, value) for tag, kind, value in entries)
    file = struct.pack("<2sHI", b"II", 42, place) + pixels + b"\0" * (len(pixels) % 2)
    return file + struct.pack("<H", len(entries)) + directory + b"\0" * 4 + struct.pack("<3H", 8, 8, 8), color


def write_plain(path, width, height):
    """Writes an RGB picture that decodes only from its start."""
    squeeze = zlib.compressobj(1)
    row = b"\0" + bytes(range(255)) * (3 * width // 255) + bytes(3 * width % 255)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        for _ in range(height):
            if data := squeeze.compress(row):
                file.write(chunk(b"IDAT", data))
        file.write(chunk(b"IDAT", squeeze.flush()) + chunk(b"IEND", b""))


def side_by_side(page, job, x, y):
    """Shows both at 100 %, the point in the middle of each."""
    page.goto(f"/jobs/{job}/0#{x},{y},100")
    both = page.get_by_role("button", name="Side by side")
    clusters.within(30, "both can be compared", both.is_enabled)
    both.click()


def middles(page):
    return [page.evaluate(MIDDLE, [share, SAMPLE, 4]) for share in (0.25, 0.75)]


def test_a_large_original_is_compared_with_its_result_to_the_pixel(visit, cluster):
    # A file of the cluster's own has parts.
    made = submit(cluster, f"resize width={WIDTH} height={HEIGHT}", [("small.png", pictures.png(365, 350, 5))])
    assert ended(cluster, made, 300)["state"] == "done"
    original = cluster.bytes(f"/jobs/{made}/images/0/result")
    job = submit(cluster, "rotate degrees=90", [("large.png", original)])
    assert ended(cluster, job, 300)["state"] == "done"
    file = f"/api/v1/jobs/{job}/images/0/result"

    def read(offset, count):
        return cluster.answer("GET", file, headers={"Range": f"bytes={offset}-{offset + count - 1}"}).body

    x, y = 9_000, 11_000
    rows, start = pictures.rows_of(read, y, y + 4)
    expected = [value for row in rows[y - start:y - start + 4] for value in row[3 * x:3 * (x + SAMPLE)]]
    page = visit.page(visit.context(viewport={"width": 1280, "height": 800}))
    asked = []
    page.on("request", lambda request: asked.append(request.url) if ".source/" in request.url else None)
    side_by_side(page, job, x, y)
    clusters.within(60, "original and result are exact", lambda: middles(page) == [expected, expected])
    page.keyboard.press("d")
    clusters.within(60, "nothing differs", lambda: page.evaluate(LARGEST) == 0)
    page.keyboard.press("c")
    clusters.within(30, "something is seen again", lambda: page.evaluate(LARGEST) > 100)
    # Beside the curtain's handle.
    page.locator(".viewer-canvas").hover(position={"x": 100, "y": 100})
    told = page.get_by_label("Pixel under the pointer")
    clusters.within(30, "pixels of both are read", lambda: re.search(r" (\d+ \d+ \d+) → \1$", told.text_content() or ""))
    assert len(asked) == len(set(asked)), "something was asked for twice"
    assert page.locator(".viewer-status").text_content() == ""
    OUT.mkdir(parents=True, exist_ok=True)
    page.keyboard.press("0")

    def has_colours():
        parts = [page.evaluate(MIDDLE, [share, SAMPLE, 4]) for share in (0.35, 0.65)]
        # The hatching of what is missing is gray.
        return all(part[place] != part[place + 1] or part[place] != part[place + 2] for part in parts for place in (0, 72))

    clusters.within(60, "both are seen from afar", has_colours)
    page.screenshot(path=OUT / "large-original.png")


def test_an_original_that_can_only_be_read_from_its_start_says_why_it_is_not_shown(visit, cluster, tmp_path):
    visit.expected += ["status of 413"]
    plain = tmp_path / "plain.png"
    write_plain(plain, WIDTH, HEIGHT)
    job = submit(cluster, "crop width=300 height=200", [("plain.png", plain.read_bytes())])
    assert ended(cluster, job, 300)["state"] == "done"
    page = visit.page(visit.context())
    page.goto(f"/jobs/{job}/0")
    note = page.locator(".viewer-status").get_by_role("alert")
    note.wait_for()
    print(note.text_content())
    assert re.match(r"The original is not shown: it has 204 Mpx, and no parts .*; to compare, download both\.$", note.text_content())
    # The result is shown all the same.
    page.get_by_role("img", name=re.compile("300 by 200 pixels")).wait_for()


def test_a_tiff_original_is_shown_to_the_pixel(visit, cluster):
    width, height = 700, 500
    file, color = tiff(width, height)
    job = submit(cluster, "flip axis=horizontal", [("slide.tif", file)])
    assert ended(cluster, job)["state"] == "done"
    page = visit.page(visit.context(viewport={"width": 1280, "height": 800}))
    x, y = 300, 200
    side_by_side(page, job, x, y)
    expected = [value for down in range(4) for across in range(SAMPLE) for value in color(width - 1 - (x + across), y + down)]
    clusters.within(30, "original and result are exact", lambda: middles(page) == [expected, expected])
    assert page.locator(".viewer-status").text_content() == ""
