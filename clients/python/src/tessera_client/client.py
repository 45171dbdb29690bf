"""`Tessera`, the entrance of this package."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from .jobs import Job, Result
from .mapping import Mapping, Outcome
from .progress import Bar
from .transport import Transport
from .uploads import Source, append_limit, send

if TYPE_CHECKING:
    import numpy
    from PIL import Image

    Picture: TypeAlias = str | Path | bytes | numpy.ndarray[Any, Any] | Image.Image

# Images per request of a job with many; the gateway takes 10,000.
PROMISED_PER_REQUEST = 1000


class Tessera:
    """A gateway. `patience`: seconds for which a gateway that is away is asked again, counted from its last answer."""

    def __init__(self, url: str, token: str | None = None, *, patience: float = 120.0, concurrency: int = 4) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}: give 1 or more")
        self.concurrency = concurrency
        # Senders, writers and the event stream each have a connection.
        self.transport = Transport(url, token, patience, 2 * concurrency + 2)
        self._append_bytes: int | None = None

    def __enter__(self) -> Tessera:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.transport.http.close()

    def run(
        self,
        pipeline: str,
        image: Picture,
        *,
        output: str | Path | None = None,
        name: str | None = None,
        **options: Any,
    ) -> Any:
        """The result of `pipeline` for one image, in the form of the input.

        An array gives an array, a Pillow image a Pillow image, bytes give bytes, and a path (`str` or `Path`) gives the
        path of the file `output`, by default `NAME.result.SUFFIX` beside the input. A pipeline that ends with a
        measurement gives its document for all but paths.
        `options` are a job's, such as `format="jpeg quality=90"`.
        """
        if isinstance(image, str | Path):
            path = Path(image)
            target = Path(output) if output else path.with_name(f"{path.stem}.result{path.suffix}")
            return self.submit(pipeline, path, name=name, **options).wait().fetch(target)
        if output is not None:
            raise ValueError("`output` is for an image that is a path: save the result that is returned")
        result = self.submit(pipeline, image, name=name, **options).wait().result()
        return _as(image, result)

    def submit(
        self, pipeline: str, image: Picture, *, name: str | None = None, priority: int = 0, **options: Any
    ) -> Job:
        """Submits one image and sends it; returns when its last byte is stored, while the work goes ahead."""
        source = _source(image, name)
        job, urls = self._promise(pipeline, [source], priority, options, "when-complete")
        send(self.transport, urls[0], source, self.append_bytes)
        return job.refresh()

    def map(
        self,
        pipeline: str,
        files: Iterable[str | Path],
        output: str | Path,
        *,
        progress: bool | None = None,
        priority: int = 0,
        suffix: str | None = None,
        **options: Any,
    ) -> Iterator[Outcome]:
        """Puts `files` through `pipeline` and writes each result to the directory `output`, under its file's name.

        Gives an `Outcome` per file as results arrive; a file that fails does not end the others. `progress`: a bar on
        the terminal's line (default: if there is a terminal). `suffix` replaces that of the names, such as ".json".
        Leaving the loop early cancels nothing that was sent; the job keeps its results.
        """
        directory = Path(output)
        directory.mkdir(parents=True, exist_ok=True)
        paths = [Path(file) for file in files]
        targets = [directory / (path.with_suffix(suffix) if suffix else path).name for path in paths]
        _refuse_collisions(paths, targets)
        if not paths:
            return
        sources = [Source(path.name, path) for path in paths]
        job, urls = self._promise(pipeline, sources, priority, options, "when-complete")
        promised = list(zip(urls, sources, paths, targets, strict=True))
        with Bar("tessera", len(paths), progress) as bar:
            for outcome in Mapping(self.transport, job, promised, self.append_bytes, self.concurrency).run():
                bar.step(failed=outcome.error is not None)
                yield outcome

    def job(self, number: int) -> Job:
        """A job by its number."""
        return Job(self.transport, self.transport.json("GET", f"jobs/{number}"))

    def operations(self) -> list[dict[str, Any]]:
        """All operations, each a JSON Schema of its arguments."""
        return list(self.transport.json("GET", "operations")["items"])

    def check(self, pipeline: str) -> dict[str, Any]:
        """The canonical form of a pipeline and its steps; `Problem` `invalid-pipeline` says where it is wrong."""
        checked: dict[str, Any] = self.transport.json("POST", "pipelines/check", json={"pipeline": pipeline})
        return checked

    @property
    def append_bytes(self) -> int:
        if self._append_bytes is None:
            self._append_bytes = append_limit(self.transport)
        return self._append_bytes

    def _promise(
        self, pipeline: str, sources: list[Source], priority: int, options: dict[str, Any], seal: str
    ) -> tuple[Job, list[str]]:
        """Makes a job of promised uploads; its further thousands are added to it before it is sealed."""
        head, rest = sources[:PROMISED_PER_REQUEST], sources[PROMISED_PER_REQUEST:]
        body = {
            "pipeline": pipeline,
            "priority": priority,
            "images": _promises(head),
            "seal": "never" if rest else seal,
            **({"options": options} if options else {}),
        }
        answer = self._post("jobs", body)
        job, urls = Job(self.transport, answer), [image["url"] for image in answer["images"]]
        while rest:
            more, rest = rest[:PROMISED_PER_REQUEST], rest[PROMISED_PER_REQUEST:]
            added = self._post(f"jobs/{job.id}/images", {"images": _promises(more)})
            urls += [image["url"] for image in added["images"]]
            if not rest:
                self.transport.request("POST", f"jobs/{job.id}/seal")
        return job, urls

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A request that makes something. Its key lets it be repeated after a lost answer and still make one thing."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        answer: dict[str, Any] = self.transport.json("POST", path, json=body, headers=headers)
        return answer


def _promises(sources: list[Source]) -> list[dict[str, Any]]:
    return [{"name": source.name, "size": source.size} for source in sources]


def _source(image: Picture, name: str | None) -> Source:
    if isinstance(image, str | Path):
        return Source(name or Path(image).name, Path(image))
    if isinstance(image, bytes):
        return Source(name or "image", image)
    from PIL import Image

    from . import images

    data = images.encode_image(image) if isinstance(image, Image.Image) else images.encode_array(image)
    return Source(name or "image.png", data)


def _as(image: Picture, result: Result) -> Any:
    if result.media_type.startswith("application/json"):
        return result.json()
    if isinstance(image, bytes):
        return result.data
    from PIL import Image

    return result.image() if isinstance(image, Image.Image) else result.array()


def _refuse_collisions(paths: list[Path], targets: list[Path]) -> None:
    seen: dict[Path, Path] = {}
    for path, target in zip(paths, targets, strict=True):
        if target in seen:
            raise ValueError(f"{seen[target]} and {path} would both be written to {target}: map them separately")
        if target.exists() and path.exists() and target.samefile(path):
            raise ValueError(f"the result of {path} would replace it: give another directory")
        seen[target] = path
