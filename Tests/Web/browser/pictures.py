"""PNG files made of nothing but Python, small or large, each with its own pixels."""

import random
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


def write_large(path, width, height, seed=1):
    """Writes an RGB picture of any size, a row at a time: every row has its own pixels, and compresses well."""
    source = random.Random(seed)
    noise = source.randbytes(3 * 1009)
    # Stripes of colours, so that nothing is gray, from close by or from afar.
    tints = [[source.randrange(192) for _ in range(3)] for _ in range(16)]
    line = b"".join(bytes((value >> 2) + tint[place % 3] for place, value in enumerate(noise)) for tint in tints)
    line *= (3 * width + len(noise)) // len(line) + 2
    squeeze = zlib.compressobj(1)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        for y in range(height):
            start = 3 * (y * 389 % 1009)
            data = squeeze.compress(b"\0" + line[start:start + 3 * width])
            if data:
                file.write(chunk(b"IDAT", data))
        file.write(chunk(b"IDAT", squeeze.flush()) + chunk(b"IEND", b""))


def rows_of(read, first, end):
    """Some rows of a result: a PNG file, RGB of 8 bits, whose segments are IDAT chunks that decode by themselves.

    `read(offset, count)` gives bytes of the file. Returns the rows from the first of the segment that has row `first`, and that
    row's number.
    """
    place, width, segment, found, start = 8, 0, -1, [], None
    while True:
        count, kind = struct.unpack(">I4s", read(place, 8))
        if kind == b"IHDR":
            width, _ = struct.unpack(">II", read(place + 8, 8))
            per_segment = max(1, (256 << 10) // (3 * width))
        if kind == b"IDAT":
            # The first one has the head of the zlib stream only.
            if segment >= 0 and (segment + 1) * per_segment > first:
                start = segment * per_segment if start is None else start
                found += _unfiltered(zlib.decompressobj(-15).decompress(read(place + 8, count)), 3 * width)
                if start + len(found) >= end:
                    return found, start
            segment += 1
        place += count + 12


def _unfiltered(data, byte_count):
    rows, above = [], bytes(byte_count)
    for place in range(0, len(data), byte_count + 1):
        kind, row = data[place], bytearray(data[place + 1:place + 1 + byte_count])
        for x in range(byte_count if kind else 0):
            left, up, corner = (row[x - 3], above[x], above[x - 3]) if x >= 3 else (0, above[x], 0)
            if kind == 4:
                guess = left + up - corner
                near = [abs(guess - left), abs(guess - up), abs(guess - corner)]
                row[x] = row[x] + (left, up, corner)[near.index(min(near))] & 255
            else:
                row[x] = row[x] + (0, left, up, left + up >> 1)[kind] & 255
        rows.append(bytes(row))
        above = row
    return rows


def write(directory, count, width=64, height=48, seed=1):
    """Writes `count` pictures, and returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        path = directory / f"plate-{number:03}.png"
        path.write_bytes(png(width, height, seed + number))
        paths.append(path)
    return paths
