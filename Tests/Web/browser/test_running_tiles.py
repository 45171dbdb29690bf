"""An image that is looked at while it is computed by two workers, one of which is killed.

MEGAPIXELS is the size of the image, 400 unless said otherwise.
"""

import json
import math
import os
import pathlib
import threading
import time

import cluster as clusters
import pictures
import pytest
from jobs import ended
from screenshots import ROOT
from visited import Visited

MEGAPIXELS = float(os.environ.get("MEGAPIXELS", 400))
OUT = pathlib.Path(os.environ.get("OUT", ROOT / ".build/web-pictures"))
PIPELINE = "gaussian-blur sigma=3 | unsharp"
# Rows of finished parts, so that a smaller image has as many of them.
CHUNK_BYTES = int(min(16e6, MEGAPIXELS * 3e6 / 24))
SAMPLE = 48
# On a quiet machine. Where others run more processes than there are processors, it takes longer by as much.
LONGEST_SECONDS = max(1, os.getloadavg()[0] / os.cpu_count())

# The canvas at 100 %: a picture's point (x, y) is at round(middle + x - viewport.x). `inPicture` gives a box of pixels there.
SCRIPT = """
() => {
  const canvas = document.querySelector(".viewer-canvas");
  const view = () => location.hash.slice(1).split(",").map(Number);
  window.inPicture = (x, y, width, height) => {
    const [middleX, middleY] = window.lookAt;
    const left = Math.round(canvas.width / 2 - middleX) + x;
    const top = Math.round(canvas.height / 2 - middleY) + y;
    if (left < 0 || top < 0 || left + width > canvas.width || top + height > canvas.height) return null;
    return [...canvas.getContext("2d").getImageData(left, top, width, height).data].filter((_, index) => index % 4 < 3);
  };
  window.lookAt = view().slice(0, 2);
  // Each other picture that is ever seen of a box, and when.
  window.watchBox = (x, y, size) => {
    const seen = [];
    let last = "";
    const step = () => {
      const pixels = window.inPicture(x, y, size, 4);
      const text = String(pixels);
      if (pixels && text !== last) seen.push({ at: Date.now(), pixels });
      last = text;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
    window.seenInBox = seen;
  };
}
"""


@pytest.fixture(scope="session")
def cluster():
    """Two workers of one slot each."""
    with clusters.cluster(workers=2, master_options=("--chunk-bytes", CHUNK_BYTES)) as (it, gateway, token):
        yield Visited(gateway.url, token, it)


class Progress(threading.Thread):
    """Notes the first rows that the master calls finished, and when the job is half done."""

    def __init__(self, cluster, job):
        super().__init__(daemon=True)
        self.cluster, self.job = cluster, job
        self.first, self.half_at = None, None

    def run(self):
        while not self.first:
            known = self.cluster.get(f"/jobs/{self.job}/images/0/rows")
            if known["rows"]:
                self.first = time.time(), known
            time.sleep(0.02)
        while not self.half_at:
            image = self.cluster.get(f"/jobs/{self.job}/images/0")
            if image["tasks_done"] * 2 >= image["tasks_total"]:
                self.half_at = time.time()
            time.sleep(0.1)


def upload(cluster, path):
    """Submits the picture at `path`, which the gateway gets in pieces."""
    size = path.stat().st_size
    made = cluster.request("POST", "/jobs", {"pipeline": PIPELINE, "images": [{"name": "large.png", "size": size}]})
    with open(path, "rb") as file:
        offset = 0
        while data := file.read(16 << 20):
            cluster.answer("PATCH", made["images"][0]["url"], data, {
                "Content-Type": "application/partial-upload", "Upload-Offset": str(offset),
                "Upload-Complete": "?1" if offset + len(data) == size else "?0"})
            offset += len(data)
    return made["job"]


