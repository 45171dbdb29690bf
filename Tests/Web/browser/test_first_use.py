"""What a new user meets: links that are opened twice, nodes and masters that are away, pictures that cannot be shown, small screens."""

import json
import subprocess

import cluster as clusters
import pictures
import pytest
from cluster import BIN, ROOT, within
from jobs import ended, submit
from playwright.sync_api import expect
from visited import Visited

PROBLEM = {"type": "/problems/over-limit", "title": "Over limit", "status": 413, "code": "over-limit", "detail": "too many pixels"}


def refuse(route):
    """Answers as the gateway does where an image has too many pixels for it."""
    route.fulfill(status=413, content_type="application/problem+json", body=json.dumps(PROBLEM))


def choose(page, *paths):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Files", exact=True).click()
    chooser.value.set_files([str(path) for path in paths])


def test_a_link_that_has_signed_in_before_leaves_the_browser_signed_in(visit, cluster):
    if cluster.cluster is None:
        pytest.skip("links are of the tests' own gateway")
    state = ["--state-dir", str(cluster.cluster.directory / "web")]
    printed = subprocess.run([BIN / "tessera-web", "link", *state], check=True, capture_output=True, text=True).stdout
    link = next(word for word in printed.split() if "#code=" in word)
    page = visit.page(signed_in=False)
    for _ in range(2):
        # Another address first: a change after `#` alone loads no page.
        page.goto("about:blank")
        page.goto(link)
        expect(page.get_by_role("navigation", name="Views")).to_be_visible()
    other = visit.page(signed_in=False)
    other.goto(link)
    expect(other.get_by_role("alert")).to_contain_text("used already")


