"""What is raced against OpenCV: pipelines of one operation, and the calls that a Python program would make instead.

A race is made ready for an image: it allocates what OpenCV writes to, and returns the function that is timed. Where OpenCV
has no such call for an image it returns None.
"""
from typing import Callable, NamedTuple

import cv2
import numpy as np


class Race(NamedTuple):
    pipeline: str
    # OpenCV's, as a reader should see them.
    calls: str
    formats: tuple
    # Returns what is timed, for an image.
    prepare: Callable
    # Makes of the photograph what both run on.
    scene: Callable = lambda image: image


RACES = []
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)


def race(pipeline, calls, formats=("gray8", "rgb8", "gray16", "rgb16"), **scene):
    def register(prepare):
        RACES.append(Race(pipeline, calls, formats, prepare, **scene))
        return prepare

    return register


EIGHT = ("gray8", "rgb8")
COLOUR = ("rgb8", "rgb16")


def single(pipeline, calls, function, formats=("gray8", "rgb8", "gray16", "rgb16")):
    """A race against one call that takes a destination of the image's own shape."""

    def prepare(image):
        target = np.empty_like(image)
        return lambda: function(image, target)

    RACES.append(Race(pipeline, calls, formats, prepare))


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


for _pipeline in ["gamma gamma=2.2", "levels black=20 white=200 gamma=1.2", "posterize"]:
    lut(_pipeline)


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


# Smoothing

for _size in (5, 15, 31):
    single(f"box-blur size={_size}", "blur", lambda image, to, s=_size: cv2.blur(image, (s, s), to))
for _sigma in (1.5, 5):
    single(
        f"gaussian-blur sigma={_sigma}", "GaussianBlur",
        lambda image, to, s=_sigma: cv2.GaussianBlur(image, (0, 0), s, to),
    )
single("sharpen", "filter2D", lambda image, to: cv2.filter2D(image, -1, SHARPEN, to))


@race("unsharp", "GaussianBlur, addWeighted")
def _(image):
    to, blurred = np.empty_like(image), np.empty_like(image)

    def run():
        cv2.GaussianBlur(image, (0, 0), 1.5, blurred)
        cv2.addWeighted(image, 2, blurred, -1, 0, to)

    return run


def convolution(side):
    weights = np.arange(side * side).reshape(side, side) % 5 - 1
    text = " / ".join(" ".join(map(str, line)) for line in weights)

    @race(f'convolve kernel="{text}" scale=0.05', "filter2D")
    def _(image):
        to, kernel = np.empty_like(image), (weights * 0.05).astype(np.float32)
        return lambda: cv2.filter2D(image, -1, kernel, to)


convolution(3)
convolution(7)
for _size in (3, 5):
    single(f"median size={_size}", "medianBlur", lambda image, to, s=_size: cv2.medianBlur(image, s, to))
for _size in (11, 31):
    single(f"median size={_size}", "medianBlur", lambda image, to, s=_size: cv2.medianBlur(image, s, to), EIGHT)


single("bilateral", "bilateralFilter", lambda image, to: cv2.bilateralFilter(image, 5, 50, 50, to), EIGHT)


# Edges


def gradient(pipeline, calls, derive):
    """A race against two derivatives in single precision, their length, and its conversion."""

    @race(pipeline, calls)
    def _(image):
        x, y, length = (np.empty(image.shape, np.float32) for _ in range(3))
        to = np.empty_like(image)

        def run():
            derive(image, x, y)
            cv2.magnitude(x, y, length)
            if image.dtype == np.uint8:
                cv2.convertScaleAbs(length, to)
            else:
                np.copyto(to, length, casting="unsafe")

        return run


