"""A job on the gateway: its state, its changes as they happen, and its results."""

from __future__ import annotations

import base64
import html
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import downloads, events
from .errors import ImageFailed, Problem, TesseraError
from .transport import Transport

if TYPE_CHECKING:
    import numpy
    from PIL import Image

ENDED = frozenset({"done", "partly-failed", "failed", "cancelled"})
IMAGE_ENDED = frozenset({"done", "failed", "dead-lettered", "cancelled"})
SHOWN_IMAGES = 12


@dataclass(frozen=True)
class Change:
    """The new state of the job (`kind` "job"), of one of its images ("image") or of one of its uploads ("upload")."""

    kind: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Result:
    """The file that is an image's result."""

    data: bytes
    media_type: str

    def json(self) -> Any:
        """The document of a pipeline that ends with a measurement."""
        return json.loads(self.data)

    def image(self) -> Image.Image:
        """The result as a Pillow image."""
        from .images import decode

        return decode(self.data)

    def array(self) -> numpy.ndarray[Any, Any]:
        """The result as a NumPy array: rows, columns and, unless it is gray, channels."""
        from .images import decode_array

        return decode_array(self.data)

    def save(self, path: str | Path) -> Path:
        target = Path(path)
        target.write_bytes(self.data)
        return target

    def _repr_png_(self) -> bytes | None:
        if self.media_type == "image/png":
            return self.data
        if not self.media_type.startswith("image/"):
            return None
        file = io.BytesIO()
        self.image().save(file, "PNG")
        return file.getvalue()

    def __repr__(self) -> str:
        return f"<Result {self.media_type}, {len(self.data)} bytes>"


class Job:
    """A submitted job. `state` is what was last heard of it; `refresh`, `watch` and `wait` bring news."""

    def __init__(self, transport: Transport, data: dict[str, Any]) -> None:
        self._transport, self.data = transport, data
        self.id: int = data["job"]

    @property
    def state(self) -> str:
        return str(self.data["state"])

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def progress(self) -> float:
        """The share of the tasks known so far that are done, from 0 to 1."""
        total = self.data["tasks_total"]
        return 1.0 if self.state == "done" else self.data["tasks_done"] / total if total else 0.0

    def refresh(self) -> Job:
        self.data = self._transport.json("GET", f"jobs/{self.id}")
        return self

    def images(self) -> list[dict[str, Any]]:
        """The images that the master has, in their order."""
        return self._transport.pages(f"jobs/{self.id}/images")

    def uploads(self) -> list[dict[str, Any]]:
        """The job's uploads, in the order of the submission. `image` is the image's number, once it has one."""
        return self._transport.pages(f"jobs/{self.id}/uploads")

    def watch(self, stop: threading.Event | None = None) -> Iterator[Change]:
        """Changes until the job ends; begins with the states of now. Survives lost connections and restarted gateways.

        States, not steps: a slow reader gets fewer changes, never a backlog.
        """
        for event in events.stream(self._transport, f"job:{self.id},uploads", stop):
            changes = self._snapshot() if event.kind == "gap" else [Change(event.kind, event.data)]
            for change in changes:
                if change.data.get("job") != self.id:
                    continue
                if change.kind == "job-forgotten":
                    raise Problem(410, "forgotten", f"job {self.id} was deleted while it was watched")
                if change.kind == "job":
                    self.data = change.data
                if change.kind in ("job", "image", "upload"):
                    yield change
            if self.ended:
                return

    def _snapshot(self) -> list[Change]:
        # The job is read first: if it has ended, what is read after it is final.
        self.refresh()
        found = [Change("image", image) for image in self.images()]
        if self.data.get("uploads"):
            found = [Change("upload", upload) for upload in self.uploads()] + found
        return [*found, Change("job", self.data)]

    def wait(self, raising: bool = True) -> Job:
        """Waits for the end of the job. `raising`: `ImageFailed` for the first image without a result."""
        for _ in self.watch():
            pass
        if raising and self.state != "done":
            self._raise_failure()
        return self

    def _raise_failure(self) -> None:
        for upload in self.uploads() if self.data.get("uploads") else []:
            if rejection := upload.get("rejection"):
                raise ImageFailed(upload["name"], rejection["code"], rejection["detail"])
        for image in self.images():
            if image["state"] in IMAGE_ENDED - {"done"}:
                raise failure_of(image)
        raise TesseraError(f"Job {self.id} ended as {self.state}.")

    def result(self, image: int = 0) -> Result:
        """Downloads a result. 409 `not-ready` until it is done."""
        return Result(*downloads.to_bytes(self._transport, self._result_path(image)))

    def fetch(self, path: str | Path, image: int = 0) -> Path:
        """Writes a result to the file `path`, whole or not at all, without holding it in memory."""
        target = Path(path)
        downloads.to_file(self._transport, self._result_path(image), target)
        return target

    def _result_path(self, image: int) -> str:
        return f"jobs/{self.id}/images/{image}/result"

    def cancel(self) -> Job:
        """Stops the job; results that are done are kept."""
        self.data = self._transport.json("POST", f"jobs/{self.id}/cancel")
        return self

    def delete(self) -> None:
        """Forgets a job that has ended, with its results."""
        try:
            self._transport.request("DELETE", f"jobs/{self.id}")
        except Problem as problem:
            # A repeated request, whose first answer was lost.
            if problem.status not in (404, 410):
                raise

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.state}, {self.data['images_done']} of {self.data['image_count']} images done>"

    def _repr_html_(self) -> str:
        """What a notebook shows: state, progress, and small pictures of the first results."""
        if not self.ended:
            self.refresh()
        data, pictures = self.data, []
        for image in self._transport.json("GET", f"jobs/{self.id}/images", params={"limit": SHOWN_IMAGES})["items"]:
            name = html.escape(image["name"], quote=True)
            try:
                path = f"jobs/{self.id}/images/{image['image']}/thumbnail"
                response = self._transport.once("GET", path, params={"size": 256})
                text = base64.b64encode(response.content).decode()
                picture = f'<img alt="{name}" src="data:image/jpeg;base64,{text}">'
            except Problem:
                picture = f"<code>{html.escape(image['state'])}</code>"
            pictures.append(
                f"<figure style='display:inline-block;margin:4px'>{picture}<figcaption>{name}</figcaption></figure>"
            )
        return (
            f"<div><b>Job {self.id}</b>: {html.escape(self.state)} "
            f"<progress value='{self.progress:.4f}' max='1'></progress> "
            f"{data['images_done']} of {data['image_count']} images done, {data['images_failed']} failed; "
            f"<code>{html.escape(data['pipeline'])}</code></div>{''.join(pictures)}"
        )


def failure_of(image: dict[str, Any]) -> ImageFailed:
    failure = image.get("failure") or {"code": image["state"], "reason": f"the image is {image['state']}"}
    return ImageFailed(image["name"], failure["code"], failure["reason"], failure.get("output_tail"))
