"""Baselines of the operations on single pixels, on the levels of an image, and on their positions."""
import cv2
import numpy as np

from opponents import PICTURES, golden, level, number, odd, opponent, planes, top

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
    table = np.rint((np.arange(largest + 1) / largest) ** (1 / exponent) * largest).astype(image.dtype)
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


@opponent("depth", "`cv2.convertScaleAbs` to 8 bits, `cv2.multiply` to 16", alpha="alike")
def depth(random, image):
    bits = int(random.choice([8, 16]))
    if bits == 8 * image.itemsize:
        return f"bits={bits}", image
    if bits == 8:
        return f"bits={bits}", cv2.convertScaleAbs(image, alpha=1 / 257).reshape(image.shape)
    return f"bits={bits}", cv2.multiply(image, (257,) * 4, dtype=cv2.CV_16U).reshape(image.shape)


@opponent("flatten", "NumPy: over a ground, in whole numbers", alpha="alike")
def flatten(random, image):
    levels = [int(level) for level in random.integers(0, 256, 3)]
    words = "color=#" + "".join(f"{level:02x}" for level in levels)
    if image.ndim == 2 or image.shape[2] != 4:
        return words, image
    largest, alpha = top(image), image[..., 3:].astype(np.int64)
    ground = np.array(levels) * (largest // 255)
    return words, ((image[..., :3] * alpha + ground * (largest - alpha) + largest // 2) // largest).astype(image.dtype)


# Threshold


def gray_or_each(random, image, function):
    """The argument that says whether colours are reduced to gray, which is the default, and what `function` makes of them."""
    if random.random() < 0.5:
        return " channels=each", function(image)
    return "", function(golden.gray(image))


@opponent("threshold", "`cv2.threshold`, of `cv2.cvtColor` RGB2GRAY or of each channel")
def threshold(random, image):
    kinds = ["binary", "binary-inv", "trunc", "tozero", "tozero-inv"]
    kind = int(random.integers(len(kinds)))
    value, maximum = level(random, image), level(random, image)
    channels, expected = gray_or_each(random, image, lambda image: cv2.threshold(image, value, maximum, kind)[1])
    return f"value={value} max={maximum} kind={kinds[kind]}{channels}", expected


@opponent("otsu", "`cv2.threshold` THRESH_OTSU")
def otsu(random, image):
    return "", cv2.threshold(golden.gray(image), 0, top(image), cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]


@opponent("adaptive-threshold", "`cv2.adaptiveThreshold`; at 16 bits NumPy on sums of `cv2.sepFilter2D`")
def adaptive_threshold(random, image):
    methods = {"mean": cv2.ADAPTIVE_THRESH_MEAN_C, "gaussian": cv2.ADAPTIVE_THRESH_GAUSSIAN_C}
    method, size, c = str(random.choice(list(methods))), odd(random, 3, 41), number(random, -20, 20, 1)
    apply = golden.adaptive if top(image) == 255 else adaptive16
    channels, expected = gray_or_each(random, image, lambda image: apply(image, methods[method], size, c))
    return f"method={method} size={size} c={c}{channels}", expected


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


@opponent("auto-levels", "`cv2.normalize`'s line through NumPy's percentiles of each channel")
def auto_levels(random, image):
    shadows, highlights = number(random, 0, 20), number(random, 0, 20)

    def stretched(plane):
        ends = (np.percentile(plane, percent, method="inverted_cdf") for percent in (shadows, 100 - highlights))
        return plane if len(set(ends)) == 1 else golden.stretched(plane, shadows, 100 - highlights)

    expected = planes(image, stretched)
    return f"shadows={shadows} highlights={highlights}", expected


@opponent("white-balance", "NumPy: the gray-world assumption")
def white_balance(random, image):
    if image.ndim == 2:
        return "", image
    sums = image.reshape(-1, 3).sum(axis=0, dtype=np.int64)
    factors = np.where(sums == 0, 1, sums.sum() / 3 / np.maximum(sums, 1))
    return "", golden.saturated(np.rint(image * factors), image)


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


def painted(random, image):
    """The argument for a colour with alpha that is drawn, and its samples, as OpenCV takes them for this image."""
    if random.random() < 0.4:
        return "", (0, 0, 0, 0)
    levels = [int(level) for level in random.integers(0, 256, 4)]
    luma = (9798 * levels[0] + 19235 * levels[1] + 3735 * levels[2] + 16384) >> 15
    samples = [luma] if image.ndim == 2 else levels
    return "#" + "".join(f"{level:02x}" for level in levels), tuple(level * (top(image) // 255) for level in samples)


@opponent("border", "`cv2.copyMakeBorder`", alpha="alike")
def border(random, image):
    sides = [int(side) for side in random.integers(0, 30, 4)]
    color, samples = painted(random, image)
    words = " ".join(f"{name}={side}" for name, side in zip(["top", "bottom", "left", "right"], sides))
    if not color:
        color = "transparent"
    return f"{words} color={color}", cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=samples)


GRAVITIES = [
    "north-west", "north", "north-east", "west", "center", "east", "south-west", "south", "south-east",
]


@opponent("overlay", "NumPy: source-over in whole numbers", alpha="alike")
def overlay(random, image):
    digest = str(random.choice(list(PICTURES)))
    picture = PICTURES[digest].reshape(*PICTURES[digest].shape[:2], -1)
    gravity, x, y = int(random.integers(9)), *(int(side) for side in random.integers(-20, 40, 2))
    share = number(random, 0, 1) if random.random() < 0.7 else 1.0
    words = f"image=sha256:{digest}:1 gravity={GRAVITIES[gravity]} x={x} y={y} opacity={share}"
    back = image.reshape(*image.shape[:2], -1).astype(object)
    high, wide = picture.shape[:2]

    def first(edge, offset, length, whole):
        return offset if edge == 0 else (whole - length) // 2 + offset if edge == 1 else whole - length - offset

    left = first(gravity % 3, x, wide, back.shape[1])
    upper = first(gravity // 3, y, high, back.shape[0])
    columns = range(max(0, left), min(back.shape[1], left + wide))
    rows = range(max(0, upper), min(back.shape[0], upper + high))
    if not columns or not rows:
        return words, image
    seen = picture[rows.start - upper : rows.stop - upper, columns.start - left : columns.stop - left].astype(object)
    part = back[rows.start : rows.stop, columns.start : columns.stop]
    # Colours and alpha of the picture as the image has them.
    colours, cover = (seen[..., :-1], seen[..., -1]) if seen.shape[2] in (2, 4) else (seen, None)
    if part.shape[2] == 1 and colours.shape[2] == 3:
        colours = ((9798 * colours[..., 0] + 19235 * colours[..., 1] + 3735 * colours[..., 2] + 16384) >> 15)[..., None]
    elif part.shape[2] > 1 and colours.shape[2] == 1:
        colours = np.repeat(colours, 3, axis=2)
    largest, limit = top(image), top(picture)

    def fitted(levels):
        return levels if limit == largest else levels * 257 if limit < largest else (levels + 128) // 257

    opacity = int(share * 65535 + 0.5)
    whole = largest * 65535
    source = (fitted(cover) if cover is not None else largest + 0 * seen[..., 0]) * opacity
    under = part[..., 3] if part.shape[2] == 4 else largest + 0 * part[..., 0]
    one, other = source * largest, under * (whole - source)
    total = one + other
    for channel in range(3 if part.shape[2] > 1 else 1):
        mixed = one * fitted(colours[..., channel]) + other * part[..., channel]
        part[..., channel] = np.where(
            source > 0, (mixed + total // 2) // np.where(total > 0, total, 1), part[..., channel])
    if part.shape[2] == 4:
        part[..., 3] = np.where(source > 0, (total + whole // 2) // whole, part[..., 3])
    return words, back.reshape(image.shape).astype(image.dtype)


def warp(random, image, matrix, size):
    """The arguments for interpolation and fill that are drawn, and the warped image."""
    name, method = [("linear", cv2.INTER_LINEAR), ("cubic", cv2.INTER_CUBIC)][int(random.integers(2))]
    color, samples = painted(random, image)
    expected = cv2.warpAffine(image, np.array(matrix).reshape(2, 3), size, flags=method, borderValue=samples)
    return f" interpolation={name}" + (f" fill={color}" if color else ""), expected


@opponent("affine", "`cv2.warpAffine`", alpha="separate alike")
def affine(random, image):
    linear, moves = random.uniform(-2, 2, (2, 2)), random.uniform(-60, 60, (2, 1))
    if abs(np.linalg.det(linear)) < 0.05:
        linear = np.eye(2)
    matrix = [round(float(value), 3) for value in np.hstack([linear, moves]).ravel()]
    width, height = int(random.integers(1, 120)), int(random.integers(1, 120))
    words, expected = warp(random, image, matrix, (width, height))
    return f"matrix={','.join(map(str, matrix))} width={width} height={height}{words}", expected


def turn_matrix(image, degrees, size):
    """OpenCV's matrix for a clockwise turn about the middle, which goes to the middle of the result."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return matrix


@opponent("auto-orient", "`cv2.flip`, `cv2.rotate`, `cv2.transpose`", alpha="alike")
def auto_orient(random, image):
    ways = [
        lambda i: i, lambda i: cv2.flip(i, 1), lambda i: cv2.rotate(i, cv2.ROTATE_180), lambda i: cv2.flip(i, 0),
        cv2.transpose, lambda i: cv2.rotate(i, cv2.ROTATE_90_CLOCKWISE),
        lambda i: cv2.flip(cv2.transpose(i), -1), lambda i: cv2.rotate(i, cv2.ROTATE_90_COUNTERCLOCKWISE),
    ]
    orientation = int(random.integers(8))
    return f"orientation={orientation + 1}", ways[orientation](image)


@opponent("rotate", "`cv2.rotate`, `cv2.warpAffine`", alpha="separate alike")
def rotate(random, image):
    if random.random() < 0.7:
        degrees, expand = number(random, -360, 360), bool(random.random() < 0.6)
        height, width = image.shape[:2]
        size = width, height
        if expand:
            cosine, sine = abs(np.cos(np.radians(degrees))), abs(np.sin(np.radians(degrees)))
            sides = cosine * width + sine * height, sine * width + cosine * height
            size = tuple(max(1, int(np.ceil(side - 1e-6))) for side in sides)
        words, expected = warp(random, image, turn_matrix(image, degrees, size), size)
        return f"degrees={degrees} expand={'yes' if expand else 'no'}{words}", expected
    turns = int(random.integers(3))
    code = [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE][turns]
    return f"degrees={90 * (turns + 1)}", cv2.rotate(image, code)


@opponent("resize", "`cv2.resize` without IPP", alpha="separate alike")
def resize(random, image):
    method = str(random.choice(["nearest", "linear", "cubic", "area", "lanczos"]))
    width, height = int(random.integers(1, 160)), int(random.integers(1, 160))
    if random.random() < 0.3:
        # A box: the smaller of the factors, and none above 1.
        factor = min(width / image.shape[1], height / image.shape[0])
        side = (width, 0) if width * image.shape[0] <= height * image.shape[1] else (0, height)
        inside = [
            given or max(1, int(np.floor(given_other * old / other + 0.5)))
            for given, given_other, old, other in [
                (side[0], side[1], image.shape[1], image.shape[0]), (side[1], side[0], image.shape[0], image.shape[1]),
            ]
        ]
        expected = image if factor >= 1 else golden.resized(image, method, *inside)
        return f"max-width={width} max-height={height} method={method}", expected
    expected = golden.resized(image, method, width, height)
    return f"width={width} height={height} method={method}", expected
