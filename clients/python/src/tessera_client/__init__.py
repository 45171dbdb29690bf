"""Client of Tessera over HTTP: `Tessera(url, token).run("gaussian-blur sigma=3", image)`."""

from .client import Tessera
from .errors import ConnectionLost, DigestMismatch, ImageFailed, Problem, TesseraError
from .jobs import Change, Job, Result
from .mapping import Outcome

__all__ = [
    "Change",
    "ConnectionLost",
    "DigestMismatch",
    "ImageFailed",
    "Job",
    "Outcome",
    "Problem",
    "Result",
    "Tessera",
    "TesseraError",
]
