"""Baselines of the operations on the neighbourhoods of pixels."""
import cv2
import numpy as np

from opponents import BORDERS, bordered, golden, level, number, odd, opponent, planes, top

# Smoothing


@opponent("box-blur", "`cv2.blur`", alpha="separate kept")
def box_blur(random, image):
    size = odd(random, 1, 61)
    border, expected = bordered(random, image, size // 2, lambda image: cv2.blur(image, (size, size)))
    return f"size={size}{border}", expected


@opponent("gaussian-blur", "`cv2.GaussianBlur`", alpha="separate kept")
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


@opponent("denoise", "`cv2.fastNlMeansDenoising`; at 16 bits NumPy")
def denoise(random, image):
    h, template, search = number(random, 1, 30), odd(random, 1, 9), odd(random, 1, 15)
    words = f"template={template} search={search}"
    if top(image) == 255:
        return f"h={h} {words}", cv2.fastNlMeansDenoising(image, None, h, template, search)
    return f"h={h * 257} {words}", golden.denoised16(image, h, template, search)


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


def factor(random):
    """A scale: 1 as a rule, or one that is rounded to."""
    return float(random.choice([1, 1, 0.25, 0.0625, number(random, 0.01, 4)]))


@opponent("sobel", "`cv2.Sobel` in double precision, `cv2.magnitude`")
def sobel(random, image):
    size, axis, scale = odd(random, 1, 7), direction(random), factor(random)
    border, expected = bordered(random, image, 3, lambda image: golden.sobel(image, size, axis, scale))
    return f"size={size} direction={axis} scale={scale}{border}", expected


@opponent("scharr", "`cv2.Scharr` in double precision, `cv2.magnitude`")
def scharr(random, image):
    axis, scale = direction(random), factor(random)
    border, expected = bordered(random, image, 1, lambda image: golden.scharr(image, axis, scale))
    return f"direction={axis} scale={scale}{border}", expected


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


@opponent("emboss", "NumPy on `cv2.Sobel` in double precision, of `cv2.cvtColor` RGB2GRAY or of each channel")
def emboss(random, image):
    angle, strength = number(random, -360, 360), float(random.choice([1, 2, number(random, -8, 8)]))
    if random.random() < 0.5:
        return f"angle={angle} strength={strength} channels=each", golden.emboss(image, angle, strength)
    return f"angle={angle} strength={strength}", golden.emboss(golden.gray(image), angle, strength)


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
