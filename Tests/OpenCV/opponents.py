"""What OpenCV computes for each operation of the catalogue, over parameters that are drawn.

An opponent is a function of a random generator and an image (gray or RGB, 8 or 16 bits) which returns the arguments that
it drew, as a pipeline writes them, and the expected image; None where OpenCV has no counterpart for that image.
"""
import pathlib
import sys

import cv2
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "ImagingTests" / "Golden"))
import make_golden as golden  # noqa: E402  (the same definitions as the golden files)

OPPONENTS = {}


class Opponent:
    def __init__(self, function, against, alpha):
        self.function = function
        self.against = against
        # What becomes of alpha: "kept", "dropped", or "alike" when it is treated as the colours are.
        self.alpha = alpha

    def draw(self, random, image):
        """Arguments and the expected image, or None."""
        has_alpha = image.ndim == 3 and image.shape[2] == 4
        colours = np.ascontiguousarray(image[..., :3]) if has_alpha and self.alpha != "alike" else image
        drawn = self.function(random, colours)
        if drawn is None or not has_alpha or self.alpha != "kept":
            return drawn
        arguments, expected, *before = drawn
        height, width = expected.shape[:2]
        return arguments, np.dstack([expected, image[:height, :width, 3]]), *before


def opponent(name, against, alpha="kept"):
    def register(function):
        OPPONENTS[name] = Opponent(function, against, alpha)
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
    """The argument for a border that is drawn, often the default, and `function` of the image that goes on beyond."""
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


# Colour


@opponent("invert", "`cv2.bitwise_not`")
def invert(random, image):
    return "", cv2.bitwise_not(image)


@opponent("grayscale", "`cv2.cvtColor` RGB2GRAY")
def grayscale(random, image):
    return "", golden.gray(image)


@opponent("brightness-contrast", "`cv2.addWeighted` in double precision")
def brightness_contrast(random, image):
    contrast, brightness = number(random, 0, 3), level(random, image, -1, 1)
    exact = cv2.addWeighted(image.astype(np.float64), contrast, image.astype(np.float64), 0, brightness)
    return f"brightness={brightness} contrast={contrast}", golden.saturated(exact, image)


@opponent("gamma", "`cv2.LUT` at 8 bits, NumPy at 16")
def gamma(random, image):
    exponent = number(random, 0.1, 4)
    largest = top(image)
    table = np.rint((np.arange(largest + 1) / largest) ** exponent * largest).astype(image.dtype)
    return f"gamma={exponent}", cv2.LUT(image, table) if largest == 255 else table[image]


@opponent("saturation", "NumPy on `cv2.cvtColor` RGB2GRAY")
def saturation(random, image):
    scale = number(random, 0, 3)
    return f"scale={scale}", golden.saturation(image, scale)


@opponent("hue", "`cv2.cvtColor` RGB2HSV and back in single precision")
def hue(random, image):
    degrees = number(random, -360, 360)
    return f"degrees={degrees}", golden.hue(image, degrees)


@opponent("sepia", "`cv2.transform` in double precision")
def sepia(random, image):
    return "", golden.sepia(image)


@opponent("channel", "`cv2.extractChannel`")
def channel(random, image):
    index = int(random.integers(3))
    return f"name={'rgb'[index]}", image if image.ndim == 2 else cv2.extractChannel(image, index)


@opponent("levels", "NumPy")
def levels(random, image):
    black = level(random, image, 0, 0.8)
    white = black + 1 + level(random, image, 0, 0.19)
    exponent = number(random, 0.2, 4)
    share = np.clip((image.astype(np.float64) - black) / (white - black), 0, 1)
    return f"black={black} white={white} gamma={exponent}", golden.saturated(share ** (1 / exponent) * top(image), image)


@opponent("posterize", "NumPy")
def posterize(random, image):
    count = int(random.integers(2, 257))
    steps = np.rint(image.astype(np.float64) * (count - 1) / top(image))
    return f"levels={count}", golden.saturated(steps * top(image) / (count - 1), image)


@opponent("colormap", "`cv2.applyColorMap`; at 16 bits of the level / 257")
def colormap(random, image):
    name = random.choice(["viridis", "magma", "inferno", "plasma", "jet", "autumn", "spring", "cool"])
    return f"name={name}", golden.colormap(image, name)


# Smoothing