def test_finished_rows_are_seen_as_they_are_in_the_result(visit, cluster, tmp_path):
    # The original is larger than what a browser, or the gateway, shows of files that are not made of parts.
    visit.expected += ["status of 413", "status of 415"]
    side = int(math.sqrt(MEGAPIXELS * 1e6))
    source = tmp_path / "large.png"
    pictures.write_large(source, side, side)
    page = visit.page(visit.context(viewport={"width": 1280, "height": 800}))
    asked = []
    page.on("response", lambda response: asked.append((response.status, response.url)) if "/iiif/" in response.url else None)

    job = upload(cluster, source)
    # The gateway adds it when the last byte has arrived.
    clusters.within(60, "the job has its image", lambda: cluster.get(f"/jobs/{job}")["image_count"])
    progress = Progress(cluster, job)
    progress.start()
    page.goto(f"/jobs/{job}/0#600,300,100")
    page.locator(".viewer-canvas").wait_for()
    page.evaluate(SCRIPT)
    committed, known = clusters.within(600, "rows are finished", lambda: progress.first)
    first, end = known["rows"][0]
    assert (known["width"], known["height"]) == (side, side), known
    # To the right of the curtain, which may be drawn when the original is there, too.
    x, y = 700, max(first, 0) + 4
    page.evaluate("([x, y, size]) => window.watchBox(x, y, size)", [x, y, SAMPLE])
    file = f"/api/v1/jobs/{job}/images/0/result"

    # What is seen first is the ground, or the hatching, which has no colour.
    def is_painted():
        return page.evaluate("() => window.seenInBox.some(({ pixels }) => pixels.some((value, index) => value !== pixels[index - index % 3]))")

    clusters.within(30, "the first rows are painted", is_painted)
    victim = next(each for each in cluster.cluster.processes if b"--name\0w1\0" in pathlib.Path(f"/proc/{each.pid}/cmdline").read_bytes())
    victim.kill()
    victim.wait()

    assert ended(cluster, job, 1800)["state"] == "done"
    page.locator(".image-head .button.primary").wait_for()

    def read(offset, count):
        return cluster.answer("GET", file, headers={"Range": f"bytes={offset}-{offset + count - 1}"}).body

    rows, start = pictures.rows_of(read, y, y + 4)
    expected = [value for row in rows[y - start:y - start + 4] for value in row[3 * x:3 * (x + SAMPLE)]]
    # Nothing else was painted there since: no flash, and no jump at the end.
    page.evaluate("() => new Promise((resolve) => { let rest = 60; const step = () => { rest -= 1; if (rest) requestAnimationFrame(step); else resolve(); }; step(); })")
    seen = page.evaluate("() => window.seenInBox")
    exact = next((place for place, each in enumerate(seen) if each["pixels"] == expected), None)
    assert exact is not None, f"{len(seen)} pictures were seen, and the result's is not among them"
    assert exact == len(seen) - 1, f"{len(seen) - exact} pictures were seen after the result's"
    painted = seen[exact]["at"] / 1000
    image = cluster.get(f"/jobs/{job}/images/0")
    print(f"rows {first} to {end} of {side} are on the canvas {painted - committed:.2f} s after they were finished, "
          f"and {progress.half_at - painted:.2f} s before half of {image['tasks_total']} tasks are done")
    assert painted < progress.half_at, "the job was half done before"
    assert painted - committed <= LONGEST_SECONDS, f"{painted - committed:.2f} s after the rows were finished, {LONGEST_SECONDS:.2f} s are allowed"

    # Only what could be there was asked for.
    refused = [each for each in asked if each[0] == 404 and ".result/" in each[1]]
    assert refused == [], refused[:3]
    patches = [url for _, url in asked if ".result/" in url and "info.json" not in url]
    assert len(patches) == len(set(patches)), "a patch was asked for twice"

    # The whole picture, from afar: no hatching is left.
    page.locator(".viewer-canvas").focus()
    page.keyboard.press("0")
    is_whole = """() => {
      const canvas = document.querySelector(".viewer-canvas");
      const { width, height } = canvas;
      const side = Math.min(width, height);
      const data = canvas.getContext("2d").getImageData((width - side) / 2, (height - side) / 2, side, side).data;
      for (let y = 2; y < side - 2; y += 4) {
        let gray = 0;
        for (let x = Math.round(side / 2); x < side - 2; x += 1) {
          const at = 4 * (y * side + x);
          if (data[at] === data[at + 1] && data[at + 1] === data[at + 2]) gray += 1;
        }
        if (gray > side / 4) return false;
      }
      return true;
    }"""
    clusters.within(60, "the whole picture is painted", lambda: page.evaluate(is_whole))
    OUT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=OUT / "running-tiles.png")
    print(json.dumps({"patches": len(patches), "megapixels": round(side * side / 1e6)}))
