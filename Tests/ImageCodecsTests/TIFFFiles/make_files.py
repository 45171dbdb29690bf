#!/usr/bin/env python3
"""Makes the TIFF files beside it, by libtiff's tiffcp, and digests.txt: what libtiff decodes them to.

Needs Pillow, numpy and tiffcp (libtiff-tools). Each line of digests.txt: file, width, height, channels, bits, CRC-32 of the
rows with 16-bit samples little-endian.
"""
import pathlib
import subprocess
import tempfile
import zlib

import numpy
from PIL import Image

here = pathlib.Path(__file__).parent
work = pathlib.Path(tempfile.mkdtemp())
width, height = 45, 37
y, x = numpy.mgrid[0:height, 0:width]
noise = numpy.random.default_rng(1).integers(0, 12, (height, width))


def plane(shift, bits=8):
    value = (x * 3 + y * (2 + shift) + (noise if shift == 1 else 0) + 40 * ((x // 9 + y // 7) % 3)) & 0xff
    return (value * 257 + x).astype(numpy.uint16) if bits == 16 else value.astype(numpy.uint8)


Image.fromarray(plane(0)).save(work / "gray8.tif")
Image.fromarray(plane(0, 16)).save(work / "gray16.tif")
Image.fromarray(plane(0) > 100).save(work / "gray1.tif")
rgb = Image.fromarray(numpy.dstack([plane(0), plane(1), plane(2)]))
rgb.save(work / "rgb8.tif")
rgb.quantize(200).save(work / "palette8.tif")
Image.fromarray(numpy.dstack([plane(0), plane(1), plane(2), plane(5)])).save(work / "rgba8.tif")

files = {
    "lzw-tiles": ("rgb8", "-c lzw:2 -t -w 16 -l 16"),
    "lzw-gray1": ("gray1", "-c lzw -r 5"),
    "lzw-gray16-big-endian": ("gray16", "-B -c lzw:2 -t -w 32 -l 16"),
    "zstd-planar": ("rgba8", "-c zstd:2 -p separate -t -w 16 -l 16"),
    "zstd-gray16": ("gray16", "-8 -c zstd -t -w 16 -l 32"),
    "deflate-bigtiff": ("rgb8", "-8 -B -c zip:2 -r 11"),
    "deflate-palette": ("palette8", "-c zip -t -w 16 -l 16"),
    "packbits-gray1": ("gray1", "-c packbits -r 8 -f lsb2msb"),
    "jpeg-strips": ("rgb8", "-c jpeg:60 -r 16"),
    "jpeg-tiles": ("rgb8", "-c jpeg:60 -t -w 16 -l 16"),
    "jpeg-rgb": ("rgb8", "-c jpeg:r:60 -t -w 32 -l 32"),
    "jpeg-gray": ("gray8", "-c jpeg:60 -r 8"),
    "jpeg-planar": ("rgb8", "-c jpeg:r:60 -p separate -t -w 32 -l 32"),
}
lines = []
for name, (source, options) in files.items():
    file = here / f"{name}.tif"
    subprocess.run(["tiffcp", *options.split(), work / f"{source}.tif", file], check=True)
    plain = work / f"{name}-plain.tif"
    subprocess.run(["tiffcp", "-L", "-c", "none", "-s", "-p", "contig", "-f", "msb2lsb", file, plain], check=True)
    image = Image.open(plain)
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "P":
        image = image.convert("RGB")
    pixels = numpy.asarray(image)
    bits = 16 if pixels.dtype.itemsize == 2 else 8
    data = pixels.astype("<u2").tobytes() if bits == 16 else pixels.tobytes()
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    lines.append(f"{file.name} {width} {height} {channels} {bits} {zlib.crc32(data):08x}")
(here / "digests.txt").write_text("\n".join(lines) + "\n")
