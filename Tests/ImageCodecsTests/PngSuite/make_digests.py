#!/usr/bin/env python3
"""Writes digests.txt: the expected pixels of every good file of PngSuite.

Decodes by the letter of the PNG specification, in plain Python and zlib, sharing nothing with the code under test; and
compares with OpenCV where that keeps the samples as they are. Usage: ./make_digests.py > digests.txt

A line: file, width, height, samples in a pixel, bits in a sample, CRC-32 and Adler-32 of the rows (16 bits big-endian).
"""
import pathlib
import struct
import sys
import zlib

import numpy as np

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    if pa <= pb and pa <= pc:
        return a
    return b if pb <= pc else c


def unfilter(data, width, height, bits, channels):
    """The samples (height, width, channels) of one pass, and what is left of the data."""
    step = max(1, bits * channels // 8)
    size = (width * bits * channels + 7) // 8
    above = bytearray(size)
    rows = []
    for _ in range(height):
        kind, row, data = data[0], bytearray(data[1 : size + 1]), data[size + 1 :]
        for x in range(size):
            a = row[x - step] if x >= step else 0
            c = above[x - step] if x >= step else 0
            b = above[x]
            row[x] = (row[x] + [0, a, b, (a + b) // 2, paeth(a, b, c)][kind]) & 255
        rows.append(row)
        above = row
    values = np.zeros((height, width * channels), np.uint16)
    for y, row in enumerate(rows):
        if bits == 16:
            values[y] = np.frombuffer(bytes(row), ">u2")
        else:
            unpacked = np.unpackbits(np.frombuffer(bytes(row), np.uint8)).reshape(-1, bits)
            values[y] = unpacked.dot(1 << np.arange(bits)[::-1])[: width * channels]
    return values.reshape(height, width, channels), data


def decode(file):
    position, chunks = 8, {}
    while position < len(file):
        length, kind = struct.unpack(">I4s", file[position : position + 8])
        chunks[kind] = chunks.get(kind, b"") + file[position + 8 : position + 8 + length]
        position += length + 12
    width, height, bits, colour, _, _, interlace = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    data = zlib.decompress(chunks[b"IDAT"])
    channels = CHANNELS[colour]
    if interlace:
        samples = np.zeros((height, width, channels), np.uint16)
        for x, y, dx, dy in ADAM7:
            columns, rows = len(range(x, width, dx)), len(range(y, height, dy))
            if columns and rows:
                samples[y::dy, x::dx], data = unfilter(data, columns, rows, bits, channels)
    else:
        samples, data = unfilter(data, width, height, bits, channels)
    assert not data

    transparency = chunks.get(b"tRNS")
    if colour == 3:
        palette = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
        if transparency is not None:
            alpha = np.full((len(palette), 1), 255, np.uint8)
            alpha[: len(transparency), 0] = np.frombuffer(transparency, np.uint8)
            palette = np.hstack([palette, alpha])
        return palette[samples[:, :, 0]], 8
    maximum = (1 << bits) - 1
    out_bits = max(bits, 8)
    out = samples * (255 // maximum) if bits < 8 else samples
    if transparency is not None:
        key = np.array(struct.unpack(f">{channels}H", transparency), np.uint16)
        visible = (samples != key).any(axis=2, keepdims=True)
        out = np.concatenate([out, visible * np.uint16((1 << out_bits) - 1)], axis=2)
    return out.astype(">u2" if out_bits == 16 else np.uint8), out_bits


def compare_with_opencv(path, pixels):
    """True when OpenCV says the same, None when it delivers another layout."""
    try:
        import cv2
    except ImportError:
        return None
    theirs = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if theirs is None:
        return None
    theirs = theirs[:, :, None] if theirs.ndim == 2 else theirs
    theirs = theirs[:, :, [2, 1, 0, 3][: theirs.shape[2]]] if theirs.shape[2] > 1 else theirs
    if theirs.shape != pixels.shape or theirs.dtype.itemsize != pixels.dtype.itemsize:
        return None
    return bool((theirs == pixels).all())


def main():
    verdicts = {True: 0, None: 0, False: 0}
    for path in sorted(pathlib.Path(__file__).parent.glob("*.png")):
        if path.name.startswith("x"):
            continue
        pixels, bits = decode(path.read_bytes())
        verdicts[compare_with_opencv(path, pixels)] += 1
        data = pixels.tobytes()
        height, width, channels = pixels.shape
        print(path.name, width, height, channels, bits, f"{zlib.crc32(data):08x} {zlib.adler32(data):08x}")
    print(f"OpenCV agrees on {verdicts[True]}, differs on {verdicts[False]}, has another layout for {verdicts[None]}",
          file=sys.stderr)


if __name__ == "__main__":
    main()
