"""Links that are made, opened without a token, and revoked; and a token that is made: what one person gives another."""

import hashlib
import json
import re
import urllib.request

import pictures
import pytest
from jobs import ended, submit
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def job(cluster):
    """A job of two images that is done."""
    number = submit(cluster, "invert", [(f"plate-{n}.png", pictures.png(60, 40, n)) for n in range(2)])
    assert ended(cluster, number)["state"] == "done"
    return number


def opened(url):
    """The status and the body of a link, asked for without a token or a cookie."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_result_is_shared_by_keyboard_and_revoked(visit, cluster, job):
    page = visit.page()
    page.goto(f"/jobs/{job}/1")
    share = page.get_by_role("button", name="Share")
    share.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=f"Share image {job}.1")
    expect(dialog.get_by_role("radio", name="The result")).to_be_focused()
    dialog.get_by_label("It ends after").select_option("1 hour")
    dialog.get_by_role("button", name="Make the link").focus()
    page.keyboard.press("Enter")
    address = dialog.get_by_role("textbox", name="The link").input_value()
    assert address.startswith(cluster.url + "/s/")
    status, body = opened(address)
    assert status == 200
    assert hashlib.sha256(body).hexdigest() == cluster.get(f"/jobs/{job}/images/1")["digest"]
    page.keyboard.press("Escape")
    expect(share).to_be_focused()

    page.goto("/settings")
    links = page.get_by_role("region", name="Links", exact=True)
    row = links.get_by_role("row", name=re.compile(f"Result of image {job}.1"))
    expect(row).to_contain_text("just now")
    row.get_by_role("button", name=f"Revoke the link to Result of image {job}.1").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    expect(row).to_have_count(0)
    assert opened(address)[0] == 403


def test_a_job_is_shared_as_one_file_or_as_a_whole(visit, cluster, job):
    page = visit.page()
    page.goto(f"/jobs/{job}")
    for choice, path in (("All results", ""), ("The whole job", "/images/0/source")):
        page.get_by_role("button", name="Share").click()
        dialog = page.get_by_role("dialog", name=f"Share job {job}")
        dialog.get_by_role("radio", name=re.compile(choice)).check()
        dialog.get_by_role("button", name="Make the link").click()
        address = dialog.get_by_role("textbox", name="The link").input_value()
        status, body = opened(address + path)
        assert (status, body[:4]) == (200, b"PK\x03\x04" if not path else b"\x89PNG"), choice
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)


def test_a_picture_is_shared_with_viewers_of_iiif_images(visit, cluster, job):
    page = visit.page()
    page.goto(f"/jobs/{job}/0")
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name=f"Share image {job}.0")
    dialog.get_by_role("radio", name=re.compile("The picture, for viewers")).check()
    dialog.get_by_role("button", name="Make the link").click()
    address = dialog.get_by_role("textbox", name="The link").input_value()
    status, body = opened(address)
    information = json.loads(body)
    assert (status, information["width"], information["height"]) == (200, 60, 40)
    assert address == information["id"] + "/info.json"
    page.keyboard.press("Escape")
    page.goto("/settings")
    row = page.get_by_role("region", name="Links", exact=True).get_by_role("row", name=re.compile(f"Picture of image {job}.0, for viewers"))
    expect(row).to_be_visible()

    # A document has no picture.
    table = submit(cluster, "histogram output=json", [("a.png", pictures.png(60, 40, 1))])
    assert ended(cluster, table)["state"] == "done"
    page.goto(f"/jobs/{table}/0")
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name=f"Share image {table}.0")
    expect(dialog.get_by_role("radio")).to_have_count(2)


def test_who_may_not_share_has_no_button(visit, cluster, job):
    made = cluster.request("POST", "/tokens", {"name": "looker", "role": "viewer"})
    page = visit.page(signed_in=False)
    page.goto("/")
    page.get_by_label("Token").fill(made["token"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Views").wait_for()
    page.goto(f"/jobs/{job}")
    expect(page.get_by_role("link", name=re.compile("Download"))).to_be_visible()
    expect(page.get_by_role("button", name="Share")).to_have_count(0)
    page.goto("/settings")
    expect(page.get_by_role("region", name="Session")).to_be_visible()
    expect(page.get_by_role("region", name="Links", exact=True)).to_have_count(0)


def test_a_token_is_made_and_signs_in(visit, cluster):
    page = visit.page()
    page.goto("/settings")
    tokens = page.get_by_role("region", name="Tokens", exact=True)
    tokens.get_by_label("Name").fill("grace")
    tokens.get_by_label("Role").select_option("viewer")
    tokens.get_by_role("button", name="Make a token").click()
    token = page.locator("#fresh-token").inner_text()
    expect(tokens.get_by_role("row", name=re.compile("grace"))).to_contain_text("viewer")
    cluster.request("GET", "/jobs")
    request = urllib.request.Request(cluster.url + "/api/v1/session", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert b'"grace"' in answer.read()
