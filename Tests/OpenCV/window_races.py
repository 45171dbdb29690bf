"""Races of operations on the neighbourhoods of pixels."""
import cv2
import numpy as np

from races import EIGHT, SIXTEEN, race, single

SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)

# Smoothing

for _size in (5, 15, 31):
    single(f"box-blur size={_size}", "blur", lambda image, to, s=_size: cv2.blur(image, (s, s), to))
for _sigma in (1.5, 5):
    single(
        f"gaussian-blur sigma={_sigma}", "GaussianBlur",
        lambda image, to, s=_sigma: cv2.GaussianBlur(image, (0, 0), s, to),
    )
single("sharpen", "filter2D", lambda image, to: cv2.filter2D(image, -1, SHARPEN, to))


@race("denoise", "fastNlMeansDenoising", EIGHT, scene=lambda image: np.ascontiguousarray(image[:512, :512]))
def _(image):
    to = np.empty_like(image)
    return lambda: cv2.fastNlMeansDenoising(image, to, 3, 7, 21)


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


@race("bilateral sigma-color=12850", "add 0, bilateralFilter in single precision, add 0", SIXTEEN)
def _(image):
    to, wide, smooth = np.empty_like(image), np.empty(image.shape, np.float32), np.empty(image.shape, np.float32)

    def run():
        cv2.add(image, 0, wide, dtype=cv2.CV_32F)
        cv2.bilateralFilter(wide, 5, 12850, 50, smooth)
        cv2.add(smooth, 0, to, dtype=cv2.CV_16U)

    return run


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
    "scharr scale=1", "Scharr twice, magnitude, convertScaleAbs",
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


@race("laplacian", "Laplacian, absdiff with 0, add 0", SIXTEEN)
def _(image):
    to, wide = np.empty_like(image), np.empty(image.shape, np.float32)

    def run():
        cv2.Laplacian(image, cv2.CV_32F, wide)
        cv2.absdiff(wide, (0,) * 4, wide)
        cv2.add(wide, 0, to, dtype=cv2.CV_16U)

    return run


def canny(pipeline, low, high):
    @race(pipeline, "Canny", EIGHT)
    def _(image):
        to = np.empty(image.shape[:2], image.dtype)
        return lambda: cv2.Canny(image, low, high, to)


canny("canny", 100, 200)
canny("canny low=20 high=60", 20, 60)


@race("emboss strength=1 channels=each", "filter2D with a delta")
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


