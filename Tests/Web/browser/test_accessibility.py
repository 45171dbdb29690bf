"""axe over every view in every state, light and dark, wide and narrow: WCAG 2.2 AA."""

import re

import pictures
import pytest
from axe_playwright_python.sync_playwright import Axe
from cluster import within
from jobs import ended, submit
from playwright.sync_api import expect

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


@pytest.fixture(scope="module")
def jobs(cluster):
    """A job whose images are done, one whose result is a document, one that failed in part."""
    done = submit(cluster, "gaussian-blur sigma=2", [(f"plate-{n}.png", pictures.png(80, 60, n)) for n in range(6)])
    document = submit(cluster, "otsu | components output=json", [("regions.png", pictures.png(60, 60, 9))])
    broken = bytearray(pictures.png(90, 70, 3))
    broken[len(broken) // 2:] = bytes(len(broken) - len(broken) // 2)
    partly = submit(cluster, "invert", [("good.png", pictures.png(50, 50, 4)), ("broken.png", bytes(broken))])
    for job in (done, document, partly):
        ended(cluster, job)
    return {"done": done, "document": document, "partly": partly}


@pytest.fixture(scope="module")
def hook(cluster):
    """A webhook whose receiver is not there, with a message that was tried."""
    made = cluster.request("POST", "/webhooks", {"url": "http://127.0.0.2:9/", "description": "Nothing listens there"})
    cluster.request("POST", f"/webhooks/{made['webhook_id']}/test")
    deliveries = f"/webhooks/{made['webhook_id']}/deliveries"
    within(20, "the message is tried", lambda: cluster.get(deliveries)["items"][0]["attempts"] > 0)
    yield made
    cluster.request("DELETE", f"/webhooks/{made['webhook_id']}")


def check(page, where):
    found = Axe().run(page, options=RULES).response["violations"]
    lines = [f"{where}: {each['id']}: {node['html'][:160]} {node['failureSummary'][:300]}" for each in found for node in each["nodes"][:3]]
    assert not lines, "\n".join(lines)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{where}: {overflow} pixels stick out"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_no_view_has_a_violation(visit, cluster, jobs, hook, scheme, width):
    context = visit.context(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    # Refused on purpose: a broken picture has no thumbnail, a wrong pipeline is checked.
    visit.expected += ["status of 415", "status of 422"]
    page = visit.page(context, signed_in=False)
    page.goto("/")
    expect(page.get_by_label("Token")).to_be_visible()
    check(page, "sign in")
    page.get_by_label("Token").fill("tsw_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "sign in, refused")
    cluster.sign_in(page)
    expect(page.locator(".job-row").first).to_be_visible()
    check(page, "jobs")
    page.goto("/?q=nothing-like-this")
    expect(page.get_by_text("No job is like this.")).to_be_visible()
    check(page, "jobs, none")
    page.goto(f"/jobs/{jobs['done']}")
    expect(page.locator(".tile").first).to_contain_text("Done")
    check(page, "job")
    page.get_by_role("button", name="Share").click()
    check(page, "share")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("textbox", name="The link")).to_be_visible()
    check(page, "a link")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Table").click()
    expect(page.locator(".image-row").first).to_be_visible()
    check(page, "job as a table")
    page.get_by_role("button", name="Grid").click()
    page.goto(f"/jobs/{jobs['partly']}")
    expect(page.locator(".job-failures .note")).to_be_visible()
    check(page, "job that failed in part")
    page.goto(f"/jobs/{jobs['done']}/0")
    expect(page.get_by_role("slider", name="Curtain")).to_be_visible()
    check(page, "image")
    page.get_by_role("button", name="Difference").click()
    check(page, "image, difference")
    page.goto(f"/jobs/{jobs['document']}/0")
    expect(page.get_by_label("Document", exact=True)).to_contain_text("members")
    check(page, "document")
    page.goto(f"/jobs/{jobs['partly']}/1")
    expect(page.locator(".image-facts .bad").first).to_be_visible()
    check(page, "image that failed")
    page.goto("/new?pipeline=gaussian-blur%20sigma%3D3%20%7C%20box-blur%20size%3D4")
    expect(page.locator(".card-trouble")).to_contain_text("odd integer")
    check(page, "new, with an error")
    page.get_by_role("button", name="Text", exact=True).click()
    check(page, "new, as text")
    page.get_by_role("button", name="Presets").click()
    check(page, "presets")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Cards", exact=True).click()
    page.get_by_role("button", name="Add an operation").click()
    expect(page.locator(".gallery-card").first).to_be_visible()
    check(page, "choice of operations")
    page.keyboard.press("Escape")
    page.goto("/nodes")
    expect(page.get_by_role("article").first).to_be_visible()
    check(page, "nodes")
    page.goto("/failures")
    expect(page.locator("h1")).to_have_text("Failures")
    check(page, "failures")
    page.goto("/settings")
    expect(page.get_by_role("region", name="Tokens", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Table of links")).to_be_visible()
    expect(page.get_by_role("region", name="Table of webhooks")).to_be_visible()
    check(page, "settings")
    hooks = page.get_by_role("region", name="Webhooks", exact=True)
    hooks.get_by_role("row", name=hook["url"]).get_by_role("button", name="Deliveries").click()
    expect(page.get_by_role("region", name="Table of deliveries")).to_be_visible()
    check(page, "deliveries")
    page.keyboard.press("Escape")
    hooks.get_by_label("Address").fill("https://hooks.example/new")
    hooks.get_by_role("button", name="Make a webhook").click()
    expect(page.locator("#fresh-secret")).to_be_visible()
    check(page, "a webhook's secret")
    hooks.get_by_label("Address").fill("https://127.0.0.1/")
    hooks.get_by_role("button", name="Make a webhook").click()
    expect(hooks.get_by_role("alert")).to_be_visible()
    check(page, "a webhook that is refused")
    hooks.get_by_role("button", name="Delete the webhook to https://hooks.example/new").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(hooks.get_by_role("row", name="https://hooks.example/new")).to_have_count(0)
    page.get_by_role("button", name="Keyboard and help").click()
    check(page, "help")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Find").click()
    check(page, "find")
    visit.expected.append("status of 4")
    page.keyboard.press("Escape")
    page.goto("/jobs/999999")
    expect(page.locator("main")).to_contain_text("There is no job")
    check(page, "no such job")


def test_zoomed_to_400_percent_nothing_is_lost(visit, cluster, jobs):
    # A window of 1280 pixels at 400 % has 320 by 200 CSS pixels.
    page = visit.page(visit.context(viewport={"width": 320, "height": 256}))
    for path in ["/", "/new", f"/jobs/{jobs['done']}", "/nodes", "/settings"]:
        page.goto(path)
        expect(page.locator("main h1, main h2").first).to_be_attached()
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, path


def test_in_forced_colours_states_have_words(visit, cluster, jobs):
    page = visit.page(visit.context(forced_colors="active"))
    page.goto("/")
    expect(page.locator(".job-row .state").first).to_contain_text("Partly failed")
    # A bar that is full looks otherwise than an empty one.
    page.goto(f"/jobs/{jobs['done']}")
    bar = page.locator(".job-progress progress")
    full = bar.screenshot()
    bar.evaluate("each => { each.value = 0; }")
    assert bar.screenshot() != full


@pytest.mark.parametrize("forced", ["active", "none"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_slots_that_rest_are_drawn_as_such(visit, cluster, jobs, forced, scheme):
    page = visit.page(visit.context(forced_colors=forced, color_scheme=scheme))
    page.goto("/nodes")
    lanes = page.locator("canvas.lanes").first
    expect(lanes).to_have_attribute("aria-label", re.compile("^0 of 2 slots are at work"))
    # Long ago nothing was at work there; the left end of the first lane is as light as the ground, or as dark.
    left = lanes.evaluate("each => new Promise((found) => requestAnimationFrame(() => requestAnimationFrame(() => found([...each.getContext('2d').getImageData(1, 8, 1, 1).data]))))")
    assert left == ([233, 233, 231, 255] if scheme == "light" else [19, 19, 19, 255])