def test_until_a_preview_is_there_the_file_is_shown_as_the_browser_can(visit, cluster, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(pictures.png(60, 40, 5))
    bad.write_text("not a picture")
    page = visit.page()
    page.route("**/api/v1/previews", lambda route: None)
    page.goto("/new?pipeline=invert")
    choose(page, good, bad)
    expect(page.get_by_role("img", name="good.png")).to_be_visible()
    page.get_by_role("button", name="bad.png", exact=True).click()
    expect(page.locator(".preview-layer")).to_have_text("This browser cannot show the file by itself.")


def test_a_preview_of_too_many_pixels_says_what_can_be_done(visit, cluster, tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(pictures.png(60, 40, 6))
    visit.expected.append("status of 413")
    page = visit.page()
    page.route("**/api/v1/previews", refuse)
    page.goto("/new?pipeline=invert")
    choose(page, path)
    expect(page.locator(".preview-trouble")).to_contain_text("up to 200 megapixels. Start works all the same")


def test_an_original_of_too_many_pixels_says_what_can_be_done(visit, cluster):
    job = submit(cluster, "invert", [("huge.png", pictures.png(60, 40, 8))])
    ended(cluster, job)
    visit.expected.append("status of 413")
    page = visit.page()
    page.route("**/source?disposition=inline", refuse)
    page.goto(f"/jobs/{job}/0")
    expect(page.locator(".viewer-status").get_by_role("alert")).to_contain_text("no parts that can be read by themselves; to compare, download both.")


def test_a_large_result_without_a_thumbnail_has_a_picture_by_iiif(visit, cluster):
    job = submit(cluster, "invert", [("huge.png", pictures.png(400, 300, 9))])
    ended(cluster, job)
    visit.expected.append("status of 413")
    page = visit.page()
    page.route("**/thumbnail*", refuse)
    page.goto(f"/jobs/{job}")
    picture = page.locator(".tile img")
    expect(picture).to_have_attribute("src", f"/iiif/3/{job}.0.result/full/!320,320/0/default.jpg")
    expect(picture).to_have_js_property("complete", True)
    expect(picture).to_have_js_property("naturalWidth", 320)


def test_a_picture_that_is_refused_is_not_asked_for_with_every_change(visit, cluster):
    asked = []

    def count(route):
        asked.append(route.request.url)
        refuse(route)

    visit.expected.append("status of 413")
    page = visit.page()
    page.route("**/thumbnail*", count)
    page.route("**/iiif/**", count)
    job = submit(cluster, "denoise", [("large.png", pictures.png(600, 600, 1))], chunk_bytes=16_384)
    changes = set()
    page.goto(f"/jobs/{job}")
    while cluster.get(f"/jobs/{job}")["state"] == "running":
        changes.add(page.locator(".tile-state").inner_text())
        page.wait_for_timeout(20)
    expect(page.locator(".tile")).to_contain_text("Done")
    within(10, "the result was asked for", lambda: page.wait_for_timeout(50) or any("/iiif/" in url for url in asked))
    assert len(changes) > 5, changes
    # A tile that is made again while an answer is on its way asks a second time.
    assert max(asked.count(url) for url in asked) <= 2, asked


def test_a_job_without_a_node_says_so(visit, tmp_path):
    with clusters.cluster(workers=0) as (it, gateway, token):
        own = Visited(gateway.url, token, it)
        job = submit(own, "invert", [("a.png", pictures.png(60, 40, 1))])
        page = visit.browser.new_context(base_url=own.url).new_page()
        try:
            own.sign_in(page)
            page.goto(f"/jobs/{job}")
            banner = page.locator("#no-node")
            expect(banner).to_contain_text("1 task waits: no node is connected.")
            banner.get_by_role("link", name="Nodes").click()
            expect(page.locator("main")).to_contain_text("No node is connected. For a private cluster, tessera up starts one.")
            worker = it.start_worker("late")
            expect(page.get_by_role("article")).to_have_count(1)
            expect(banner).to_have_count(0)
            ended(own, job)
            worker.kill()
            worker.wait()
            node = page.get_by_role("article")
            expect(node).to_contain_text("Gone", timeout=30_000)
            expect(node.get_by_role("button", name="Drain")).to_have_count(0)
            expect(page.locator("main")).to_contain_text("No node is connected.")
        finally:
            page.context.close()


def test_what_was_asked_for_while_the_master_was_away_is_there_when_it_is_back(visit, cluster):
    if cluster.cluster is None:
        pytest.skip("the master is that of the tests")
    job = submit(cluster, "invert", [("a.png", pictures.png(60, 40, 2))])
    ended(cluster, job)
    visit.expected.append("status of 503")
    page = visit.page()
    cluster.cluster.stop_master()
    try:
        page.goto("/")
        expect(page.locator("main").get_by_role("alert")).to_contain_text("The master is away; this works again when it is back.")
        expect(page.locator(".banner")).to_contain_text("The master is away")
    finally:
        cluster.cluster.start_master()
    expect(page.get_by_role("link", name=f"Job {job}", exact=True)).to_be_visible()
    expect(page.locator("main").get_by_role("alert")).to_have_count(0)


def test_what_did_not_reach_the_server_is_asked_for_again(visit, cluster):
    visit.expected.append("ERR_FAILED")
    page = visit.page()
    page.route("**/api/v1/workers", lambda route: route.abort())
    page.goto("/nodes")
    expect(page.locator("main").get_by_role("alert")).to_contain_text("The server cannot be reached")
    page.unroute_all()
    expect(page.get_by_role("article").first).to_be_visible()
    expect(page.locator("main").get_by_role("alert")).to_have_count(0)


def test_a_view_that_cannot_be_loaded_says_so(visit, cluster):
    visit.expected += ["ERR_FAILED", "status of 404"]
    page = visit.page()
    page.route("**/views/failures.js", lambda route: route.abort())
    page.get_by_role("link", name="Failures").click()
    expect(page.locator("main")).to_contain_text("This view could not be loaded")
    page.unroute_all()
    page.get_by_role("button", name="Load the page again").click()
    expect(page.locator("h1")).to_have_text("Failures")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_message_does_not_cover_start(visit, cluster, tmp_path, width):
    path = tmp_path / "a.png"
    path.write_bytes(pictures.png(60, 40, 3))
    visit.expected.append("status of 503")
    page = visit.page(visit.context(viewport={"width": width, "height": 800}))
    away = {**PROBLEM, "status": 503, "code": "master-unreachable", "detail": "the master does not answer"}
    page.route("**/api/v1/jobs", lambda route: route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(away)))
    page.goto("/new?pipeline=invert")
    choose(page, path)
    start = page.get_by_role("button", name="Start")
    start.click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("The master is away")
    above, below = toast.bounding_box(), start.bounding_box()
    assert above["y"] + above["height"] <= below["y"], (above, below)


@pytest.mark.parametrize("width", [390, 320])
def test_on_a_phone_every_act_of_a_table_is_in_view(visit, cluster, width):
    job = submit(cluster, "invert", [("a.png", pictures.png(60, 40, 4))])
    ended(cluster, job)
    link = cluster.request("POST", "/links", {"path": f"/jobs/{job}/images/0/result", "expires_in": "7d"})
    hook = cluster.request("POST", "/webhooks", {"url": "https://hooks.example/a/long/address/that/has/no/place/to/be/cut", "description": "Told of everything"})
    cluster.request("POST", f"/webhooks/{hook['webhook_id']}/test")
    page = visit.page(visit.context(viewport={"width": width, "height": 800}))
    page.goto("/settings")

    def check(name, act):
        region = page.get_by_role("region", name=name)
        expect(region.get_by_role("button", name=act).first).to_be_visible()
        assert region.evaluate("each => each.scrollWidth - each.clientWidth") == 0, f"{name} is moved sideways"
        for button in region.get_by_role("button").all():
            box = button.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width, (name, box)
        # Its headings are there for those who hear them, and its rows are rows.
        assert region.get_by_role("columnheader").count() > 3
        assert region.get_by_role("row").count() > 1

    check("Table of links", f"Revoke the link to Result of image {job}.0")
    check("Table of webhooks", "Delete the webhook")
    check("Table of tokens", "Revoke the token of admin")
    page.get_by_role("region", name="Table of webhooks").get_by_role("button", name="Deliveries").first.click()
    check("Table of deliveries", "Redeliver")
    cluster.request("DELETE", f"/webhooks/{hook['webhook_id']}")
    cluster.request("DELETE", f"/links/{link['link_id']}")


def test_what_failed_is_told_once_and_in_full(visit, cluster):
    crashing = submit(cluster, "invert", [("a.png", clusters.poisoned(pictures.png(40, 30, 1)))], attempts=1)
    ended(cluster, crashing)
    page = visit.page(visit.context(viewport={"width": 1280, "height": 800}))
    page.goto(f"/jobs/{crashing}/0")
    output = page.locator(".image-facts pre.output")
    expect(page.get_by_role("heading", name="Attempt 1")).to_be_visible()
    # What is seen is the original, and is called so.
    expect(page.locator(".viewer-label")).to_have_text("Original")
    expect(page.get_by_role("button", name="Result", exact=True)).to_have_attribute("aria-pressed", "false")
    expect(output).to_have_count(1)
    # The facts are made again when the attempts come.
    within(10, "the output is not cut off", lambda: (output.bounding_box() or {"height": 0})["height"] > 60)


def test_what_failed_is_tried_again_and_given_up(visit, cluster):
    crashing = submit(cluster, "invert", [("again.png", clusters.poisoned(pictures.png(40, 30, 2)))], attempts=1)
    ended(cluster, crashing)
    page = visit.page()
    page.goto(f"/failures?job={crashing}")
    page.get_by_role("button", name="Try again.png again").click()
    expect(page.locator(".toast", has_text="1 image gets new attempts")).to_be_visible()
    # Its rank crashes again, and the list has it again by itself.
    page.get_by_role("button", name="Give up all 1").click(timeout=60_000)
    page.get_by_role("dialog").get_by_role("button", name="Give up 1 image").click()
    expect(page.locator("main")).to_contain_text("Nothing failed.")
    assert cluster.get(f"/dead-letters?job={crashing}")["items"] == []


def test_a_link_of_this_machine_is_told_to_work_here_only(visit, cluster):
    job = submit(cluster, "invert", [("a.png", pictures.png(60, 40, 7))])
    ended(cluster, job)
    page = visit.page()
    page.goto(f"/jobs/{job}")
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("dialog")).to_contain_text("127.0.0.1 is this machine: nobody else can open the link.")


