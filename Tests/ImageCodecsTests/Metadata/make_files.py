#!/usr/bin/env python3
"""Writes the pictures beside it, each with everything that a file of its format can say besides the pixels.

Made by Pillow and exiftool. Usage: ./make_files.py, with Pillow and numpy.
"""
import pathlib
import struct
import subprocess
import zlib

import numpy as np
from PIL import Image, ImageCms

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 61, 47


def picture():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([x * 4, y * 5, (x // 8 + y // 8) % 2 * 160], axis=2).astype(np.uint8)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def insert(path, *chunks):
    """Puts chunks behind a PNG file's header."""
    data = path.read_bytes()
    path.write_bytes(data[:33] + b"".join(chunks) + data[33:])


def main():
    image = Image.fromarray(picture())
    files = {suffix: HERE / f"everything.{suffix}" for suffix in ["jpg", "png", "tif", "webp"]}
    image.save(files["jpg"], quality=92)
    image.save(files["png"])
    image.save(files["tif"], compression="tiff_lzw")
    image.save(files["webp"], lossless=True)
    # sRGB's numbers in a profile that says another name than ours.
    profile = HERE / "profile.icc"
    profile.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    thumbnail = HERE / "thumbnail.jpg"
    image.resize((15, 12)).save(thumbnail, quality=40)
    exif = [
        "-n", "-IFD0:Make=Nobody", "-IFD0:Model=Box 1", "-ExifIFD:LensModel=A piece of glass",
        "-ExifIFD:DateTimeOriginal=2026:01:02 03:04:05", "-IFD0:Artist=A. Uthor", "-IFD0:Copyright=2026 A. Uthor",
        "-IFD0:ImageDescription=a harbour", "-IFD0:Software=Pencil 3", "-IFD0:Orientation=6",
        "-ExifIFD:ExifImageWidth=61", "-ExifIFD:ExifImageHeight=47", "-GPS:GPSLatitude=51.4", "-GPS:GPSLatitudeRef=N",
        "-GPS:GPSLongitude=3.57", "-GPS:GPSLongitudeRef=E", "-IFD0:XResolution=300", "-IFD0:YResolution=150",
        "-IFD0:ResolutionUnit=2"]
    xmp = ["-XMP-dc:Creator=A. Uthor", "-XMP-dc:Subject=harbour", "-XMP-exif:ExifImageWidth=61"]
    iptc = ["-IPTC:Keywords=harbour", "-IPTC:City=Vlissingen"]
    icc = [f"-ICC_Profile<={profile}"]
    small = [f"-ThumbnailImage<={thumbnail}"]
    tag = ["exiftool", "-q", "-overwrite_original"]
    run(*tag, *exif, *xmp, *iptc, *icc, *small, "-Comment=a comment", "-JFIF:XResolution=300", "-JFIF:YResolution=150",
        "-JFIF:ResolutionUnit=1", files["jpg"])
    run(*tag, *exif, *xmp, *iptc, *icc, *small, "-PNG:Comment=a comment", "-PNG:Title=a title", "-PNG:Author=A. Uthor",
        "-PNG:Description=a harbour", "-PNG:Copyright=2026 A. Uthor", "-PNG:Software=Pencil 3",
        "-PNG-pHYs:PixelsPerUnitX=11811", "-PNG-pHYs:PixelsPerUnitY=5906", "-PNG-pHYs:PixelUnits=1", files["png"])
    run(*tag, *exif, *xmp, *iptc, *icc, files["tif"])
    run(*tag, *exif, *xmp, *icc, *small, files["webp"])
    # A packet of more than a segment has room for.
    extended = HERE / "extended.jpg"
    extended.write_bytes(files["jpg"].read_bytes())
    run(*tag, "-XMP-xmp:Label=first", "-XMP-photoshop:History=" + "The harbour, once more. " * 3_000, extended)
    for name, chunks in [
        ("gamma", [chunk(b"gAMA", struct.pack(">I", 55_556)),
                   chunk(b"cHRM", struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6_000))]),
        ("srgb", [chunk(b"sRGB", b"\1")]),
        ("cicp", [chunk(b"cICP", bytes([12, 13, 0, 1]))]),
        ("cicp-hdr", [chunk(b"cICP", bytes([9, 16, 0, 1]))]),
    ]:
        path = HERE / f"{name}.png"
        image.save(path)
        insert(path, *chunks)
    profile.unlink()
    thumbnail.unlink()


if __name__ == "__main__":
    main()
