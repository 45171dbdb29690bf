#!/usr/bin/env python3
"""Races every kernel against OpenCV on the same pixels, each with one thread, in turns.

    bench.py TOOL [--scale S] [--operation NAME ...] [--format NAME ...] [--seconds T] [--out FILE]

Gray images are 8192 x 8192 pixels, RGB ones 8000 x 6000, both times the scale. What counts is the processor time of the
fastest of several runs, which a busy machine disturbs least. Both sides write to memory that is allocated before.
"""
import argparse
import json
import math
import pathlib
import sys
import tempfile
import time

import cv2
import numpy as np

from kernel_tool import KernelTool, header
import point_races  # (enter their races, in this order)
import window_races  # noqa: F401
import whole_races  # noqa: F401
from measurements import write
from races import RACES

FORMATS = {"gray8": (1, 8), "rgb8": (3, 8), "gray16": (1, 16), "rgb16": (3, 16)}
# Why a kernel is slower than its baseline, and what was tried: for the reader of the table. By operation, or pipeline, or
# pipeline and format, or operation and format; the longest that fits counts.
NOTES = json.loads((pathlib.Path(__file__).parent / "notes.json").read_text())


def photograph(random, width, height, channels, bits):
    """Smooth areas, edges and fine noise in the proportions of a photograph."""
    small = random.random((max(2, height // 64), max(2, width // 64), channels)).astype(np.float32)
    image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)
    for _ in range(60):
        centre = (int(random.integers(width)), int(random.integers(height)))
        colour = random.random(channels).tolist()
        cv2.circle(image, centre, int(random.integers(5, max(6, width // 12))), colour, -1)
    # No pixel reaches black or white: stretching an image that has both would be a copy.
    image = 0.06 + 0.88 * np.clip(image, 0, 1) + random.normal(0, 0.012, image.shape).astype(np.float32)
    image = np.clip(image, 0.02, 0.98)
    top = 2**bits - 1
    image = np.clip(np.rint(image * top), 0, top).astype(np.uint8 if bits == 8 else np.uint16)
    return image[..., 0].copy() if channels == 1 else image


def turns(one, other, seconds):
    """The least processor time of either, run in turns for about `seconds`."""
    one(), other()
    best, spent, count = [math.inf, math.inf], 0.0, 0
    while (spent < seconds or count < 3) and count < 40:
        times = [one(), other()]
        best = [min(pair) for pair in zip(best, times)]
        spent += sum(times)
        count += 1
    return best


def note(race, form, ratio):
    """What is said about a kernel that is slower."""
    operation = race.pipeline.split()[0]
    keys = [f"{race.pipeline} {form}", race.pipeline, f"{operation} {form}", operation]
    text = "Within what two runs differ by." if ratio >= 0.95 else next(filter(None, map(NOTES.get, keys)), None)
    return {"note": text} if text else {}


def processor_time(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def load(tool, image):
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        image.tofile(file.name)
        tool.ask(f"load {header(image)} {file.name}")


def run_race(tool, race, form, image, seconds):
    operation, _, arguments = race.pipeline.partition(" ")
    scene = race.scene(image)
    load(tool, scene)
    tool.ask(f"prepare {race.pipeline}")
    run = race.prepare(scene)
    ours, theirs = turns(lambda: float(tool.ask("time 1")[0]), lambda: processor_time(run), seconds)
    result = {
        "operation": operation, "parameters": arguments, "format": form,
        "size": f"{image.shape[1]} x {image.shape[0]}",
        "mbps": round(scene.nbytes / ours / 1e6), "opencv_mbps": round(scene.nbytes / theirs / 1e6),
        "ratio": round(theirs / ours, 2), "opencv": race.calls,
    }
    return result | (note(race, form, result["ratio"]) if result["ratio"] < 1 else {})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--operation", nargs="+", help="those that begin with these only; the others' results are kept")
    parser.add_argument("--format", nargs="+", choices=FORMATS, help="these only")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each race")
    parser.add_argument("--out")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    random = np.random.default_rng(7)
    results = []
    print(f"{'':58}{'Tessera':>9}{'OpenCV':>9}  ratio   MB/s, one thread")
    with KernelTool(options.tool) as tool:
        digest, picture = point_races.OVERLAY
        tool.ask(f"attach {header(picture)} {digest}", picture.tobytes())
        if missing := set(tool.operations()) - {race.pipeline.split()[0] for race in RACES}:
            sys.exit(f"without a race: {', '.join(sorted(missing))}")
        for form, (channels, bits) in FORMATS.items():
            if options.format and form not in options.format:
                continue
            width, height = (8192, 8192) if channels == 1 else (8000, 6000)
            image = photograph(random, int(width * options.scale), int(height * options.scale), channels, bits)
            for race in RACES:
                if form not in race.formats or options.operation and race.pipeline.split()[0] not in options.operation:
                    continue
                result = run_race(tool, race, form, image, options.seconds)
                results.append(result)
                print(
                    f"{race.pipeline[:48]:49} {form:7} {result['mbps']:9}{result['opencv_mbps']:9}  {result['ratio']:.2f}",
                    flush=True,
                )
    for form in dict.fromkeys(result["format"] for result in results):
        ratios = [result["ratio"] for result in results if result["format"] == form]
        mean = math.exp(sum(math.log(max(ratio, 0.01)) for ratio in ratios) / len(ratios))
        print(f"{form}: geometric mean {mean:.2f} of {len(ratios)}, {sum(r < 1 for r in ratios)} below 1")
    if options.out:
        order = [(*race.pipeline.partition(" ")[::2], form) for form in FORMATS for race in RACES]
        write(options.out, results, order, lambda result: (result["operation"], result["parameters"], result["format"]))


if __name__ == "__main__":
    main()
