#!/usr/bin/env python3
"""Writes the JPEG files beside it, and digests.txt: the expected pixels of those that are read.

The files are made by cjpeg, jpegtran, exiftool and Pillow, and decoded by djpeg (libjpeg-turbo) and Pillow, which must agree.
Usage: ./make_fixtures.py, with Pillow and numpy.

A line: file, width, height, samples in a pixel, CRC-32 and Adler-32 of the rows, order (rows or whole), orientation.
"""
import io
import pathlib
import re
import subprocess
import zlib

import numpy as np
from PIL import Image, ImageFile

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 61, 47


def picture():
    """Slopes, edges, a disc and noise, in three colours."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(7).integers(0, 40, (HEIGHT, WIDTH))
    red = x * 4
    green = np.where((x // 8 + y // 8) % 2 == 0, 40, 200)
    blue = np.where((x - 30) ** 2 + (y - 20) ** 2 < 200, 255, y * 3) + noise
    return np.clip(np.stack([red, green, blue], axis=2), 0, 255).astype(np.uint8)


def netpbm(pixels):
    kind = b"P5" if pixels.ndim == 2 else b"P6"
    return b"%s %d %d 255\n" % (kind, pixels.shape[1], pixels.shape[0]) + pixels.tobytes()


def run(*command, data=b"", allowed=(0,)):
    process = subprocess.run(command, input=data, capture_output=True)
    assert process.returncode in allowed, (command, process.stderr)
    return process.stdout


def pillow(data):
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    image = Image.open(io.BytesIO(data))
    image.load()
    return np.asarray(image)


def djpeg(data):
    # 2: with warnings.
    output = run("djpeg", "-dct", "int", data=data, allowed=(0, 2))
    kind, width, height = re.match(rb"(P[56])\s+(\d+)\s+(\d+)\s+255\s", output).groups()
    start = re.match(rb"P[56]\s+\d+\s+\d+\s+255\s", output).end()
    shape = (int(height), int(width)) if kind == b"P5" else (int(height), int(width), 3)
    return np.frombuffer(output[start:], np.uint8).reshape(shape)


def saved(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def tagged(data, *tags):
    path = HERE / "temporary.jpg"
    path.write_bytes(data)
    run("exiftool", "-q", "-overwrite_original", *tags, str(path))
    data = path.read_bytes()
    path.unlink()
    return data


def main():
    color = picture()
    gray = color[:, :, 1]
    files = {}
    files["gray.jpg"] = run("cjpeg", "-quality", "85", data=netpbm(gray))
    for name, sampling in [
        ("444", "1x1"), ("422", "2x1"), ("440", "1x2"), ("420", "2x2"), ("411", "4x1"), ("410", "4x2"), ("chroma-odd", "1x1,2x2,1x2"),
    ]:
        files[f"{name}.jpg"] = run("cjpeg", "-quality", "85", "-sample", sampling, data=netpbm(color))
    files["optimized.jpg"] = run("cjpeg", "-quality", "95", "-optimize", data=netpbm(color))
    files["low-quality.jpg"] = run("cjpeg", "-quality", "5", data=netpbm(color))
    files["restarts.jpg"] = run("cjpeg", "-quality", "85", "-restart", "1B", data=netpbm(color))
    files["rgb.jpg"] = run("cjpeg", "-quality", "85", "-rgb", data=netpbm(color))
    files["progressive.jpg"] = run("cjpeg", "-quality", "85", "-progressive", data=netpbm(color))
    files["progressive-gray.jpg"] = run("cjpeg", "-quality", "85", "-progressive", data=netpbm(gray))
    scans = HERE / "scans.txt"
    scans.write_text("0;\n1;\n2;\n")
    files["components-apart.jpg"] = run("cjpeg", "-quality", "85", "-scans", str(scans), data=netpbm(color))
    scans.unlink()
    files["one-pixel.jpg"] = run("cjpeg", data=netpbm(color[:1, :1]))
    files["turned.jpg"] = tagged(files["420.jpg"], "-n", "-Orientation=6", "-XResolution=300", "-YResolution=200")
    thumbnail = HERE / "thumbnail.jpg"
    thumbnail.write_bytes(run("cjpeg", "-quality", "30", data=netpbm(color[::4, ::4])))
    packet = HERE / "packet.xmp"
    packet.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" tiff:Orientation="6" exif:PixelXDimension="61"/></rdf:RDF></x:xmpmeta>')
    # sRGB's parameters in a profile that no colour management would miss.
    profile = HERE / "profile.icc"
    from PIL import ImageCms
    profile.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    files["everything.jpg"] = tagged(
        files["turned.jpg"], f"-ThumbnailImage<={thumbnail}", f"-XMP<={packet}", f"-ICC_Profile<={profile}",
        "-IPTC:Keywords=harbour", "-IPTC:City=Vlissingen", "-Comment=a comment: é", "-n", "-ExifImageWidth=61",
        "-ExifImageHeight=47", "-Make=Nobody", "-GPSLatitude=51.4", "-GPSLatitudeRef=N", "-JFIF:XResolution=240",
        "-JFIF:YResolution=120", "-JFIF:ResolutionUnit=1")
    for path in [thumbnail, packet, profile]:
        path.unlink()
    # Without a profile; make_cmyk.py makes those that have one.
    cmyk = Image.fromarray(color).convert("CMYK")
    files["x-cmyk.jpg"] = saved(cmyk, quality=85)
    files["x-arithmetic.jpg"] = run("cjpeg", "-quality", "85", "-arithmetic", data=netpbm(color))
    # Damaged in their image data: decoded leniently only.
    files["y-truncated.jpg"] = files["420.jpg"][: len(files["420.jpg"]) * 2 // 3]
    data = bytearray(files["restarts.jpg"])
    for offset in range(len(data) * 2 // 3, len(data)):
        changed = bytes(data[:offset]) + bytes([data[offset] ^ 0x55]) + bytes(data[offset + 1 :])
        # Not all damage is seen.
        if subprocess.run(["djpeg"], input=changed, capture_output=True).returncode == 2:
            files["y-damaged.jpg"] = changed
            break

    digests = []
    for name, data in sorted(files.items()):
        (HERE / name).write_bytes(data)
        if name.startswith("x-"):
            continue
        pixels = djpeg(data)
        assert np.array_equal(pixels, pillow(data)), f"Pillow decodes {name} otherwise"
        rows = pixels.tobytes()
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        order = "whole" if "progressive" in name or name == "components-apart.jpg" else "rows"
        orientation = 6 if name in ("turned.jpg", "everything.jpg") else 1
        digests.append(
            f"{name} {pixels.shape[1]} {pixels.shape[0]} {channels} {zlib.crc32(rows):08x} {zlib.adler32(rows):08x} "
            f"{order} {orientation}\n")
    (HERE / "digests.txt").write_text("".join(digests))


if __name__ == "__main__":
    main()
