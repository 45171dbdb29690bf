"""Races of operations on single pixels, on the levels of an image, and on their places."""
import cv2
import numpy as np

from races import COLOUR, EIGHT, GRAY, SIXTEEN, race, single

# Colour

single("invert", "bitwise_not", lambda image, to: cv2.bitwise_not(image, to))


@race("grayscale", "cvtColor RGB2GRAY", COLOUR)
def _(image):
    to = np.empty(image.shape[:2], image.dtype)
    return lambda: cv2.cvtColor(image, cv2.COLOR_RGB2GRAY, to)


single(
    "brightness-contrast brightness=10 contrast=1.2", "convertScaleAbs",
    lambda image, to: cv2.convertScaleAbs(image, to, 1.2, 10), EIGHT,
)
single(
    "brightness-contrast brightness=10 contrast=1.2", "addWeighted",
    lambda image, to: cv2.addWeighted(image, 1.2, image, 0, 10, to), ("gray16", "rgb16"),
)


def lut(pipeline):
    @race(pipeline, "LUT", EIGHT)
    def _(image):
        to, table = np.empty_like(image), np.arange(255, -1, -1, dtype=np.uint8)
        return lambda: cv2.LUT(image, table, to)


def take(pipeline):
    """OpenCV's lookups know tables of 256 levels only."""

    @race(pipeline, "NumPy: take from a table", SIXTEEN)
    def _(image):
        to, table = np.empty_like(image), np.arange(65535, -1, -1, dtype=np.uint16)
        # Without a buffer, as the levels cannot be outside the table.
        return lambda: np.take(table, image, out=to, mode="clip")


lut("gamma gamma=2.2")
take("gamma gamma=2.2")
lut("levels black=20 white=200 gamma=1.2")
take("levels black=5000 white=50000 gamma=1.2")
lut("posterize")
take("posterize")


@race("saturation scale=1.5", "transform", COLOUR)
def _(image):
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    to, matrix = np.empty_like(image), (1.5 * np.eye(3) - 0.5 * np.array([luma] * 3)).astype(np.float32)
    return lambda: cv2.transform(image, matrix, to)


@race("hue degrees=40", "cvtColor RGB2HSV_FULL, add, cvtColor HSV2RGB_FULL", ("rgb8",))
def _(image):
    to, hsv = np.empty_like(image), np.empty_like(image)

    def run():
        cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL, hsv)
        hsv[..., 0] += 28
        cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL, to)

    return run


@race("hue degrees=40", "multiply, cvtColor RGB2HSV, add, cvtColor HSV2RGB, multiply", ("rgb16",))
def _(image):
    to, share, hsv = np.empty_like(image), np.empty(image.shape, np.float32), np.empty(image.shape, np.float32)

    def run():
        cv2.multiply(image, (1 / 65535,) * 4, share, dtype=cv2.CV_32F)
        cv2.cvtColor(share, cv2.COLOR_RGB2HSV, hsv)
        cv2.add(hsv, (40, 0, 0, 0), hsv)
        cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB, share)
        cv2.multiply(share, (65535,) * 4, to, dtype=cv2.CV_16U)

    return run


@race("sepia", "transform", COLOUR)
def _(image):
    to = np.empty_like(image)
    matrix = np.array([[393, 769, 189], [349, 686, 168], [272, 534, 131]], np.float32) / 1000
    return lambda: cv2.transform(image, matrix, to)


@race("channel name=g", "extractChannel", COLOUR)
def _(image):
    to = np.empty(image.shape[:2], image.dtype)
    return lambda: cv2.extractChannel(image, 1, to)


@race("colormap", "applyColorMap", ("gray8",))
def _(image):
    to = np.empty((*image.shape[:2], 3), image.dtype)
    return lambda: cv2.applyColorMap(image, cv2.COLORMAP_VIRIDIS, to)


@race("colormap", "multiply, applyColorMap", ("gray16",))
def _(image):
    small, to = np.empty(image.shape, np.uint8), np.empty((*image.shape, 3), np.uint8)

    def run():
        cv2.multiply(image, 1 / 257, small, dtype=cv2.CV_8U)
        cv2.applyColorMap(small, cv2.COLORMAP_VIRIDIS, to)

    return run


@race("depth bits=16", "LUT", EIGHT)
def _(image):
    to, table = np.empty(image.shape, np.uint16), np.arange(256, dtype=np.uint16) * 257
    return lambda: cv2.LUT(image, table, to)


@race("depth bits=8", "convertScaleAbs", SIXTEEN)
def _(image):
    to = np.empty(image.shape, np.uint8)
    return lambda: cv2.convertScaleAbs(image, to, 1 / 257)


def translucent(image):
    """Every alpha there is, from left to right."""
    ramp = np.linspace(0, int(np.iinfo(image.dtype).max), image.shape[1]).astype(image.dtype)
    return np.dstack([image, np.broadcast_to(ramp, image.shape[:2])])