def test_a_photograph_that_is_stored_turned_is_compared_upright(visit, cluster):
    photograph = (ROOT / "Tests/ImageCodecsTests/JPEG/turned.jpg").read_bytes()
    job = submit(cluster, "", [("turned.jpg", photograph)])
    ended(cluster, job)
    page = visit.page(visit.context(viewport={"width": 1280, "height": 800}))
    page.goto(f"/jobs/{job}/0")
    expect(page.get_by_role("slider", name="Curtain")).to_be_visible()
    facts = page.get_by_role("complementary", name="About this image")
    expect(facts).to_contain_text("Original61 × 47")
    expect(facts).to_contain_text("Result47 × 61")
    # So that the curtain's handle covers little of it.
    page.keyboard.press("4")
    canvas = page.get_by_role("img", name="turned.jpg, curtain, 47 by 61 pixels, at 400 percent")
    box = canvas.bounding_box()
    pixel = page.get_by_label("Pixel under the pointer")
    for dx, dy in [(-60, -80), (60, -80), (-60, 80), (60, 80)]:
        page.mouse.move(box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy)
        expect(pixel).to_contain_text("→")
        before, after = (part.split()[-3:] for part in pixel.inner_text().split("→"))
        # Both files are JPEG.
        assert all(abs(int(one) - int(other)) <= 24 for one, other in zip(before, after)), (dx, dy, before, after)
