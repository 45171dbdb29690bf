"""`map`: thousands of files through one pipeline, uploads and downloads side by side, results as they come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ImageFailed, TesseraError
from .jobs import IMAGE_ENDED, Job, failure_of
from .transport import Transport
from .uploads import Source, send


@dataclass(frozen=True)
class Outcome:
    """One file of `map`: `output` is the file that was written, or `error` says why there is none."""

    source: Path
    output: Path | None
    error: TesseraError | None = None


class Mapping:
    """Follows the files of one job. One thread watches; `concurrency` threads send and as many write results.

    A file's image number is not known before its upload is complete, so a result finds its file through the upload.
    """

    def __init__(
        self,
        transport: Transport,
        job: Job,
        promised: list[tuple[str, Source, Path, Path]],
        append_bytes: int,
        concurrency: int,
    ) -> None:
        self.transport, self.job, self.append_bytes, self.concurrency = transport, job, append_bytes, concurrency
        self.files = {url: (path, output) for url, _, path, output in promised}
        self.promised = promised
        self.images: dict[int, dict[str, Any]] = {}
        self.upload_of: dict[int, str] = {}
        self.taken: set[str] = set()
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.outcomes: queue.Queue[Outcome | BaseException] = queue.Queue()

    def run(self) -> Iterator[Outcome]:
        senders = ThreadPoolExecutor(self.concurrency, "tessera-send")
        self.writers = ThreadPoolExecutor(self.concurrency, "tessera-write")
        watcher = threading.Thread(target=self._watch, name="tessera-watch", daemon=True)
        watcher.start()
        try:
            for url, source, _, _ in self.promised:
                senders.submit(self._send, url, source)
            for _ in self.promised:
                outcome = self.outcomes.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
        finally:
            self.stop.set()
            senders.shutdown(cancel_futures=True)
            self.writers.shutdown(cancel_futures=True)

    def _send(self, url: str, source: Source) -> None:
        try:
            send(self.transport, url, source, self.append_bytes, self.stop)
        except ImageFailed as error:
            self._finish(url, error)
            self._give_up(url)
        except OSError as error:
            self._finish(url, ImageFailed(source.name, "file-unreadable", str(error)))
            self._give_up(url)
        except BaseException as error:
            self.outcomes.put(error)

    def _give_up(self, url: str) -> None:
        # Otherwise the job would wait for bytes that do not come.
        try:
            self.transport.request("DELETE", url)
        except TesseraError:
            return

    def _watch(self) -> None:
        try:
            for change in self.job.watch(self.stop):
                self._fold(change.kind, change.data)
            if self.stop.is_set():
                return
            # The job has ended: what the last events left out is read once.
            for upload in self.job.uploads():
                self._fold("upload", upload)
            for image in self.job.images():
                self._fold("image", image)
            for url in self.files:
                self._finish(
                    url, ImageFailed(self.files[url][0].name, "no-result", f"job {self.job.id} is {self.job.state}")
                )
        except BaseException as error:
            self.outcomes.put(error)

    def _fold(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "upload" and data["url"] in self.files:
            if rejection := data.get("rejection"):
                self._finish(data["url"], ImageFailed(data["name"], rejection["code"], rejection["detail"]))
            elif "image" in data:
                self.upload_of[data["image"]] = data["url"]
                self._settle(data["image"])
        elif kind == "image" and data["state"] in IMAGE_ENDED:
            self.images[data["image"]] = data
            self._settle(data["image"])

    def _settle(self, number: int) -> None:
        """Fetches or fails an image that has ended and whose file is known."""
        image, url = self.images.get(number), self.upload_of.get(number)
        if image is None or url is None:
            return
        if image["state"] == "done":
            self._finish(url, None, number)
        else:
            self._finish(url, failure_of(image))

    def _finish(self, url: str, error: TesseraError | None, number: int = 0) -> None:
        with self.lock:
            if url in self.taken:
                return
            self.taken.add(url)
        path, output = self.files[url]
        if error:
            self.outcomes.put(Outcome(path, None, error))
        elif not self.stop.is_set():
            self.writers.submit(self._write, path, output, number)

    def _write(self, path: Path, output: Path, number: int) -> None:
        try:
            self.outcomes.put(Outcome(path, self.job.fetch(output, number)))
        except TesseraError as error:
            self.outcomes.put(Outcome(path, None, error))
        except BaseException as error:
            self.outcomes.put(error)
