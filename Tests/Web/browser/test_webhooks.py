"""Webhooks that are made on the page: what they are sent, what became of it, and their end."""

import base64
import hashlib
import hmac
import http.server
import json
import re
import threading

import pictures
import pytest
from cluster import within
from jobs import ended, submit
from playwright.sync_api import expect


class Receiver(http.server.ThreadingHTTPServer):
    """A server that keeps the messages that it is sent, and answers by `status`."""

    def __init__(self):
        super().__init__(("127.0.0.2", 0), Handler)
        self.messages, self.status = [], 204
        self.url = f"http://127.0.0.2:{self.server_port}/hook"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.messages]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append((self.headers, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


@pytest.fixture
def receiver(cluster):
    server = Receiver()
    yield server
    for hook in cluster.all("/webhooks"):
        cluster.request("DELETE", f"/webhooks/{hook['webhook_id']}")
    server.shutdown()
    server.server_close()


def is_signed(message, secret):
    """Whether a message is signed as Standard Webhooks says."""
    headers, body = message
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return f"v1,{made}" in headers["webhook-signature"].split(" ")


def of_settings(page):
    page.goto("/settings")
    region = page.get_by_role("region", name="Webhooks", exact=True)
    expect(region.get_by_role("form", name="A new webhook")).to_be_visible()
    return region


def make(region, url):
    region.get_by_label("Address").fill(url)
    region.get_by_role("button", name="Make a webhook").click()


def test_a_webhook_is_made_by_keyboard_told_of_a_job_and_deleted(visit, cluster, receiver):
    page = visit.page()
    region = of_settings(page)
    region.get_by_label("Address").focus()
    page.keyboard.type(receiver.url)
    for label in ("Jobs", "Jobs start"):
        page.keyboard.press("Tab")
    expect(region.get_by_label("Jobs start")).to_be_focused()
    page.keyboard.press("Space")
    region.get_by_role("button", name="Make a webhook").focus()
    page.keyboard.press("Enter")
    secret = page.locator("#fresh-secret").inner_text()
    assert secret.startswith("whsec_")
    row = region.get_by_role("row", name=receiver.url)
    expect(row).to_contain_text("My jobs: jobs start, jobs end")
    expect(row).to_contain_text("Enabled")

    job = submit(cluster, "invert", [("plate.png", pictures.png(60, 40, 5))])
    ended(cluster, job)
    within(30, "two messages", lambda: len(receiver.messages) >= 2)
    said = [json.loads(body) for _, body in receiver.messages]
    assert [each["type"] for each in said] == ["job.started", "job.finished"]
    assert all(each["data"]["job"] == job for each in said)
    assert all(is_signed(message, secret) for message in receiver.messages)

    # The secret is shown only once.
    region = of_settings(page)
    expect(page.locator("#fresh-secret")).to_have_count(0)
    shown = region.get_by_role("button", name="Deliveries")
    shown.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Deliveries to 127.0.0.2")
    finished = dialog.get_by_role("row", name=re.compile("job.finished"))
    expect(finished).to_contain_text("Delivered")
    expect(finished).to_contain_text(f"job {job}")
    finished.get_by_role("button", name="Redeliver").click()
    within(20, "it comes again by its id", lambda: receiver.ids().count(receiver.ids()[1]) == 2)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    region.get_by_role("button", name="Delete the webhook").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(region.get_by_text("There are none.")).to_be_visible()


def test_a_webhook_that_is_gone_is_disabled_enabled_and_gets_a_new_secret(visit, cluster, receiver):
    page = visit.page()
    region = of_settings(page)
    make(region, receiver.url)
    expect(page.locator("#fresh-secret")).to_be_visible()
    old = page.locator("#fresh-secret").inner_text()
    region.get_by_role("button", name="Hide").click()
    expect(page.locator("#fresh-secret")).to_have_count(0)

    receiver.status = 410
    region.get_by_role("button", name=f"Test {receiver.url}").click()
    within(20, "a message", lambda: receiver.messages)
    hook = cluster.get("/webhooks")["items"][0]["webhook_id"]
    within(20, "it is disabled", lambda: not cluster.get(f"/webhooks/{hook}")["enabled"])
    region = of_settings(page)
    expect(region.get_by_role("row", name=re.compile("It answered that it is gone"))).to_contain_text("Disabled")
    expect(region.get_by_role("button", name=f"Test {receiver.url}")).to_have_count(0)

    receiver.status = 200
    region.get_by_role("button", name="Enable the webhook").click()
    expect(region.get_by_role("button", name="Disable the webhook")).to_be_visible()
    region.get_by_role("button", name="New secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a new secret").click()
    expect(page.locator("#fresh-secret")).to_be_visible()
    new = page.locator("#fresh-secret").inner_text()
    assert new != old
    region.get_by_role("button", name=f"Test {receiver.url}").click()
    within(20, "another message", lambda: len(receiver.messages) >= 2)
    assert is_signed(receiver.messages[-1], new)
    assert is_signed(receiver.messages[-1], old)


def test_a_refused_address_says_why(visit, cluster):
    visit.expected.append("status of 422")
    page = visit.page()
    region = of_settings(page)
    make(region, "https://127.0.0.1/hook")
    expect(region.get_by_role("alert")).to_contain_text("webhook-allow")
    region.get_by_label("Jobs end").uncheck()
    make(region, "https://hooks.example/")
    expect(region.get_by_role("alert")).to_contain_text("at least one event")
    expect(region.get_by_text("There are none.")).to_be_visible()


def test_a_viewer_sees_no_webhooks(visit, cluster):
    made = cluster.request("POST", "/tokens", {"name": "watcher", "role": "viewer"})
    page = visit.page(signed_in=False)
    page.goto("/")
    page.get_by_label("Token").fill(made["token"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Views").wait_for()
    page.goto("/settings")
    expect(page.get_by_role("region", name="Session")).to_be_visible()
    expect(page.get_by_role("region", name="Webhooks", exact=True)).to_have_count(0)
