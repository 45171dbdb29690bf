"""The pictures that are measured with: photographs of the examples, enlarged by Debian's libvips."""

from __future__ import annotations

import pathlib
import subprocess

from cluster import ROOT


def vips(*words: object) -> None:
    subprocess.run(["vips", *map(str, words)], check=True)


def photograph(file: pathlib.Path, width: int, height: int, number: int = 0) -> pathlib.Path:
    """A photograph of this size; each number is another one. The name's end says the format."""
    enlarged = file.with_suffix(".v")
    vips("thumbnail", ROOT / "examples/coffee.png", enlarged, width, "--height", height, "--size", "force")
    vips("linear", enlarged, file, 1, number, "--uchar")
    enlarged.unlink()
    return file
