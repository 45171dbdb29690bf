"""How an opponent is entered, and what they share: what OpenCV computes for an operation, over parameters that are drawn.

An opponent is a function of a random generator and an image (gray or RGB, 8 or 16 bits) which returns the arguments that
it drew, as a pipeline writes them, and the expected image; None where OpenCV has no counterpart for that image.
"""
import pathlib
import sys

import cv2
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "ImagingTests" / "Golden"))
import definitions as golden  # noqa: E402, F401  (those of the golden files; used by the baselines)

OPPONENTS = {}


def overlay_pictures():
    """What pipelines of `overlay` attach, by digest: one in each format."""
    random = np.random.default_rng(11)
    pictures = {}
    for channels in (1, 2, 3, 4):
        for bits in (8, 16):
            shape = (23, 31) if channels == 1 else (23, 31, channels)
            picture = random.integers(0, 2**bits, shape, np.uint8 if bits == 8 else np.uint16)
            if channels in (2, 4):
                picture[:9, :, -1] = 0
                picture[14:, :, -1] = 2**bits - 1
            pictures[f"{channels}{bits:x}".rjust(64, "a")] = picture
    return pictures


PICTURES = overlay_pictures()


class Opponent:
    def __init__(self, function, against, alpha, read):
        self.function = function
        # What is compared of a document, as an array: a function of it and the image. Arguments with output=json ask for it.
        self.read = read
        self.against = against
        # What becomes of alpha: "kept", "dropped", or "alike" when it is treated as the colours are; with "separate " before
        # it where the operation has to be asked for that.
        self.alpha = alpha.removeprefix("separate ")
        self.words = " alpha=separate" if alpha.startswith("separate ") else ""

    def draw(self, random, image):
        """Arguments and the expected image, or None."""
        has_alpha = image.ndim == 3 and image.shape[2] == 4
        colours = np.ascontiguousarray(image[..., :3]) if has_alpha and self.alpha != "alike" else image
        drawn = self.function(random, colours)
        if drawn is not None and has_alpha:
            drawn = (drawn[0] + self.words, *drawn[1:])
        if drawn is None or not has_alpha or self.alpha != "kept" or "output=json" in drawn[0]:
            return drawn
        arguments, expected, *before = drawn
        height, width = expected.shape[:2]
        return arguments, np.dstack([expected, image[:height, :width, 3]]), *before


def opponent(name, against, alpha="kept", read=None):
    def register(function):
        OPPONENTS[name] = Opponent(function, against, alpha, read)
        return function

    return register


def top(image):
    return int(np.iinfo(image.dtype).max)


def odd(random, low, high):
    """An odd integer, small ones more often."""
    return low + 2 * int((high - low) / 2 * random.random() ** 2 + 0.5)


def number(random, low, high, decimals=3):
    return round(float(random.uniform(low, high)), decimals)


def level(random, image, low=0.0, high=1.0):
    return int(random.integers(int(low * top(image)), int(high * top(image)) + 1))


BORDERS = {
    "reflect-101": cv2.BORDER_REFLECT_101, "reflect": cv2.BORDER_REFLECT, "replicate": cv2.BORDER_REPLICATE,
    "constant": cv2.BORDER_CONSTANT,
}


def bordered(random, image, reach, function):
    """The argument for a border that is drawn, often the default, and `function` of the image that continues beyond."""
    if random.random() < 0.5:
        return "", function(image)
    name = str(random.choice(list(BORDERS)))
    if name == "reflect-101":
        return f" border={name}", function(image)
    wide = function(cv2.copyMakeBorder(image, reach, reach, reach, reach, BORDERS[name]))
    height, width = image.shape[:2]
    return f" border={name}", np.ascontiguousarray(wide[reach : reach + height, reach : reach + width])


def planes(image, function):
    """`function` of each channel by itself."""
    return function(image) if image.ndim == 2 else cv2.merge([function(plane) for plane in cv2.split(image)])
