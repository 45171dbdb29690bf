"""Pages of a list of many jobs, and one job asked for again and again."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import subprocess
import time

from cluster import Gateway, cluster, png
from table import keep, percentile

JOBS = int(os.environ.get("JOBS", 100_000))
SENDERS = 4


def submit_many(web: Gateway, token: str, source: str, count: int) -> None:
    """Jobs of the same original, whose results are known: nothing is computed."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=120)
    body = json.dumps({"pipeline": "invert", "images": [{"name": "a.png", "source": source}]})
    fields = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    left = count
    while left:
        connection.request("POST", "/api/v1/jobs", body, fields)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status in (429, 503):
            time.sleep(float(answer.headers.get("Retry-After", 1)))
            continue
        assert answer.status == 201, text
        left -= 1
    connection.close()


def pages(web: Gateway, token: str) -> list[float]:
    """The seconds that each page of the list takes."""
    connection, seconds, path = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60), [], "/api/v1/jobs?limit=100"
    while path:
        start = time.monotonic()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        text = connection.getresponse().read()
        seconds.append(time.monotonic() - start)
        path = json.loads(text).get("next")
    return seconds


def measure() -> None:
    with cluster(options=("--log-level", "info")) as (_, web, token):
        first = web.submit(token, [("a.png", png(8, 8))])
        web.wait_for_job(first, token)
        shares = [JOBS // SENDERS + (n < JOBS % SENDERS) for n in range(SENDERS)]
        with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            for sent in [pool.submit(submit_many, web, token, f"{first}.0", share - (n == 0)) for n, share in enumerate(shares)]:
                sent.result()
        seconds = pages(web, token)
        assert len(seconds) >= JOBS // 100, len(seconds)
        slow = percentile(seconds, 0.99) * 1000
        keep("05-jobs", f"`GET /jobs`, 100 of {JOBS:,} jobs, each page once, p99", f"{slow:.1f} ms (median {percentile(seconds, 0.5) * 1000:.1f} ms)", "",
             "20 ms", slow <= 20)
        words = ["wrk", "-t1", "-c8", "-d10s", "-H", f"Authorization: Bearer {token}", f"{web.url}/api/v1/jobs/{first}"]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        each = float(next(line.split()[1] for line in said.splitlines() if line.startswith("Requests/sec")))
        assert "Non-2xx" not in said, said
        keep("06-job", "`GET /jobs/1`, with eight connections", f"{each:,.0f} per second", "", "10,000 per second", each >= 10_000)
