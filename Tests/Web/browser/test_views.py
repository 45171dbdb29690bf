"""Every view at 1280 and 390 pixels, light and dark: empty, at work, with failures, refused, and without a master.

Each is looked at by the test (a heading, nothing that sticks out, no error in the console), and is kept as a picture for somebody to look
at: in .build/web-pictures, or the directory that OUT names.
"""

import itertools
import os
import pathlib

import pytest
import pictures
from cluster import poisoned
from jobs import ended, submit
from playwright.sync_api import expect
from screenshots import ROOT, fill

OUT = pathlib.Path(os.environ.get("OUT", ROOT / ".build/web-pictures"))


@pytest.fixture(autouse=True)
def directory():
    OUT.mkdir(parents=True, exist_ok=True)


def look(page, name):
    """Checks what every view has to keep, and takes a picture."""
    expect(page.locator("h1")).to_have_count(1)
    page.wait_for_timeout(500)  # Pictures and lists come in; what is checked here does not depend on them.
    expect(page.locator("body")).not_to_contain_text("=>")  # A function that was shown instead of what it gives.
    sticking_out = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert sticking_out <= 0, f"{name}: {sticking_out} pixels stick out"
    small = page.evaluate("""() => [...document.querySelectorAll("button, a.button, select, input:not([type=checkbox], [type=radio], [type=range])")]
        .map((each) => [each, each.getBoundingClientRect()]).filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
        .map(([each]) => each.outerHTML.slice(0, 120))""")
    assert small == [], f"{name}: too small to be hit (WCAG 2.5.8)"
    page.screenshot(path=OUT / f"{name}.jpg", type="jpeg", quality=78)


def views(visit, state, paths, dialogs=()):
    """Looks at `paths` by name, and at each dialog: the name, the path, and the button that opens it."""
    for scheme, width in itertools.product(["light", "dark"], [1280, 390]):
        page = visit.page(visit.context(viewport={"width": width, "height": 800}, color_scheme=scheme))
        for name, path in paths.items():
            page.goto(path)
            look(page, f"{name}-{state}-{width}-{scheme}")
        for name, path, button in dialogs:
            page.goto(path)
            page.get_by_role("button", name=button).first.click()
            expect(page.get_by_role("dialog")).to_be_visible()
            look(page, f"{name}-{state}-{width}-{scheme}")
        page.context.close()
        visit.contexts.remove(page.context)


def test_every_view_in_every_state(visit, cluster):
    # A broken picture has no thumbnail, a wrong pipeline is checked, the master is away.
    visit.expected += ["status of 404", "status of 415", "status of 422", "status of 503"]
    views(visit, "empty", {"jobs": "/", "new": "/new", "nodes": "/nodes", "failures": "/failures", "settings": "/settings"})
    done, partly, running = fill(cluster)
    cluster.request("POST", "/links", {"path": f"/jobs/{done[0]}/results.zip", "expires_in": "7d"})
    cluster.request("POST", "/links", {"path": f"/jobs/{done[0]}/images/0", "prefix": True, "expires_in": "1h"})
    views(visit, "busy", {
        "jobs": "/", "new": "/new?pipeline=gaussian-blur%20sigma%3D3%20%7C%20sobel", "job": f"/jobs/{running}", "job-done": f"/jobs/{done[0]}",
        "image": f"/jobs/{done[0]}/0", "turned": f"/jobs/{done[3]}/1", "nodes": "/nodes", "settings": "/settings",
    }, [("share", f"/jobs/{done[0]}", "Share"), ("gallery", "/new", "Add an operation"), ("help", "/", "Keyboard and help"), ("find", "/", "Find")])
    # A picture that ends every rank uses its attempts up, and is kept for somebody to decide.
    crashing = submit(cluster, "invert", [(f"plates/{number}.png", poisoned(pictures.png(40, 30, number))) for number in range(3)], attempts=1)
    ended(cluster, crashing)
    assert len(cluster.get("/dead-letters")["items"]) == 3
    page = visit.page()
    page.goto("/failures")
    # The reasons differ by the numbers of processes only.
    expect(page.get_by_role("heading", name="3 × rank-lost")).to_be_visible()
    views(visit, "failing", {
        "failures": "/failures", "failures-of-job": f"/failures?job={crashing}", "dead": f"/jobs/{crashing}/0",
        "jobs": "/?state=failed", "job": f"/jobs/{partly}", "image": f"/jobs/{partly}/1", "no-job": "/jobs/999999",
        "new": "/new?pipeline=gaussian-blur%20sigma%3D3%20%7C%20box-blur%20size%3D4"},
        [("give-up", "/failures", "Give up all 3")])
    cluster.cluster.stop_master()
    try:
        views(visit, "away", {"jobs": "/", "job": f"/jobs/{done[0]}", "nodes": "/nodes", "new": "/new", "failures": "/failures"})
    finally:
        cluster.cluster.start_master()
