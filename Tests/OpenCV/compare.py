#!/usr/bin/env python3
"""Compares every operation with OpenCV over drawn images and parameters, and writes how well they agree.

    compare.py TOOL [--cases N] [--seed S] [--operation NAME ...] [--out FILE]

The cases of an operation depend on the seed and its name alone. The result is a JSON array with an entry for each operation
and depth: how many cases, how many of them identical, how many of all samples differ, and by how much at most.
"""
import argparse
import sys
import zlib

import numpy as np

import point_opponents  # noqa: F401  (register their baselines)
import whole_opponents  # noqa: F401
import window_opponents  # noqa: F401
from kernel_tool import KernelTool, header
from measurements import write
from opponents import OPPONENTS, PICTURES, golden


def drawn_image(random, channels, bits):
    """Shapes, a slope and noise; or noise alone; or a few levels: nothing that an operation finds trivial."""
    width, height = (int(side) for side in random.integers(1, 90, 2))
    if random.random() < 0.6:
        return golden.scene(random, width, height, channels, bits)
    dtype = np.uint8 if bits == 8 else np.uint16
    shape = (height, width) if channels == 1 else (height, width, channels)
    image = random.integers(0, 2**bits, shape, dtype)
    return image if random.random() < 0.7 else (image // (2**bits // 5) * (2**bits // 5)).astype(dtype)


def compare(tool, name, bits, cases, seed):
    """The agreement over `cases` cases, or None without a counterpart."""
    opponent = OPPONENTS[name]
    random = np.random.default_rng([seed, zlib.crc32(name.encode()), bits])
    result = {"operation": name, "bits": bits, "against": opponent.against, "cases": 0, "identical": 0}
    result |= {"samples": 0, "differing": 0, "maximum": 0}
    for index in range(cases):
        image = drawn_image(random, [1, 3, 4][index % 3], bits)
        drawn = opponent.draw(random, image)
        if drawn is None:
            return None
        arguments, expected, *before = drawn
        pipeline = " | ".join([*before, f"{name} {arguments}".strip()])
        if "output=json" in arguments:
            actual = opponent.read(tool.document(pipeline, np.ascontiguousarray(image)), image)
        else:
            actual = tool.apply(pipeline, np.ascontiguousarray(image))
        if actual.shape != expected.shape or actual.dtype != expected.dtype:
            sys.exit(f"{pipeline} of {image.shape}: {actual.shape} {actual.dtype}, not {expected.shape} {expected.dtype}")
        distance = np.abs(actual.astype(np.int64) - expected.astype(np.int64))
        result["cases"] += 1
        result["identical"] += int(not distance.any())
        result["samples"] += distance.size
        result["differing"] += int(np.count_nonzero(distance))
        if distance.max() > result["maximum"]:
            result["maximum"] = int(distance.max())
            result["worst"] = f"{pipeline} of {image.shape[1]} x {image.shape[0]}"
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool")
    parser.add_argument("--cases", type=int, default=210, help="for each operation and depth")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operation", nargs="+", help="these only; the others' results are kept")
    parser.add_argument("--out")
    options = parser.parse_args()
    results = []
    with KernelTool(options.tool) as tool:
        catalogue = tool.operations()
        for digest, picture in PICTURES.items():
            tool.ask(f"attach {header(picture)} {digest}", picture.tobytes())
        if missing := [name for name in catalogue if name not in OPPONENTS]:
            sys.exit(f"without a baseline: {', '.join(missing)}")
        for name in options.operation or catalogue:
            for bits in (8, 16):
                result = compare(tool, name, bits, options.cases, options.seed)
                if result is None:
                    print(f"{name:20} {bits:2} bits  OpenCV has none")
                    continue
                results.append(result)
                print(
                    f"{name:20} {bits:2} bits  {result['identical']:4} of {result['cases']} identical, "
                    f"{result['differing']} of {result['samples']} samples differ by at most {result['maximum']}"
                    + (f"   {result['worst'][:100]}" if result["maximum"] > 1 else ""),
                    flush=True,
                )
    if options.out:
        order = [(name, bits) for name in catalogue for bits in (8, 16)]
        write(options.out, results, order, lambda result: (result["operation"], result["bits"]))


if __name__ == "__main__":
    main()
