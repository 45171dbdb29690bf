"""Jobs of the tests, submitted by the API."""

import json
import time


def upload(cluster, address, data):
    """Sends a whole file to a promised upload."""
    cluster.answer("PATCH", address, data, {
        "Content-Type": "application/partial-upload", "Upload-Offset": "0", "Upload-Complete": "?1"})


def submit(cluster, pipeline, files, **options):
    """Makes a job of `files`, pairs of a name and its bytes, and returns its number."""
    images = [{"name": name, "size": len(data)} for name, data in files]
    made = cluster.request("POST", "/jobs", {"pipeline": pipeline, "images": images, "options": options})
    for image, (_, data) in zip(made["images"], files):
        upload(cluster, image["url"], data)
    return made["job"]


def ended(cluster, job, seconds=90):
    """Waits until a job has ended, and returns it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = cluster.get(f"/jobs/{job}")
        if found["state"] not in ("open", "running"):
            return found
        time.sleep(0.2)
    raise AssertionError(f"job {job} has not ended after {seconds} s: {json.dumps(found)}")
