"""The table of the gateway's speed: measured rows, kept in docs/measured/web-speed.tsv and printed in docs/web.md."""

from __future__ import annotations

import datetime
import os
import pathlib
import statistics
import time
from collections.abc import Callable

from cluster import ROOT

ROUNDS = int(os.environ.get("ROUNDS", 5))
MEASURED = pathlib.Path(os.environ.get("OUT", ROOT / "docs/measured/web-speed.tsv"))
PAGE = ROOT / "docs/web.md"
BEGIN, END = "<!-- table by make bench-web -->", "<!-- end of the table -->"
HEAD = "| what | tessera-web | theirs | goal | measured |\n| --- | --- | --- | --- | --- |"


def race(ours: Callable[[], object], theirs: Callable[[], object] | None = None) -> tuple[float, float | None]:
    """The medians of the seconds that both take, in turns."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for run, taken in zip((ours, theirs), seconds):
            if run:
                start = time.monotonic()
                run()
                taken.append(time.monotonic() - start)
    return statistics.median(seconds[0]), statistics.median(seconds[1]) if theirs else None


def percentile(values: list[float], share: float) -> float:
    """The least value that this share of `values` does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def keep(key: str, what: str, ours: str, theirs: str, goal: str, is_met: bool) -> None:
    """Prints a row, and keeps it in the place of an earlier one of the same key."""
    when = f"{datetime.date.today()}, {os.cpu_count()} cores"
    cells = [what, ours, theirs, goal + (": met" if is_met else ": not met"), when]
    print("| " + " | ".join(cells) + " |", flush=True)
    MEASURED.touch()
    kept = dict(line.split("\t", 1) for line in MEASURED.read_text().splitlines())
    kept[key] = "\t".join(cells)
    MEASURED.write_text("".join(f"{key}\t{kept[key]}\n" for key in sorted(kept)))


def write_page() -> None:
    """Writes the kept rows into the page, between its marks."""
    rows = [line.split("\t")[1:] for line in MEASURED.read_text().splitlines()]
    table = "\n".join([HEAD, *("| " + " | ".join(cells) + " |" for cells in rows)])
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.split(END)[1]}")
