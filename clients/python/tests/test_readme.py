"""The README's examples run as they are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy
import pytest
from cluster import Gateway

from tessera_client.images import encode_array

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_of_the_readme_run(
    gateway: Gateway, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    image = numpy.random.default_rng(1).integers(0, 256, (32, 48, 3), numpy.uint8)
    Path("a.png").write_bytes(encode_array(image))
    names: dict[str, Any] = {"url": gateway.url, "token": token, "image": image, "files": ["a.png"]}
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        exec(example, names)
    assert names["blurred"].shape == image.shape
    assert "job done" in capsys.readouterr().out
    assert Path("results/a.png").exists()
