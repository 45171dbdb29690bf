"""Uploads: a tab that is closed half-way, a tab that is closed at the end, a file that is not a picture, a hostile name."""

import collections
import re
import time

import pictures
from jobs import ended
from playwright.sync_api import expect

PIPELINE = "gaussian-blur sigma=2"


def choose(page, paths, button="Files"):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button, exact=True).click()
    chooser.value.set_files([str(path) for path in paths])


def start(page, paths, pipeline=PIPELINE):
    """Begins a job, and returns its number."""
    page.goto(f"/new?pipeline={pipeline.replace(' ', '%20').replace('|', '%7C')}")
    choose(page, paths)
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile(r"/jobs/\d+"))
    return int(page.url.rsplit("/", 1)[1].split("?")[0])


def test_a_tab_closed_half_way_continues_with_the_same_files(visit, cluster, tmp_path):
    paths = pictures.write(tmp_path / "plates", 200)
    context = visit.context()
    page = visit.page(context)
    sent = collections.Counter()
    halfway = []

    def patched(response):
        if response.request.method == "PATCH" and response.ok:
            sent[response.url] += 1
            if len(sent) == 100:
                halfway.append(True)

    page.on("response", patched)
    # Each part waits a little, so that the tab is closed while files are under way.
    context.route("**/api/v1/uploads/*", lambda route: (time.sleep(0.01), route.continue_()))
    job = start(page, paths)
    while not halfway:
        page.wait_for_timeout(20)
    page.close(run_before_unload=False)
    context.unroute("**/api/v1/uploads/*")

    again = visit.page(context)
    second = collections.Counter()
    again.on("request", lambda request: second.update([request.url]) if request.method == "PATCH" else None)
    again.goto("/")
    notice = again.locator("#missing")
    expect(notice).to_contain_text(f"files of job {job}")
    missing = {each["url"] for each in cluster.all("/uploads?state=receiving") if each.get("job") == job}
    assert 0 < len(missing) < 200
    expect(notice).to_contain_text(f"{len(missing)} files of job {job}")
    with again.expect_file_chooser() as chooser:
        notice.get_by_role("button", name="Choose files").click()
    chooser.value.set_files([str(path) for path in paths])
    found = ended(cluster, job)
    assert (found["state"], found["image_count"], found["images_done"]) == ("done", 200, 200)
    names = [image["name"] for image in cluster.all(f"/jobs/{job}/images?limit=500")]
    assert sorted(names) == sorted(path.name for path in paths)
    again.wait_for_timeout(100)  # The driver hands events over while it waits.
    paths_of = {url.split("/api/", 1)[1] for url in second}
    assert paths_of == {url.split("/api/", 1)[1] for url in missing}, "only what was missing is sent"


def test_the_job_ends_without_the_tab(visit, cluster, tmp_path):
    paths = pictures.write(tmp_path / "plates", 12, seed=1000)
    page = visit.page()
    job = start(page, paths)
    # The preview may have sent the first file before there was a job.
    while any(each.get("job") == job for each in cluster.all("/uploads?state=receiving")):
        page.wait_for_timeout(10)
    page.close(run_before_unload=False)
    found = ended(cluster, job)
    assert (found["state"], found["sealed"], found["images_done"]) == ("done", True, 12)


def test_a_file_that_is_not_a_picture_has_a_reason_and_the_others_continue(visit, cluster, tmp_path):
    paths = pictures.write(tmp_path / "plates", 3, seed=2000)
    wrong = tmp_path / "plates" / "notes.png"
    wrong.write_text("These are notes.\n" * 100)
    page = visit.page()
    # The browser writes refused requests to the console.
    visit.expected.append("status of 415")
    job = start(page, [*paths, wrong])
    notice = page.get_by_text("1 file could not be taken; the job has the others")
    expect(notice).to_be_visible(timeout=30_000)
    expect(page.locator("details.note.bad")).to_contain_text("notes.png")
    assert ended(cluster, job)["images_done"] == 3
    # The server remembers it, for those who look later.
    page.reload()
    expect(page.locator(".facts-line")).to_contain_text("3 of 3 images")
    expect(page.locator(".facts-line")).to_contain_text("1 not taken")
    expect(page.locator("details.note.bad")).to_contain_text("notes.png")


def test_a_name_with_markup_is_text_in_every_view(visit, cluster, tmp_path):
    name = '"><img src=x onerror=alert(1)>.png'
    path = tmp_path / name
    path.write_bytes(pictures.png(40, 30, 77))
    page = visit.page()
    alerts = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto("/new?pipeline=invert")
    choose(page, [path])
    expect(page.locator(".file-row")).to_contain_text(name)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".tile-name")).to_have_text(name, timeout=30_000)
    job = int(page.url.rsplit("/", 1)[1].split("?")[0])
    ended(cluster, job)
    page.get_by_role("button", name="Table").click()
    expect(page.locator(".image-row a")).to_have_text(name)
    page.get_by_role("button", name="Grid").click()
    page.goto(f"/jobs/{job}/0")
    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator(".image-facts")).to_contain_text(name)
    page.goto("/")
    expect(page.locator(".job-row").first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert alerts == []


def test_a_second_tab_does_not_ask_for_files_that_the_first_is_sending(visit, cluster, tmp_path):
    paths = pictures.write(tmp_path / "plates", 8, seed=3000)
    context = visit.context()
    page = visit.page(context)
    held = []
    context.route("**/api/v1/uploads/*", lambda route: held.append(route) if len(held) < 3 and route.request.method == "PATCH" else route.continue_())
    job = start(page, paths)
    while not held:
        page.wait_for_timeout(10)
    other = visit.page(context)
    other.goto("/")
    expect(other.locator(".job-row").first).to_contain_text("Receiving")
    expect(other.locator("body")).not_to_contain_text(re.compile(f"files? of job {job}\\b"))
    for route in held[:]:
        route.continue_()
    context.unroute("**/api/v1/uploads/*")
    assert ended(cluster, job)["images_done"] == 8


def test_events_change_a_job_in_place(visit, cluster, tmp_path):
    paths = pictures.write(tmp_path / "plates", 30, seed=4000)
    page = visit.page()
    job = start(page, paths)
    expect(page.locator(".tile").first).to_be_visible(timeout=30_000)
    page.locator(".images").evaluate("(element) => { element.dataset.mark = 'first'; }")
    assert ended(cluster, job)["images_done"] == 30
    expect(page.locator(".facts-line")).to_contain_text("30 of 30 images", timeout=15_000)
    assert page.locator(".images").get_attribute("data-mark") == "first", "the list was made again"
    expect(page.locator(".tile .state", has_text="Done").nth(9)).to_be_visible(timeout=15_000)
