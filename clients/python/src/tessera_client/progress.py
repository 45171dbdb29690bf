"""A progress bar of one line, on a terminal only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

WIDTH = 30
REDRAW_SECONDS = 0.1


class Bar:
    """Draws "label [####    ] 12/40 0:07". Without a terminal it writes nothing."""

    def __init__(self, label: str, total: int, shown: bool | None = None, out: TextIO | None = None) -> None:
        self.out = out or sys.stderr
        self.label, self.total, self.done, self.failed = label, total, 0, 0
        self.shown = self.out.isatty() if shown is None else shown
        self.began, self.drawn = time.monotonic(), 0.0

    def __enter__(self) -> Bar:
        self.draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.draw(force=True)
        if self.shown:
            self.out.write("\n")

    def step(self, failed: bool = False) -> None:
        self.done += 1
        self.failed += failed
        self.draw()

    def draw(self, force: bool = False) -> None:
        now = time.monotonic()
        if not self.shown or (not force and now - self.drawn < REDRAW_SECONDS):
            return
        self.drawn = now
        filled = WIDTH * self.done // self.total if self.total else WIDTH
        minutes, seconds = divmod(int(now - self.began), 60)
        failed = f", {self.failed} failed" if self.failed else ""
        bar = "#" * filled + " " * (WIDTH - filled)
        self.out.write(f"\r{self.label} [{bar}] {self.done}/{self.total}{failed} {minutes}:{seconds:02}")
        self.out.flush()
