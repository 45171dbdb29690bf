"""The gateway that browsers visit in these tests: one of a cluster of their own, or one that runs already."""

import http.client
import json
import urllib.parse

from cluster import Answer, Response


class Visited:
    """A gateway's address, and a token for it. `cluster` is that of the tests, or none."""

    def __init__(self, url, token, cluster=None):
        self.url = url
        self.token = token
        self.cluster = cluster

    def answer(self, method, path, body=None, headers=None):
        """The answer to one request, on a connection of its own."""
        parts = urllib.parse.urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=60)
        connection.response_class = Response
        try:
            connection.request(method, path if path.startswith(("/api/", "/iiif/")) else f"/api/v1{path}", body=body,
                               headers={"Authorization": f"Bearer {self.token}", **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response, response.read())
        finally:
            connection.close()
        assert answer.status < 400, answer
        return answer

    def request(self, method, path, body=None):
        """The answer of the API as JSON; `None` for an empty one."""
        data = None if body is None else json.dumps(body).encode()
        answer = self.answer(method, path, data, {"Content-Type": "application/json"} if data else {})
        return answer.json if answer.body else None

    def get(self, path):
        return self.request("GET", path)

    def bytes(self, path):
        return self.answer("GET", path).body

    def all(self, path):
        """The items of all pages of a list."""
        items = []
        while path:
            page = self.get(path)
            items += page["items"]
            path = page.get("next")
        return items

    def sign_in(self, page):
        page.goto("/")
        page.get_by_label("Token").fill(self.token)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("navigation", name="Views").wait_for()