@race(
    "flatten", "cvtColor RGBA2mRGBA and RGBA2RGB, extractChannel, bitwise_not, cvtColor GRAY2RGB, add", ("rgb8",),
    scene=translucent,
)
def _(image):
    multiplied, alpha = np.empty_like(image), np.empty(image.shape[:2], image.dtype)
    to, ground = np.empty((*alpha.shape, 3), image.dtype), np.empty((*alpha.shape, 3), image.dtype)

    def run():
        cv2.cvtColor(image, cv2.COLOR_RGBA2mRGBA, multiplied)
        cv2.cvtColor(multiplied, cv2.COLOR_RGBA2RGB, to)
        cv2.extractChannel(image, 3, alpha)
        cv2.bitwise_not(alpha, alpha)
        cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB, ground)
        cv2.add(to, ground, to)

    return run


@race(
    "flatten", "cvtColor RGBA2RGB, extractChannel, cvtColor GRAY2RGB, multiply, bitwise_not, add", ("rgb16",),
    scene=translucent,
)
def _(image):
    alpha = np.empty(image.shape[:2], image.dtype)
    to, ground = np.empty((*alpha.shape, 3), image.dtype), np.empty((*alpha.shape, 3), image.dtype)

    def run():
        cv2.cvtColor(image, cv2.COLOR_RGBA2RGB, to)
        cv2.extractChannel(image, 3, alpha)
        cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB, ground)
        cv2.multiply(to, ground, to, 1 / 65535)
        cv2.bitwise_not(ground, ground)
        cv2.add(to, ground, to)

    return run


# Point operations that follow each other are one pass of ours.
POINTS = "gamma gamma=2.2 | brightness-contrast brightness=10 contrast=1.2 | invert"


@race(POINTS, "LUT, convertScaleAbs, bitwise_not", EIGHT)
def _(image):
    to, table = np.empty_like(image), np.arange(255, -1, -1, dtype=np.uint8)

    def run():
        cv2.LUT(image, table, to)
        cv2.convertScaleAbs(to, to, 1.2, 10)
        cv2.bitwise_not(to, to)

    return run


@race(POINTS, "NumPy: take from a table; addWeighted, bitwise_not", SIXTEEN)
def _(image):
    to, table = np.empty_like(image), np.arange(65535, -1, -1, dtype=np.uint16)

    def run():
        np.take(table, image, out=to, mode="clip")
        cv2.addWeighted(to, 1.2, to, 0, 10, to)
        cv2.bitwise_not(to, to)

    return run


# Threshold, histogram, geometry

single(
    "threshold channels=each", "threshold",
    lambda image, to: cv2.threshold(image, 128 * (1 if image.itemsize == 1 else 257), np.iinfo(image.dtype).max, 0, to),
)


@race("otsu", "threshold THRESH_OTSU", GRAY)
def _(image):
    to, largest = np.empty_like(image), int(np.iinfo(image.dtype).max)
    return lambda: cv2.threshold(image, 0, largest, cv2.THRESH_BINARY | cv2.THRESH_OTSU, to)


@race("otsu", "cvtColor RGB2GRAY, threshold THRESH_OTSU", COLOUR)
def _(image):
    gray, largest = np.empty(image.shape[:2], image.dtype), int(np.iinfo(image.dtype).max)
    to = np.empty_like(gray)

    def run():
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY, gray)
        cv2.threshold(gray, 0, largest, cv2.THRESH_BINARY | cv2.THRESH_OTSU, to)

    return run


def adaptive(pipeline, method, size):
    @race(pipeline, "adaptiveThreshold", ("gray8",))
    def _(image):
        to = np.empty_like(image)
        return lambda: cv2.adaptiveThreshold(image, 255, method, cv2.THRESH_BINARY, size, 2, to)


adaptive("adaptive-threshold", cv2.ADAPTIVE_THRESH_MEAN_C, 11)
adaptive("adaptive-threshold method=gaussian", cv2.ADAPTIVE_THRESH_GAUSSIAN_C, 11)


@race("equalize", "equalizeHist", ("gray8",))
def _(image):
    to = np.empty_like(image)
    return lambda: cv2.equalizeHist(image, to)


@race("equalize", "cvtColor RGB2GRAY, equalizeHist, subtract, add to each", ("rgb8",))
def _(image):
    luma, new = np.empty(image.shape[:2], np.uint8), np.empty(image.shape[:2], np.uint8)
    change, to = np.empty(image.shape[:2], np.int16), np.empty_like(image)

    def run():
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY, luma)
        cv2.equalizeHist(luma, new)
        cv2.subtract(new, luma, change, dtype=cv2.CV_16S)
        cv2.add(image, cv2.merge([change] * 3), to, dtype=cv2.CV_8U)

    return run


@race("clahe", "CLAHE.apply", GRAY)
def _(image):
    to, clahe = np.empty_like(image), cv2.createCLAHE(2, (8, 8))
    return lambda: clahe.apply(image, to)


