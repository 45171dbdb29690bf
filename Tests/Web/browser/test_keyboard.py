"""The whole way by keyboard alone: choose, build a pipeline, start, compare, download."""

import hashlib
import re

import pictures
from jobs import ended
from playwright.sync_api import expect


def focused(page):
    """What has the focus, as its accessible words."""
    return page.evaluate("(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent ?? '').trim()")


def tab_to(page, word, limit=80):
    """Presses Tab until an element of these words has the focus."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if focused(page).startswith(word):
            return
    raise AssertionError(f"'{word}' is not reached within {limit} tabs")


def test_upload_compare_and_download_by_keyboard(visit, cluster, tmp_path):
    path = pictures.write(tmp_path, 1, width=200, height=150, seed=7)[0]
    page = visit.page()
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/new"))
    expect(page.get_by_role("button", name="Files", exact=True)).to_be_visible()
    tab_to(page, "Files")
    expect(page.get_by_role("button", name="Files", exact=True)).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(str(path))
    expect(page.locator(".file-row")).to_have_count(1)

    tab_to(page, "Add an operation")
    page.keyboard.press("Enter")
    page.keyboard.type("gaussian")
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(1)
    tab_to(page, "Add an operation")
    page.keyboard.press("Enter")
    page.keyboard.type("rotate")
    page.keyboard.press("Enter")
    expect(page.locator(".card h3")).to_have_text(["gaussian-blur", "rotate"])
    tab_to(page, "Move rotate: Alt")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".card h3")).to_have_text(["rotate", "gaussian-blur"])
    page.keyboard.press("Control+z")
    expect(page.locator(".card h3")).to_have_text(["gaussian-blur", "rotate"])
    expect(page).to_have_url(re.compile("pipeline=gaussian-blur"))

    tab_to(page, "Start")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/jobs/\d+"))
    job = int(re.search(r"/jobs/(\d+)", page.url)[1])
    assert ended(cluster, job)["state"] == "done"
    expect(page.locator(".tile-state")).to_contain_text("Done")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/jobs/{job}/0"))

    curtain = page.get_by_role("slider", name="Curtain")
    expect(curtain).to_be_visible()
    page.keyboard.press("[")
    expect(curtain).to_have_attribute("aria-valuenow", "48")
    canvas = page.get_by_role("img", name=path.name)
    for key, word in [("s", "side by side"), ("d", "difference"), ("b", "blinking"), ("r", "result"), ("c", "curtain")]:
        page.keyboard.press(key)
        expect(canvas).to_have_attribute("aria-label", re.compile(word))
    page.keyboard.press("2")
    expect(canvas).to_have_attribute("aria-label", re.compile("at 200 percent"))
    # The picture is turned: its width is the original's height.
    expect(canvas).to_have_attribute("aria-label", re.compile("150 by 200 pixels"))

    tab_to(page, "Download")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    digest = hashlib.sha256(open(download.value.path(), "rb").read()).hexdigest()
    assert digest == cluster.get(f"/jobs/{job}/images/0")["digest"]


def test_the_help_lists_the_keys_and_one_switch_turns_them_off(visit, cluster):
    page = visit.page()
    page.keyboard.press("?")
    help_dialog = page.get_by_role("dialog", name="Keyboard")
    expect(help_dialog).to_contain_text("go to nodes")
    help_dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    expect(help_dialog).to_have_count(0)
    page.keyboard.press("n")
    page.keyboard.press("?")
    expect(page).not_to_have_url(re.compile("/new"))
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_focus_returns_from_a_dialog_to_where_it_was(visit, cluster):
    page = visit.page()
    button = page.get_by_role("button", name="Keyboard and help")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_find_opens_a_job_by_its_number_and_an_operation_by_a_word(visit, cluster):
    page = visit.page()
    page.keyboard.press("Control+k")
    page.keyboard.type("negative")
    expect(page.get_by_role("option").first).to_contain_text("invert")
    page.keyboard.press("Enter")
    expect(page.locator(".card h3")).to_have_text(["invert"])
    page.keyboard.press("Control+k")
    page.keyboard.type("#4711")
    page.keyboard.press("Enter")
    visit.expected.append("status of 404")
    expect(page).to_have_url(re.compile("/jobs/4711"))
    expect(page.locator("main")).to_contain_text("There is no job 4711")