gradient(
    "sobel", "Sobel twice, magnitude, convertScaleAbs",
    lambda image, x, y: (cv2.Sobel(image, cv2.CV_32F, 1, 0, x), cv2.Sobel(image, cv2.CV_32F, 0, 1, y)),
)
gradient(
    "scharr", "Scharr twice, magnitude, convertScaleAbs",
    lambda image, x, y: (cv2.Scharr(image, cv2.CV_32F, 1, 0, x), cv2.Scharr(image, cv2.CV_32F, 0, 1, y)),
)
_DERIVE, _SMOOTH = np.array([-1.0, 0, 1], np.float32), np.array([1.0, 1, 1], np.float32)
gradient(
    "prewitt", "sepFilter2D twice, magnitude, convertScaleAbs",
    lambda image, x, y: (
        cv2.sepFilter2D(image, cv2.CV_32F, _DERIVE, _SMOOTH, x),
        cv2.sepFilter2D(image, cv2.CV_32F, _SMOOTH, _DERIVE, y),
    ),
)
_ONE, _OTHER = np.array([[1, 0], [0, -1]], np.float32), np.array([[0, 1], [-1, 0]], np.float32)
gradient(
    "roberts", "filter2D twice, magnitude, convertScaleAbs",
    lambda image, x, y: (cv2.filter2D(image, cv2.CV_32F, _ONE, x), cv2.filter2D(image, cv2.CV_32F, _OTHER, y)),
)


@race("laplacian", "Laplacian, convertScaleAbs", EIGHT)
def _(image):
    to, wide = np.empty_like(image), np.empty(image.shape, np.int16)

    def run():
        cv2.Laplacian(image, cv2.CV_16S, wide)
        cv2.convertScaleAbs(wide, to)

    return run


def canny(pipeline, low, high):
    @race(pipeline, "Canny", EIGHT)
    def _(image):
        to = np.empty(image.shape[:2], image.dtype)
        return lambda: cv2.Canny(image, low, high, to)


canny("canny", 100, 200)
canny("canny low=20 high=60", 20, 60)


@race("emboss", "filter2D with a delta")
def _(image):
    derive = np.outer([1, 2, 1], [-1, 0, 1]).astype(np.float32)
    kernel = (derive.T - derive) * np.float32(0.7071 / 4)
    to, half = np.empty_like(image), 128 if image.dtype == np.uint8 else 32768
    return lambda: cv2.filter2D(image, -1, kernel, to, delta=half)


# Morphology


def morphology(name, constant, size, shape="rect"):
    shapes = {"rect": cv2.MORPH_RECT, "ellipse": cv2.MORPH_ELLIPSE}
    element = cv2.getStructuringElement(shapes[shape], (size, size))
    single(
        f"{name} size={size} shape={shape}", "morphologyEx",
        lambda image, to: cv2.morphologyEx(image, constant, element, to),
    )


for _size in (3, 15, 41):
    morphology("erode", cv2.MORPH_ERODE, _size)
morphology("dilate", cv2.MORPH_DILATE, 5)
morphology("dilate", cv2.MORPH_DILATE, 15, "ellipse")
morphology("open", cv2.MORPH_OPEN, 15)
morphology("close", cv2.MORPH_CLOSE, 5)
morphology("gradient", cv2.MORPH_GRADIENT, 5)
morphology("top-hat", cv2.MORPH_TOPHAT, 15)
morphology("black-hat", cv2.MORPH_BLACKHAT, 5)


# Threshold, histogram, geometry

single(
    "threshold", "threshold",
    lambda image, to: cv2.threshold(image, 128 * (1 if image.itemsize == 1 else 257), np.iinfo(image.dtype).max, 0, to),
)


@race("otsu", "threshold THRESH_OTSU", ("gray8", "gray16"))
def _(image):
    to, largest = np.empty_like(image), int(np.iinfo(image.dtype).max)
    return lambda: cv2.threshold(image, 0, largest, cv2.THRESH_BINARY | cv2.THRESH_OTSU, to)


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


@race("clahe", "CLAHE.apply", ("gray8", "gray16"))
def _(image):
    to, clahe = np.empty_like(image), cv2.createCLAHE(2, (8, 8))
    return lambda: clahe.apply(image, to)


single(
    "stretch", "normalize NORM_MINMAX",
    lambda image, to: cv2.normalize(image, to, 0, int(np.iinfo(image.dtype).max), cv2.NORM_MINMAX),
)


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


# Frequency