@opponent("box-blur", "`cv2.blur`")
def box_blur(random, image):
    size = odd(random, 1, 61)
    border, expected = bordered(random, image, size // 2, lambda image: cv2.blur(image, (size, size)))
    return f"size={size}{border}", expected


@opponent("gaussian-blur", "`cv2.GaussianBlur`")
def gaussian_blur(random, image):
    sigma = number(random, 0.3, 9)
    size = 0 if random.random() < 0.5 else odd(random, 1, 31)
    border, expected = bordered(random, image, 40, lambda image: cv2.GaussianBlur(image, (size, size), sigma))
    return f"sigma={sigma}" + (f" size={size}" if size else "") + border, expected


@opponent("sharpen", "`cv2.filter2D`")
def sharpen(random, image):
    return "", cv2.filter2D(image, -1, golden.SHARPEN)


@opponent("unsharp", "NumPy on `cv2.GaussianBlur`")
def unsharp(random, image):
    sigma, amount, threshold = number(random, 0.4, 6), number(random, 0, 4), level(random, image, 0, 0.1)
    return f"sigma={sigma} amount={amount} threshold={threshold}", golden.unsharp(image, sigma, amount, threshold)


@opponent("convolve", "`cv2.filter2D` to double precision, NumPy")
def convolve(random, image):
    rows, columns = odd(random, 1, 15), odd(random, 1, 15)
    if random.random() < 0.5:
        kernel = random.integers(-9, 10, (rows, columns)).astype(np.float64)
    else:
        kernel = np.round(random.normal(0, 1, (rows, columns)), 3)
    scale, offset = number(random, 0.01, 0.5), level(random, image, -0.2, 0.5)
    text = " / ".join(" ".join(str(value) for value in line) for line in kernel)
    border, expected = bordered(random, image, 7, lambda image: golden.convolved(image, kernel, scale, offset))
    return f'kernel="{text}" scale={scale} offset={offset}{border}', expected


@opponent("median", "`cv2.medianBlur`; at 16 bits beyond size 5 `np.median`")
def median(random, image):
    size = odd(random, 1, 41 if top(image) == 255 else 9)
    if size == 1:
        return "size=1", image
    if top(image) == 255 or size <= 5:
        return f"size={size}", cv2.medianBlur(image, size)
    image = image[:24, :24]  # Sorting every window takes its time.

    def middle(plane):
        padded = np.pad(plane, size // 2, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
        return np.median(windows, axis=(2, 3)).astype(image.dtype)

    width, height = image.shape[1], image.shape[0]
    return f"size={size}", planes(image, middle), f"crop width={width} height={height}"


@opponent("bilateral", "`cv2.bilateralFilter` without IPP; at 16 bits NumPy")
def bilateral(random, image):
    diameter, space = odd(random, 3, 15), number(random, 0.5, 60)
    colour = number(random, 5, 120) * (top(image) // 255)
    apply = golden.bilateral if top(image) == 255 else bilateral16
    return f"diameter={diameter} sigma-color={colour} sigma-space={space}", apply(image, diameter, colour, space)


def bilateral16(image, diameter, colour, space):
    """The definition, tap by tap in double precision."""
    radius, levels = diameter // 2, image.astype(np.float64).reshape(*image.shape[:2], -1)
    height, width, _ = levels.shape
    beyond = cv2.copyMakeBorder(image, radius, radius, radius, radius, cv2.BORDER_REFLECT_101).astype(np.float64)
    beyond = beyond.reshape(height + 2 * radius, width + 2 * radius, -1)
    sums, weights = np.zeros_like(levels), np.zeros((height, width, 1))
    for dy, dx in np.argwhere(np.ones((diameter, diameter))) - radius:
        if dx * dx + dy * dy <= radius * radius:
            other = beyond[radius + dy : radius + dy + height, radius + dx : radius + dx + width]
            distance = np.abs(other - levels).sum(axis=2, keepdims=True)
            weight = np.exp(-(dx * dx + dy * dy) / (2 * space * space) - distance**2 / (2 * colour * colour))
            sums += weight * other
            weights += weight
    return golden.saturated(sums / weights, image).reshape(image.shape)


# Edges


def direction(random):
    return str(random.choice(["both", "x", "y"]))


@opponent("sobel", "`cv2.Sobel` in double precision, `cv2.magnitude`")
def sobel(random, image):
    size, axis = odd(random, 1, 7), direction(random)
    border, expected = bordered(random, image, 3, lambda image: golden.sobel(image, size, axis))
    return f"size={size} direction={axis}{border}", expected


@opponent("scharr", "`cv2.Scharr` in double precision, `cv2.magnitude`")
def scharr(random, image):
    axis = direction(random)
    border, expected = bordered(random, image, 1, lambda image: golden.scharr(image, axis))
    return f"direction={axis}{border}", expected


@opponent("prewitt", "`cv2.sepFilter2D` in double precision, `cv2.magnitude`")
def prewitt(random, image):
    axis = direction(random)
    return f"direction={axis}", golden.prewitt(image, axis)


@opponent("roberts", "`cv2.filter2D` in double precision, `cv2.magnitude`")
def roberts(random, image):
    axis = direction(random)
    return f"direction={axis}", golden.roberts(image, axis)


@opponent("laplacian", "`cv2.Laplacian` in double precision")
def laplacian(random, image):
    size = odd(random, 1, 7)

    def derive(image):
        return golden.saturated(np.abs(cv2.Laplacian(image, cv2.CV_64F, ksize=size)), image)

    border, expected = bordered(random, image, 3, derive)
    return f"size={size}{border}", expected


@opponent("canny", "`cv2.Canny`; at 16 bits on 256 of the levels", alpha="dropped")
def canny(random, image):
    step = top(image) // 255
    before = ["posterize levels=256"] if step > 1 else []
    image = np.rint(image / step).astype(np.uint8)
    # The widest window's derivatives are divided and rounded, which is not the same of more levels.
    size = int(random.choice([3, 5, 7] if step == 1 else [3, 5]))
    reach = {3: 1, 5: 12, 7: 200}[size]
    low = int(random.integers(0, 300 * reach))
    high = low + int(random.integers(0, 300 * reach))
    edges = cv2.Canny(golden.bgr(image), low, high, apertureSize=size)
    return f"low={low * step} high={high * step} size={size}", edges, *before


@opponent("emboss", "NumPy on `cv2.Sobel` in double precision")
def emboss(random, image):
    angle = number(random, -360, 360)
    return f"angle={angle}", golden.emboss(image, angle)


# Morphology


def morphology(name):
    def compare(random, image):
        size, shape = odd(random, 1, 31), str(random.choice(list(golden.ELEMENTS)))
        iterations = 1 + int(random.integers(3)) if random.random() < 0.3 else 1
        arguments = f"size={size} shape={shape} iterations={iterations}"
        if random.random() < 0.5:
            return arguments, golden.morphology(image, name, size, shape, iterations)
        border = str(random.choice(list(BORDERS)))
        # Only `morphologyEx` itself knows the border of each of its steps.
        element = cv2.getStructuringElement(golden.ELEMENTS[shape], (size, size))
        expected = cv2.morphologyEx(
            image, golden.MORPHOLOGY[name], element, iterations=iterations, borderType=BORDERS[border], borderValue=0)
        return f"{arguments} border={border}", expected

    return compare


for _name, _constant in [
    ("erode", "ERODE"), ("dilate", "DILATE"), ("open", "OPEN"), ("close", "CLOSE"), ("gradient", "GRADIENT"),
    ("top-hat", "TOPHAT"), ("black-hat", "BLACKHAT"),
]:
    opponent(_name, f"`cv2.morphologyEx` MORPH_{_constant}")(morphology(_name))


# Threshold


@opponent("threshold", "`cv2.threshold`")
def threshold(random, image):
    kinds = ["binary", "binary-inv", "trunc", "tozero", "tozero-inv"]
    kind = int(random.integers(len(kinds)))
    value, maximum = level(random, image), level(random, image)
    return f"value={value} max={maximum} kind={kinds[kind]}", cv2.threshold(image, value, maximum, kind)[1]


@opponent("otsu", "`cv2.threshold` THRESH_OTSU")
def otsu(random, image):
    return "", cv2.threshold(golden.gray(image), 0, top(image), cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]


@opponent("adaptive-threshold", "`cv2.adaptiveThreshold`; at 16 bits NumPy on sums of `cv2.sepFilter2D`")
def adaptive_threshold(random, image):
    methods = {"mean": cv2.ADAPTIVE_THRESH_MEAN_C, "gaussian": cv2.ADAPTIVE_THRESH_GAUSSIAN_C}
    method, size, c = str(random.choice(list(methods))), odd(random, 3, 41), number(random, -20, 20, 1)
    apply = golden.adaptive if top(image) == 255 else adaptive16
    return f"method={method} size={size} c={c}", apply(image, methods[method], size, c)


def adaptive16(image, method, size, c):
    """The definition: sums in double precision, which those of a box fit exactly."""
    is_mean = method == cv2.ADAPTIVE_THRESH_MEAN_C
    taps = np.ones(size) if is_mean else cv2.getGaussianKernel(size, 0, cv2.CV_64F)
    sums = cv2.sepFilter2D(image, cv2.CV_64F, taps, taps, borderType=cv2.BORDER_REPLICATE)
    means = np.rint(sums / size**2 if is_mean else sums)
    return np.where(image > means - np.ceil(c), 65535, 0).astype(np.uint16)


# Histogram


@opponent("equalize", "`cv2.equalizeHist`, at 16 bits NumPy; colour: of the luma, NumPy")
def equalize(random, image):
    if top(image) == 255:
        return "", golden.equalized(image)
    luma = golden.gray(image)
    sums = np.cumsum(np.bincount(luma.ravel(), minlength=65536))
    darkest = sums[luma.min()]
    if darkest == luma.size:
        return "", image
    change = np.rint((sums[luma] - darkest) * (65535 / (luma.size - darkest))).astype(int) - luma
    return "", golden.saturated(image + (change if image.ndim == 2 else change[..., None]), image)


@opponent("clahe", "`cv2.createCLAHE`; colour: on L of `cv2.cvtColor` RGB2LAB, at 16 bits by NumPy")
def clahe(random, image):
    clip, grid = number(random, 0, 8), int(random.integers(1, 9))
    apply = golden.clahe16 if image.ndim == 3 and top(image) != 255 else golden.clahe
    return f"clip={clip} grid={grid}", apply(image, clip, grid)


@opponent("stretch", "`cv2.normalize` NORM_MINMAX; percentiles by NumPy")
def stretch(random, image):
    if random.random() < 0.5:
        return "", cv2.normalize(image, None, 0, top(image), cv2.NORM_MINMAX)
    low, high = number(random, 0, 40), number(random, 60, 100)
    return f"low={low} high={high}", golden.stretched(image, low, high)


# Geometry


@opponent("crop", "NumPy", alpha="alike")
def crop(random, image):
    height, width = image.shape[:2]
    x, y = int(random.integers(width)), int(random.integers(height))
    wide, high = 1 + int(random.integers(width - x)), 1 + int(random.integers(height - y))
    return f"x={x} y={y} width={wide} height={high}", image[y : y + high, x : x + wide]


@opponent("flip", "`cv2.flip`", alpha="alike")
def flip(random, image):
    axis, code = [("vertical", 0), ("horizontal", 1), ("both", -1)][int(random.integers(3))]
    return f"axis={axis}", cv2.flip(image, code)


@opponent("rotate", "`cv2.rotate`", alpha="alike")
def rotate(random, image):
    turns = int(random.integers(3))
    code = [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE][turns]
    return f"degrees={90 * (turns + 1)}", cv2.rotate(image, code)


@opponent("resize", "`cv2.resize` without IPP", alpha="alike")
def resize(random, image):
    method = str(random.choice(["nearest", "linear", "cubic", "area", "lanczos"]))
    width, height = int(random.integers(1, 160)), int(random.integers(1, 160))
    expected = golden.resized(image, method, width, height)
    return f"width={width} height={height} method={method}", expected


# Frequency


@opponent("butterworth-lowpass", "NumPy's Fourier transform")
def butterworth_lowpass(random, image):
    cutoff, order = number(random, 0.3, 40), int(random.integers(1, 8))
    return f"cutoff={cutoff} order={order}", golden.butterworth(image, cutoff, order, False)


@opponent("butterworth-highpass", "NumPy's Fourier transform")
def butterworth_highpass(random, image):
    cutoff, order = number(random, 0.3, 40), int(random.integers(1, 8))
    return f"cutoff={cutoff} order={order}", golden.butterworth(image, cutoff, order, True)
