#!/usr/bin/env python3
"""Writes cmyk.jpg and ycck.jpg: four inks, with the profile of a printer that does not exist, made here.

Usage: ./make_cmyk.py, with Pillow and numpy.
"""
import io
import pathlib
import struct

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 61, 47
GRID = 5


def lab(rgb):
    """CIE L*a*b* of D50 from linear RGB of sRGB's primaries."""
    matrix = np.array([[0.4360, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7139]])
    xyz = rgb @ matrix.T / np.array([0.9642, 1, 0.8249])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def profile():
    """A table of 5 x 5 x 5 x 5 mixtures of inks that are not quite pure, on paper that is not quite white."""
    c, m, y, k = np.meshgrid(*[np.linspace(0, 1, GRID)] * 4, indexing="ij")
    red = (1 - 0.95 * c) * (1 - 0.10 * m) * (1 - 0.02 * y)
    green = (1 - 0.30 * c) * (1 - 0.90 * m) * (1 - 0.06 * y)
    blue = (1 - 0.12 * c) * (1 - 0.35 * m) * (1 - 0.88 * y)
    linear = np.stack([red, green, blue], axis=-1) ** 1.8 * ((1 - 0.97 * k) ** 1.8)[..., None] * [0.93, 0.92, 0.88]
    values = lab(linear)
    # Version 2's numbers of 16 bits: 0xff00 is 100, and 0x8000 is 0.
    table = np.stack([values[..., 0] * 652.8, values[..., 1] * 256 + 32768, values[..., 2] * 256 + 32768], axis=-1)
    table = np.clip(np.rint(table), 0, 65535).astype(">u2").tobytes()
    line = struct.pack(">2H", 0, 65535)
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft2\0\0\0\0" + bytes([4, 3, GRID, 0]) + identity + struct.pack(">2H", 2, 2) + line * 4 + table + line * 3
    name = b"No printer\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + b"\0" * (4 + 4 + 2 + 1 + 67)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    tags = [(b"desc", description), (b"cprt", b"text\0\0\0\0No copyright, use freely\0"), (b"wtpt", white), (b"A2B0", lut)]
    listing, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags:
        listing += tag + struct.pack(">2I", 132 + 12 * len(tags) + len(data), len(content))
        data += content + b"\0" * (-len(content) % 4)
    head = b"\0\0\0\0\x02\x10\0\0prtrCMYKLab " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">3i", 63190, 65536, 54061) + b"\0" * 48
    return struct.pack(">I", 4 + len(head) + len(listing) + len(data)) + head + listing + data


def main():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    inks = np.stack([x * 4, y * 5, (x + y) * 2, np.where((x // 8 + y // 8) % 2 == 0, 0, 120)], axis=2)
    image = Image.fromarray(np.clip(inks, 0, 255).astype(np.uint8), "CMYK")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92, icc_profile=profile())
    data = buffer.getvalue()
    adobe = data.index(b"Adobe\0")
    assert data[adobe + 11] == 0, "Adobe's mark says CMYK"
    (HERE / "cmyk.jpg").write_bytes(data)
    # The same numbers, said to be YCCK.
    (HERE / "ycck.jpg").write_bytes(data[: adobe + 11] + b"\2" + data[adobe + 12 :])


if __name__ == "__main__":
    main()