def butterworth(pipeline, highpass):
    """A race in single precision, as OpenCV's `dft` has it; the gains are computed before."""

    @race(pipeline, "dft, multiply, dft, convertTo")
    def _(image):
        height, width = image.shape[:2]
        y, x = (np.fft.fftfreq(side) * max(height, width) for side in (height, width))
        gain = (1 / (1 + (np.hypot(y[:, None], x) / 50) ** 4)).astype(np.float32)
        gain = cv2.merge([1 - gain if highpass else gain] * 2)
        spectrum, result = np.empty_like(gain), np.empty((height, width), np.float32)
        to, half = np.empty((height, width), image.dtype), (np.iinfo(image.dtype).max + 1) / 2 if highpass else 0

        def run():
            for plane in [image] if image.ndim == 2 else cv2.split(image):
                cv2.dft(plane.astype(np.float32), spectrum, cv2.DFT_COMPLEX_OUTPUT)
                cv2.multiply(spectrum, gain, spectrum)
                cv2.dft(spectrum, result, cv2.DFT_INVERSE | cv2.DFT_REAL_OUTPUT | cv2.DFT_SCALE)
                cv2.add(result, half, to, dtype=cv2.CV_8U if image.itemsize == 1 else cv2.CV_16U)

        return run


butterworth("butterworth-lowpass", False)
butterworth("butterworth-highpass", True)


# Features, drawn


def regions(image):
    """Black and white, without specks."""
    return cv2.medianBlur(cv2.threshold(image, 128, 255, cv2.THRESH_BINARY)[1], 5)


def edges(image):
    return cv2.Canny(image, 100, 200)


@race("harris", "cornerHarris, dilate, minMaxLoc, compare, circle of each", ("gray8",))
def _(image):
    response, largest = np.empty(image.shape, np.float32), np.empty(image.shape, np.float32)

    def run():
        cv2.cornerHarris(image, 2, 3, 0.04, response)
        cv2.dilate(response, None, largest)
        corners = cv2.compare(response, largest, cv2.CMP_EQ) & (response > 0.01 * cv2.minMaxLoc(response)[1])
        to = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        for centre in cv2.findNonZero(corners).reshape(-1, 2)[:10_000]:
            cv2.circle(to, centre.tolist(), 2, (255, 0, 0))

    return run


@race("hough-lines threshold=300", "HoughLines, line of each", ("gray8",), scene=edges)
def _(image):
    def run():
        lines = cv2.HoughLines(image, 1, np.pi / 180, 300)
        to = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        for rho, theta in [] if lines is None else lines[:1000].reshape(-1, 2):
            normal = np.array([np.cos(theta), np.sin(theta)])
            along = np.array([-normal[1], normal[0]]) * sum(image.shape)
            cv2.line(to, *(np.rint(rho * normal + sign * along).astype(int).tolist() for sign in (1, -1)), (255, 0, 0))

    return run


@race("components", "connectedComponentsWithStats, astype", ("gray8",), scene=regions)
def _(image):
    labels = np.empty(image.shape, np.int32)

    def run():
        cv2.connectedComponentsWithStats(image, labels)
        labels.astype(np.uint16)

    return run


@race("contours", "findContours, drawContours", ("gray8",), scene=regions)
def _(image):
    def run():
        found, _ = cv2.findContours(image, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        to = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        cv2.drawContours(to, found, -1, (255, 0, 0))

    return run


@race("histogram", "calcHist, column by column")
def _(image):
    to, largest = np.empty_like(image), int(np.iinfo(image.dtype).max)
    height, width = image.shape[:2]

    def run():
        np.copyto(to, image)
        for channel in range(1 if image.ndim == 2 else 3):
            counts = cv2.calcHist([image], [channel], None, [256], [0, largest + 1]).ravel()
            tops = height - np.floor(counts * (height / counts.max())).astype(int)
            plane = to if image.ndim == 2 else to[..., channel]
            for bin in range(256):
                plane[tops[bin] :, -(-bin * width // 256) : -(-(bin + 1) * width // 256)] = largest

    return run
