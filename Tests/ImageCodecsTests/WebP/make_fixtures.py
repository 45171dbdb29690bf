#!/usr/bin/env python3
"""Writes the WebP files beside it, and digests.txt: the expected pixels of those that are read.

The files are made by cwebp and Pillow, and decoded by dwebp and Pillow, which must agree (with different releases of libwebp).
Usage: ./make_fixtures.py, with Pillow and numpy.

A line: file, width, height, samples in a pixel, CRC-32 and Adler-32 of the rows, order (whole), orientation.
"""
import io
import pathlib
import subprocess
import zlib

import numpy as np
from PIL import Image, ImageCms

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 61, 47


def picture():
    """Slopes, edges, a disc and noise, in three colours, and a slope of transparency."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(7).integers(0, 40, (HEIGHT, WIDTH))
    red = x * 4
    green = np.where((x // 8 + y // 8) % 2 == 0, 40, 200)
    blue = np.where((x - 30) ** 2 + (y - 20) ** 2 < 200, 255, y * 3) + noise
    alpha = np.clip(x * 6 - 40, 0, 255)
    return np.clip(np.stack([red, green, blue, alpha], axis=2), 0, 255).astype(np.uint8)


def saved(pixels, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", **options)
    return buffer.getvalue()


def dwebp(data):
    path = HERE / "temporary.webp"
    path.write_bytes(data)
    output = subprocess.run(["dwebp", "-quiet", str(path), "-pam", "-o", "-"], capture_output=True, check=True).stdout
    path.unlink()
    head, rows = output.split(b"ENDHDR\n", 1)
    fields = dict(line.split(b" ", 1) for line in head.split(b"\n") if b" " in line)
    return np.frombuffer(rows, np.uint8).reshape(int(fields[b"HEIGHT"]), int(fields[b"WIDTH"]), int(fields[b"DEPTH"]))


def main():
    pixels = picture()
    color = pixels[:, :, :3].copy()
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Nobody"
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF>'
        b"</x:xmpmeta>")
    metadata = dict(
        exif=exif, xmp=packet, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    files = {
        "lossy.webp": saved(color, quality=70),
        "lossy-alpha.webp": saved(pixels, quality=70),
        "lossless.webp": saved(color, lossless=True),
        "lossless-alpha.webp": saved(pixels, lossless=True, exact=True),
        "everything.webp": saved(color, quality=70, **metadata),
        "everything-alpha.webp": saved(pixels, lossless=True, **metadata),
        "one-pixel.webp": saved(color[:1, :1]),
        "one-color.webp": saved(np.full((100, 200, 3), 77, np.uint8), lossless=True),
    }
    frames = [Image.fromarray(np.roll(color, shift, axis=1)) for shift in (0, 10, 20)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=100)
    files["x-animation.webp"] = buffer.getvalue()
    digests = []
    for name, data in sorted(files.items()):
        (HERE / name).write_bytes(data)
        if name.startswith("x-"):
            continue
        image = np.asarray(Image.open(io.BytesIO(data)))
        theirs = dwebp(data)
        assert np.array_equal(image, theirs[:, :, : image.shape[2]]), name
        rows = image.tobytes()
        digests.append(
            f"{name} {image.shape[1]} {image.shape[0]} {image.shape[2]} {zlib.crc32(rows):08x} {zlib.adler32(rows):08x} "
            f"whole {6 if name.startswith('everything') else 1}\n")
    (HERE / "digests.txt").write_text("".join(digests))


if __name__ == "__main__":
    main()
