"""PNG files made of nothing but Python, small or large, each with its own pixels."""

import struct
import zlib


def png(width, height, seed):
    """An RGB picture of stripes whose colours and directions come from `seed`."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            rows += bytes(((x * seed + y) % 256, (y * 3 + seed) % 256, (x ^ y ^ seed) % 256))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b"")


def write(directory, count, width=64, height=48, seed=1):
    """Writes `count` pictures, and returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        path = directory / f"plate-{number:03}.png"
        path.write_bytes(png(width, height, seed + number))
        paths.append(path)
    return paths
