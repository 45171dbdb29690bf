"""NumPy and Pillow in and out (the extra `images`). Samples travel as PNG, which loses none of 8 or 16 bits."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy
from PIL import Image

_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode_array(array: numpy.ndarray[Any, Any]) -> bytes:
    """A PNG file of `array`: uint8, uint16 or bool; rows, columns and 1 to 4 channels (gray, +alpha, RGB, RGBA)."""
    if array.dtype == numpy.bool_:
        array = array.astype(numpy.uint8) * 255
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in _COLOR_TYPES or 0 in array.shape:
        raise ValueError(
            f"an array of shape {array.shape} is not an image: give (rows, columns) or (rows, columns, 1 to 4)"
        )
    if array.dtype not in (numpy.uint8, numpy.uint16):
        raise ValueError(f"samples of type {array.dtype} have no exact PNG form: convert to uint8 or uint16")
    height, width = array.shape[:2]
    bits = array.dtype.itemsize * 8
    row_bytes = width * channels * bits // 8
    rows = numpy.zeros((height, row_bytes + 1), numpy.uint8)
    samples = numpy.ascontiguousarray(array, dtype=array.dtype.newbyteorder(">"))
    rows[:, 1:] = samples.reshape(height, -1).view(numpy.uint8)
    header = struct.pack(">IIBBBBB", width, height, bits, _COLOR_TYPES[channels], 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.data, 1)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def encode_image(image: Image.Image) -> bytes:
    """A PNG file of a Pillow image. Modes that PNG does not have are refused, not converted silently."""
    if image.mode not in ("1", "L", "LA", "RGB", "RGBA", "P", "I;16", "I;16B"):
        raise ValueError(f"a Pillow image of mode {image.mode} has no exact PNG form: convert it to RGB, RGBA or I;16")
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def decode_array(data: bytes) -> numpy.ndarray[Any, Any]:
    """Samples of an image file. PNG files of 16 bits per sample are read here, as Pillow would cut RGB to 8 bits."""
    if data.startswith(_SIGNATURE) and data[24] == 16 and data[28] == 0:
        return _decode_png16(data)
    image = decode(data)
    return numpy.asarray(image.convert("L") if image.mode == "1" else image)


def _decode_png16(data: bytes) -> numpy.ndarray[Any, Any]:
    width, height = struct.unpack_from(">II", data, 16)
    channels = {value: key for key, value in _COLOR_TYPES.items()}[data[25]]
    inflate, rows, position = zlib.decompressobj(), bytearray(), 8
    row_bytes = width * channels * 2
    while position + 8 <= len(data):
        (size,), kind = struct.unpack_from(">I", data, position), data[position + 4 : position + 8]
        if kind == b"IDAT":
            rows += inflate.decompress(data[position + 8 : position + 8 + size])
        position += size + 12
    if len(rows) != height * (row_bytes + 1):
        raise ValueError(f"the PNG file has {len(rows)} bytes of rows, not {height * (row_bytes + 1)}: it is damaged")
    filtered = numpy.frombuffer(rows, numpy.uint8).reshape(height, row_bytes + 1)
    result = numpy.zeros((height, row_bytes), numpy.uint8)
    above = numpy.zeros(row_bytes, numpy.uint8)
    for y in range(height):
        above = _unfilter(int(filtered[y, 0]), filtered[y, 1:], above, channels * 2)
        result[y] = above
    samples = result.view(">u2").astype(numpy.uint16)
    return samples.reshape((height, width) if channels == 1 else (height, width, channels))


def _unfilter(
    kind: int, row: numpy.ndarray[Any, Any], above: numpy.ndarray[Any, Any], pixel_bytes: int
) -> numpy.ndarray[Any, Any]:
    """One row without its filter (PNG, section 9): None, Sub and Up by whole rows, Average and Paeth byte by byte."""
    if kind == 0:
        return row
    if kind == 1:
        summed: numpy.ndarray[Any, Any] = numpy.cumsum(row.reshape(-1, pixel_bytes), axis=0, dtype=numpy.uint8)
        return summed.reshape(-1)
    if kind == 2:
        total: numpy.ndarray[Any, Any] = row + above
        return total
    if kind not in (3, 4):
        raise ValueError(f"the PNG file has a row of filter {kind}, of 0 to 4: it is damaged")
    out, up = bytearray(row.tobytes()), above.tobytes()
    for x in range(len(out)):
        a, b = (out[x - pixel_bytes] if x >= pixel_bytes else 0), up[x]
        if kind == 3:
            out[x] = (out[x] + (a + b) // 2) & 255
            continue
        c = up[x - pixel_bytes] if x >= pixel_bytes else 0
        pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
        out[x] = (out[x] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
    return numpy.frombuffer(bytes(out), numpy.uint8)
