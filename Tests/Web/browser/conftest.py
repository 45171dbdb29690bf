"""A real cluster with a real gateway, and a real browser in front of it.

`TESSERA_WEB_URL` and `TESSERA_WEB_TOKEN` name a gateway that runs already; without them one is started from `BIN`.
Every console error, page error and refused piece of content fails the test that saw it.
"""

import os
import pathlib
import signal
import sys

import pytest
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import cluster as clusters  # noqa: E402
from visited import Visited  # noqa: E402

BROWSER = os.environ.get("CHROMIUM", "/usr/bin/chromium-headless-shell")
LONGEST_TEST_SECONDS = 900


@pytest.fixture(autouse=True)
def bounded():
    """Fails a test that waits for what never comes, which nothing else would end."""

    def late(number, frame):
        raise TimeoutError(f"the test took more than {LONGEST_TEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST_TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def cluster():
    if "TESSERA_WEB_URL" in os.environ:
        yield Visited(os.environ["TESSERA_WEB_URL"], os.environ["TESSERA_WEB_TOKEN"])
        return
    # Receivers of webhooks are at an address that is not that of the gateway.
    options = ("--webhook-allow", "127.0.0.2", "--webhook-pauses", "1s,1s,1s,1s,1s,1s,1s,1s,1s")
    with clusters.cluster(slots=2, is_poisonable=True, options=options) as (it, gateway, token):
        yield Visited(gateway.url, token, it)


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """Browser contexts that are signed in, and what went wrong in their pages."""

    def __init__(self, browser, cluster):
        self.browser = browser
        self.cluster = cluster
        self.complaints = []
        # The browser itself writes refused requests to the console: a visitor that is not signed in is refused.
        self.expected = ["status of 401"]
        self.contexts = []
        self.signed_in = set()

    def context(self, **options):
        context = self.browser.new_context(base_url=self.cluster.url, **options)
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        return context

    def page(self, context=None, signed_in=True, **options):
        context = context or self.context(**options)
        page = context.new_page()
        page.on("console", lambda message: self.complain(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complain(f"page error: {error}"))
        # From the beginning: what a test asks for later arrives at the browser beside its keys, and may come after them.
        page.on("filechooser", lambda chooser: None)
        if signed_in and context not in self.signed_in:
            self.signed_in.add(context)
            self.cluster.sign_in(page)
        return page

    def complain(self, text):
        if not any(part in text for part in self.expected):
            self.complaints.append(text)

    def close(self):
        for context in self.contexts:
            context.close()


@pytest.fixture
def visit(chromium, cluster):
    made = Visit(chromium, cluster)
    yield made
    made.close()
    assert made.complaints == []
