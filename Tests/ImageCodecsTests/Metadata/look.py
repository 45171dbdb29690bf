"""What Pillow finds in image files: a line of JSON for each. Usage: look.py FILE ..."""
import io
import json
import sys

from PIL import Image, ImageCms, IptcImagePlugin


def look(path):
    image = Image.open(path)
    image.load()
    exif = image.getexif()
    details, position = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    found = {
        "size": list(image.size),
        "mode": image.mode,
        "resolution": [float(number) for number in image.info["dpi"]] if "dpi" in image.info else None,
        "make": exif.get(0x010F, ""),
        "artist": exif.get(0x013B, ""),
        "orientation": exif.get(0x0112, 1),
        "lens": details.get(0xA434, ""),
        "width": details.get(0xA002),
        "latitude": [float(number) for number in position.get(2, [])],
        "comment": str(image.info.get("comment", getattr(image, "text", {}).get("Comment", ""))),
        "xmp": any("xmp" in str(key).lower() for key in image.info) or bool(getattr(image, "tag_v2", {}).get(700)),
        "profile": None,
        "color": None,
    }
    if image.format in ("JPEG", "TIFF"):
        records = IptcImagePlugin.getiptcinfo(image) or {}
        found["city"] = records.get((2, 90), b"").decode()
    if image.info.get("icc_profile"):
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        found["profile"] = ImageCms.getProfileDescription(profile).strip()
        if image.mode == "RGB":
            # What the profile makes of a colour.
            transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "RGB", "RGB", 1)
            found["color"] = list(ImageCms.applyTransform(Image.new("RGB", (1, 1), (200, 100, 50)), transform).getpixel((0, 0)))
    return found


for path in sys.argv[1:]:
    print(json.dumps(look(path)))
