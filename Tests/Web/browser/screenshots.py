"""The pictures of docs/web.md, of a real cluster at work: Tests/Web/browser/run screenshots.py; OUT names another directory.

test_views.py makes pictures of every view in every state.
"""

import os
import pathlib

import pictures
from jobs import ended, submit
from playwright.sync_api import expect

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = pathlib.Path(os.environ.get("OUT", ROOT / "docs/images"))
EXAMPLES = {path.name: path.read_bytes() for path in sorted((ROOT / "examples").glob("*.png"))}
PIPELINES = ["gaussian-blur sigma=2 | sobel", "otsu", "median size=5", "rotate degrees=30 | sharpen", "clahe", "resize scale=0.5"]


def shoot(page, name):
    page.wait_for_timeout(400)
    page.screenshot(path=OUT / f"web-{name}.jpg", type="jpeg", quality=78)


def fill(cluster):
    """Jobs that are done, one that failed in part, and a long one that runs; returns (done, partly, running)."""
    done = [submit(cluster, pipeline, [(f"{number}-{name}", data) for number in range(3) for name, data in EXAMPLES.items()]) for pipeline in PIPELINES]
    broken = bytearray(pictures.png(90, 70, 3))
    broken[len(broken) // 2:] = bytes(len(broken) - len(broken) // 2)
    partly = submit(cluster, "invert", [("good.png", pictures.png(50, 50, 4)), ("broken.png", bytes(broken))])
    for job in [*done, partly]:
        ended(cluster, job)
    running = submit(cluster, "denoise | canny", [(f"plates/{number:03}-{name}", data) for number in range(20) for name, data in EXAMPLES.items()])
    return done, partly, running


def test_pictures(visit, cluster):
    OUT.mkdir(parents=True, exist_ok=True)
    visit.expected += ["status of 4", "status of 5"]
    done, partly, running = fill(cluster)
    page = visit.page(visit.context(viewport={"width": 1100, "height": 700}))
    page.goto("/")
    expect(page.locator(".job-row").first).to_contain_text("Running")
    shoot(page, "jobs")
    page.goto("/nodes")
    page.wait_for_timeout(15_000)
    shoot(page, "nodes")
    page.goto(f"/jobs/{running}")
    expect(page.locator(".tile").first).to_contain_text("Done", timeout=60_000)
    page.wait_for_timeout(2000)
    shoot(page, "job")
    page.goto(f"/jobs/{done[0]}/0")
    expect(page.get_by_role("slider", name="Curtain")).to_be_visible()
    shoot(page, "image")
    page.goto("/new?pipeline=gaussian-blur%20sigma%3D3%20%7C%20sobel")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Files", exact=True).click()
    chooser.value.set_files([str(path) for path in sorted((ROOT / "examples").glob("*.png"))])
    expect(page.locator(".preview-picture img")).to_be_visible()
    shoot(page, "new")

