"""The live preview while a pipeline is built."""

import os
import pathlib
import re

import pictures
from jobs import ended
from playwright.sync_api import expect
from screenshots import ROOT

OUT = pathlib.Path(os.environ.get("OUT", ROOT / ".build/web-pictures"))


def choose(page, paths):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Files", exact=True).click()
    chooser.value.set_files([str(path) for path in paths])


def test_a_preview_follows_the_pipeline_and_its_file_is_not_sent_again(visit, cluster, tmp_path):
    visit.expected.append("status of 422")
    paths = pictures.write(tmp_path, 2, width=1600, height=900, seed=3)
    page = visit.page(visit.context(viewport={"width": 1280, "height": 800}))
    sent = []
    page.on("request", lambda request: sent.append(request.method + " " + request.url) if "/uploads" in request.url else None)
    page.goto("/new?pipeline=gaussian-blur%20sigma%3D3")
    choose(page, paths)
    picture = page.locator(".preview-image")
    badge = page.locator(".preview-badge")
    expect(picture).to_be_visible()
    expect(badge).to_have_text("Approximate")
    expect(page.locator("figcaption")).to_contain_text("1 of 2")
    expect(page.locator("figcaption")).to_contain_text("1600 × 900")
    first = picture.get_attribute("src")
    page.get_by_role("button", name="100 %").click()
    expect(badge).to_have_text("Exact")
    stage = page.get_by_role("group", name="Picture of the preview")
    stage.focus()
    page.keyboard.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", first)
    page.get_by_role("button", name="Whole").click()
    page.goto("/new?pipeline=gaussian-blur%20sigma%3D3")
    choose(page, paths[:1])
    expect(picture).to_be_visible()
    before = len([each for each in sent if each.startswith("POST")])
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile(r"/jobs/\d+"))
    job = int(re.search(r"/jobs/(\d+)", page.url)[1])
    assert ended(cluster, job)["state"] == "done"
    assert len([each for each in sent if each.startswith(("POST", "PATCH"))]) == before, sent


def test_a_mistake_stops_the_preview_and_off_is_off(visit, cluster, tmp_path):
    visit.expected.append("status of 422")
    paths = pictures.write(tmp_path, 1, width=300, height=200, seed=5)
    page = visit.page()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/previews") else None)
    page.goto("/new?pipeline=invert")
    choose(page, paths)
    expect(page.locator(".preview-badge")).to_have_text("Exact")
    page.get_by_role("checkbox", name="Live").uncheck()
    count = len(asked)
    page.get_by_role("button", name="Text").click()
    page.get_by_label("Pipeline as text").fill("sobel")
    expect(page).to_have_url(re.compile("pipeline=sobel"))
    assert len(asked) == count
    # What is shown is of another pipeline: nothing is said of it.
    expect(page.locator(".preview-badge")).to_be_hidden()
    with page.expect_request("**/previews"):
        page.get_by_role("checkbox", name="Live").check()
    expect(page.locator(".preview-badge")).to_have_text("Exact")


def test_pictures_of_the_preview(visit, cluster):
    OUT.mkdir(parents=True, exist_ok=True)
    visit.expected.append("status of 422")
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            page = visit.page(visit.context(viewport={"width": width, "height": 800}, color_scheme=scheme))
            page.goto("/new?pipeline=gaussian-blur%20sigma%3D3%20%7C%20sobel")
            choose(page, sorted((ROOT / "examples").glob("*.png")))
            expect(page.locator(".preview-badge")).to_be_visible()
            page.locator(".preview-picture").scroll_into_view_if_needed()
            page.screenshot(path=OUT / f"preview-{width}-{scheme}.jpg", type="jpeg", quality=78)
