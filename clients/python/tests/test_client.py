"""What users do, in front of a real cluster: `invert` and other pipelines whose results are known exactly."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import numpy
import pytest
from cluster import Gateway
from PIL import Image

from tessera_client import ImageFailed, Problem, Tessera
from tessera_client.images import encode_array

RANDOM = numpy.random.default_rng(7)
GRAY = RANDOM.integers(0, 256, (40, 60), numpy.uint8)


def test_an_array_gives_an_array(tessera: Tessera) -> None:
    assert numpy.array_equal(tessera.run("invert", GRAY), 255 - GRAY)


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 2), (9, 7, 3), (9, 7, 4)])
def test_samples_of_16_bits_keep_all_bits(tessera: Tessera, shape: tuple[int, ...]) -> None:
    array = RANDOM.integers(0, 65536, shape, numpy.uint16)
    result = tessera.run("", array)
    assert result.dtype == numpy.uint16
    assert numpy.array_equal(result, array)


def test_a_pillow_image_gives_a_pillow_image(tessera: Tessera) -> None:
    result = tessera.run("invert", Image.fromarray(GRAY))
    assert isinstance(result, Image.Image)
    assert numpy.array_equal(numpy.asarray(result), 255 - GRAY)


def test_bytes_give_bytes(tessera: Tessera) -> None:
    result = tessera.run("invert", encode_array(GRAY))
    assert numpy.array_equal(numpy.asarray(Image.open(io.BytesIO(result))), 255 - GRAY)


def test_a_path_gives_the_path_of_a_file_beside_it(tessera: Tessera, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(encode_array(GRAY))
    result = tessera.run("invert", path)
    assert result == tmp_path / "cat.result.png"
    assert numpy.array_equal(numpy.asarray(Image.open(result)), 255 - GRAY)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["cat.png", "cat.result.png"]


def test_a_wrong_pipeline_says_where_it_is_wrong(tessera: Tessera) -> None:
    with pytest.raises(Problem) as caught:
        tessera.run("gaussian-blurr sigma=3", GRAY)
    assert caught.value.code == "invalid-pipeline"
    assert caught.value.status == 422
    assert caught.value.errors


def test_a_wrong_token_is_refused_at_once(gateway: Gateway) -> None:
    with Tessera(gateway.url, "wrong") as stranger, pytest.raises(Problem) as caught:
        stranger.run("invert", GRAY)
    assert caught.value.code == "bad-token"


def test_bytes_that_are_not_an_image_fail_with_the_gateways_code(tessera: Tessera) -> None:
    with pytest.raises(ImageFailed) as caught:
        tessera.run("invert", b"no picture at all", name="notes.txt")
    assert caught.value.code == "not-an-image"
    assert caught.value.name == "notes.txt"


def test_watch_ends_with_the_ended_job(tessera: Tessera) -> None:
    changes = list(tessera.submit("box-blur size=5", GRAY).watch())
    assert changes[-1].kind == "job"
    assert changes[-1].data["state"] == "done"


def test_watch_of_an_ended_job_gives_its_states(tessera: Tessera) -> None:
    job = tessera.submit("invert", GRAY).wait()
    assert [change.data["state"] for change in job.watch() if change.kind == "image"] == ["done"]


def test_a_notebook_shows_picture_progress_and_escaped_names(tessera: Tessera) -> None:
    job = tessera.submit("invert", GRAY, name='"><img src=x onerror=alert(1)>.png').wait()
    shown = job._repr_html_()
    assert "<progress value='1.0000'" in shown
    assert "data:image/jpeg;base64," in shown
    assert "<img src=x" not in shown
    png = job.result()._repr_png_()
    assert png is not None
    assert png.startswith(b"\x89PNG")


def test_map_writes_each_result_under_its_files_name(tessera: Tessera, tmp_path: Path) -> None:
    pictures = {f"{k:02}.png": RANDOM.integers(0, 256, (20, 30), numpy.uint8) for k in range(30)}
    for name, array in pictures.items():
        (tmp_path / name).write_bytes(encode_array(array))
    (tmp_path / "notes.png").write_text("no picture")
    outcomes = list(tessera.map("invert", sorted(tmp_path.glob("*.png")), tmp_path / "out", progress=False))
    assert len(outcomes) == 31
    failed = [outcome for outcome in outcomes if outcome.error]
    assert [(outcome.source.name, outcome.error.code) for outcome in failed if outcome.error] == [
        ("notes.png", "not-an-image")
    ]
    for name, array in pictures.items():
        assert numpy.array_equal(numpy.asarray(Image.open(tmp_path / "out" / name)), 255 - array), name


def test_map_refuses_two_files_of_one_name(tessera: Tessera, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="would both be written"):
        next(tessera.map("invert", [tmp_path / "a/x.png", tmp_path / "b/x.png"], tmp_path))


def test_a_gateway_that_is_away_is_named_after_the_patience(tmp_path: Path) -> None:
    with (
        Tessera("http://127.0.0.1:9", patience=0.3) as nobody,
        pytest.raises(Exception, match=r"did not answer within 0\.3 s"),
    ):
        nobody.operations()


def test_a_pause_that_the_server_asks_for_is_kept() -> None:
    answers = iter(
        [
            httpx.Response(503, headers={"Retry-After": "1"}, json={"code": "overloaded"}),
            httpx.Response(200, json={"items": []}),
        ]
    )
    it = Tessera("http://gateway")
    pauses: list[float] = []
    it.transport.http = httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(lambda _: next(answers)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tessera_client.transport.time.sleep", pauses.append)
        assert it.operations() == []
    assert len(pauses) == 1
    assert 1 <= pauses[0] <= 1.25