@race("clahe", "cvtColor RGB2LAB, CLAHE.apply, cvtColor LAB2RGB", ("rgb8",))
def _(image):
    to, lab, clahe = np.empty_like(image), np.empty_like(image), cv2.createCLAHE(2, (8, 8))

    def run():
        cv2.cvtColor(image, cv2.COLOR_RGB2LAB, lab)
        cv2.insertChannel(clahe.apply(cv2.extractChannel(lab, 0)), lab, 0)
        cv2.cvtColor(lab, cv2.COLOR_LAB2RGB, to)

    return run


single(
    "stretch", "normalize NORM_MINMAX",
    lambda image, to: cv2.normalize(image, to, 0, int(np.iinfo(image.dtype).max), cv2.NORM_MINMAX),
)


@race("auto-levels", "NumPy: percentiles of calcHist; LUT of each channel", EIGHT)
def _(image):
    to = np.empty_like(image)

    def table(plane):
        sums = np.cumsum(cv2.calcHist([plane], [0], None, [256], [0, 256]).ravel())
        low, high = (int(np.searchsorted(sums, share * sums[-1])) for share in (0.001, 0.999))
        return np.clip(np.rint((np.arange(256) - low) * 255 / max(1, high - low)), 0, 255).astype(np.uint8)

    def run():
        if image.ndim == 2:
            cv2.LUT(image, table(image), to)
        else:
            tables = [table(cv2.extractChannel(image, channel)) for channel in range(3)]
            cv2.LUT(image, np.dstack(tables), to)

    return run


@race("white-balance", "mean, transform", COLOUR)
def _(image):
    to = np.empty_like(image)

    def run():
        means = np.array(cv2.mean(image)[:3])
        cv2.transform(image, np.diag(means.mean() / means), to)

    return run


@race("crop x=100 y=100", "NumPy: copyto of a slice")
def _(image):
    part = image[100:, 100:]
    to = np.empty_like(part, order="C")
    return lambda: np.copyto(to, part)


single("flip", "flip", lambda image, to: cv2.flip(image, 1, to))
single("flip axis=vertical", "flip", lambda image, to: cv2.flip(image, 0, to))


@race("rotate degrees=90", "rotate")
def _(image):
    to = np.empty((image.shape[1], image.shape[0], *image.shape[2:]), image.dtype)
    return lambda: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE, to)


def warp(pipeline, degrees, method):
    @race(pipeline, "warpAffine")
    def _(image):
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1)
        to = np.empty_like(image)
        return lambda: cv2.warpAffine(image, matrix, (width, height), to, flags=method)


warp("rotate degrees=3 expand=no", 3, cv2.INTER_LINEAR)
warp("rotate degrees=30 expand=no interpolation=cubic", 30, cv2.INTER_CUBIC)


@race("affine matrix=1.2,0.1,-300,-0.1,1.2,-200", "warpAffine")
def _(image):
    height, width = image.shape[:2]
    matrix, to = np.array([[1.2, 0.1, -300], [-0.1, 1.2, -200]]), np.empty_like(image)
    return lambda: cv2.warpAffine(image, matrix, (width, height), to, flags=cv2.INTER_LINEAR)


@race("border all=50", "copyMakeBorder")
def _(image):
    to = np.empty((image.shape[0] + 100, image.shape[1] + 100, *image.shape[2:]), image.dtype)
    return lambda: cv2.copyMakeBorder(image, 50, 50, 50, 50, cv2.BORDER_CONSTANT, to)


@race("auto-orient orientation=6", "rotate")
def _(image):
    to = np.empty((image.shape[1], image.shape[0], *image.shape[2:]), image.dtype)
    return lambda: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE, to)


single("rotate degrees=180", "rotate", lambda image, to: cv2.rotate(image, cv2.ROTATE_180, to))


def resize(scale, method, constant):
    @race(f"resize scale={scale} method={method}", "resize")
    def _(image):
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        to = np.empty((size[1], size[0], *image.shape[2:]), image.dtype)
        return lambda: cv2.resize(image, size, to, interpolation=constant)


resize(0.7, "nearest", cv2.INTER_NEAREST)
resize(0.5, "area", cv2.INTER_AREA)
resize(0.3, "area", cv2.INTER_AREA)
resize(0.7, "linear", cv2.INTER_LINEAR)
resize(0.7, "cubic", cv2.INTER_CUBIC)
resize(0.7, "lanczos", cv2.INTER_LANCZOS4)


# A picture without alpha over a part of the image: OpenCV has no source-over.
OVERLAY = "b" * 64, np.random.default_rng(5).integers(0, 256, (1000, 1000, 3), np.uint8)


@race(f"overlay image=sha256:{OVERLAY[0]}:1 x=50 y=50 opacity=0.5", "copyto, addWeighted of 1000 x 1000 pixels", ("rgb8",))
def _(image):
    to = np.empty_like(image)

    def run():
        np.copyto(to, image)
        part = to[50:1050, 50:1050]
        cv2.addWeighted(OVERLAY[1], 0.5, part, 0.5, 0, part)

    return run
