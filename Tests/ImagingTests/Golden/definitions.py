"""What operations compute, by OpenCV and NumPy: for the golden files, and for the comparison of random cases."""
import cv2
import numpy as np

ELEMENTS = {"rect": cv2.MORPH_RECT, "ellipse": cv2.MORPH_ELLIPSE, "cross": cv2.MORPH_CROSS}
MORPHOLOGY = {
    "erode": cv2.MORPH_ERODE,
    "dilate": cv2.MORPH_DILATE,
    "open": cv2.MORPH_OPEN,
    "close": cv2.MORPH_CLOSE,
    "gradient": cv2.MORPH_GRADIENT,
    "top-hat": cv2.MORPH_TOPHAT,
    "black-hat": cv2.MORPH_BLACKHAT,
}
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)


def scene(random, width, height, channels, bits):
    """Shapes and a slope under a little noise, so that edges, classes of levels and flat places all occur."""
    top = 2**bits - 1
    image = np.empty((height, width, channels), np.float64)
    image[:] = np.linspace(0.2, 0.5, width)[None, :, None] * top
    for _ in range(9):
        centre = (int(random.integers(width)), int(random.integers(height)))
        colour = (random.random(channels) * top).tolist()
        mask = cv2.circle(np.zeros((height, width), np.uint8), centre, int(random.integers(2, 11)), 1, -1)
        image[mask == 1] = colour
    image += random.normal(0, 0.03 * top, image.shape)
    kind = np.uint8 if bits == 8 else np.uint16
    image = np.clip(np.rint(image), 0, top).astype(kind)
    return image[:, :, 0] if channels == 1 else image


def saturated(values, like):
    return np.clip(np.rint(values), 0, np.iinfo(like.dtype).max).astype(like.dtype)


def gray(image):
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def sobel(image, size, direction, scale=1):
    x = cv2.Sobel(image, cv2.CV_64F, 1, 0, ksize=size, scale=scale)
    y = cv2.Sobel(image, cv2.CV_64F, 0, 1, ksize=size, scale=scale)
    return saturated({"x": np.abs(x), "y": np.abs(y), "both": np.sqrt(x * x + y * y)}[direction], image)


def morphology(image, name, size, shape, iterations):
    element = cv2.getStructuringElement(ELEMENTS[shape], (size, size))
    return cv2.morphologyEx(image, MORPHOLOGY[name], element, iterations=iterations)


def equalized(image):
    if image.ndim == 2:
        return cv2.equalizeHist(image)
    luma = gray(image)
    change = cv2.equalizeHist(luma).astype(int) - luma
    return np.clip(image.astype(int) + change[:, :, None], 0, 255).astype(np.uint8)


def bgr(image):
    """The image with its channels in OpenCV's order: which one is first decides between equally steep ones."""
    return image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])


def hue(image, degrees):
    if image.ndim == 2:
        return image
    top = np.float32(np.iinfo(image.dtype).max)
    hsv = cv2.cvtColor(image.astype(np.float32) / top, cv2.COLOR_RGB2HSV)
    hsv[:, :, 0] = (hsv[:, :, 0] + np.float32(degrees)) % 360
    return saturated(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * top, image)


def saturation(image, scale):
    if image.ndim == 2:
        return image
    luma = gray(image).astype(np.float64)[:, :, None]
    return saturated(luma + scale * (image - luma), image)


def sepia(image):
    image = image if image.ndim == 3 else cv2.merge([image] * 3)
    thousandths = np.array([[393, 769, 189], [349, 686, 168], [272, 534, 131]], np.float64)
    return saturated(cv2.transform(image.astype(np.float64), thousandths) / 1000, image)


def colormap(image, name):
    table = getattr(cv2, "COLORMAP_" + name.upper())
    levels = gray(image)
    if image.dtype == np.uint8:
        return cv2.applyColorMap(levels, table)[:, :, ::-1]
    levels = np.rint(levels / 257).astype(np.uint8)
    return cv2.applyColorMap(levels, table)[:, :, ::-1].astype(np.uint16) * 257


def unsharp(image, sigma, amount, threshold):
    level = image.astype(np.float64)
    difference = level - cv2.GaussianBlur(image, (0, 0), sigma)
    return saturated(np.where(abs(difference) > threshold, level + amount * difference, level), image)


def gradient(x, y, direction, image):
    return saturated({"x": abs(x), "y": abs(y), "both": np.sqrt(x * x + y * y)}[direction], image)


def scharr(image, direction, scale=1):
    x, y = (cv2.Scharr(image, cv2.CV_64F, *order, scale=scale) for order in [(1, 0), (0, 1)])
    return gradient(x, y, direction, image)


def prewitt(image, direction):
    derive, smooth = np.array([-1.0, 0, 1]), np.array([1.0, 1, 1])
    x, y = (cv2.sepFilter2D(image, cv2.CV_64F, *taps) for taps in [(derive, smooth), (smooth, derive)])
    return gradient(x, y, direction, image)


def roberts(image, direction):
    kernels = [np.array([[1.0, 0], [0, -1]]), np.array([[0, 1.0], [-1, 0]])]
    x, y = (cv2.filter2D(image, cv2.CV_64F, kernel, anchor=(0, 0)) for kernel in kernels)
    return gradient(x, y, direction, image)


def emboss(image, degrees, strength=1):
    x, y = (cv2.Sobel(image, cv2.CV_64F, *order, ksize=3) for order in [(1, 0), (0, 1)])
    angle = np.radians(degrees)
    return saturated((np.iinfo(image.dtype).max + 1) / 2 - (np.cos(angle) * x - np.sin(angle) * y) * strength / 4, image)


def convolved(image, kernel, scale, offset):
    return saturated(cv2.filter2D(image, cv2.CV_64F, np.array(kernel, np.float64)) * scale + offset, image)


def adaptive(image, method, size, c):
    planes = [cv2.adaptiveThreshold(plane, 255, method, cv2.THRESH_BINARY, size, c) for plane in cv2.split(image)]
    return planes[0] if image.ndim == 2 else cv2.merge(planes)


def stretched(image, low, high):
    low, high = (int(np.percentile(image, percent, method="inverted_cdf")) for percent in (low, high))
    slope = float(np.iinfo(image.dtype).max) * (1 / (high - low))
    # OpenCV's convertTo: coefficients in single precision, one rounding of product and sum.
    line = image.astype(np.float64) * np.float64(np.float32(slope)) + np.float64(np.float32(-low * slope))
    return saturated(line.astype(np.float32), image)


def denoised16(image, h, template, search):
    """OpenCV's non-local means with weights by the upper 8 bits of the levels, and means of all 16."""
    levels = image.reshape(*image.shape[:2], -1).astype(np.int64)
    height, width, channels = levels.shape
    near, far = template // 2, search // 2
    margin = near + far
    wide = cv2.copyMakeBorder(image, *[margin] * 4, cv2.BORDER_REFLECT_101).astype(np.int64)
    wide = wide.reshape(height + 2 * margin, width + 2 * margin, channels)
    one, bits = (2**31 - 1) // (search * search * 255), 0
    while 1 << bits < template * template:
        bits += 1
    scale = (1 << bits) / template**2
    strength = np.float32(h)
    distances = np.arange(int(255 * 255 * channels / scale + 1)) * scale
    table = np.rint(one * np.exp(-distances / float(strength * strength * np.float32(channels)))).astype(np.int64)
    table[table < 0.001 * one] = 0

    def part(dx, dy, around):
        x, y = margin + dx - around, margin + dy - around
        return wide[y : y + height + 2 * around, x : x + width + 2 * around]

    sums, weights = np.zeros_like(levels), np.zeros((height, width), np.int64)
    for dy in range(-far, far + 1):
        for dx in range(-far, far + 1):
            squares = (((part(0, 0, near) >> 8) - (part(dx, dy, near) >> 8)) ** 2).sum(axis=2)
            box = sum(
                squares[y : y + height, x : x + width] for y in range(template) for x in range(template))
            weight = table[box >> bits]
            weights += weight
            sums += weight[..., None] * part(dx, dy, 0)
    means = (sums + weights[..., None] // 2) // weights[..., None]
    return means.astype(np.uint16).reshape(image.shape)


def clahe(image, clip, grid):
    table = cv2.createCLAHE(clip, (grid, grid))
    if image.ndim == 2:
        return table.apply(image)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = table.apply(np.ascontiguousarray(lab[:, :, 0]))
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def clahe16(image, clip, grid):
    """L*a*b* in double precision by OpenCV's formulas; only L is rounded."""
    white = np.array([0.950456, 1, 1.088754])
    to_xyz = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    to_rgb = np.array([[3.240479, -1.53715, -0.498535], [-0.969256, 1.875991, 0.041556], [0.055648, -0.204043, 1.057311]])
    value = image / 65535
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    xyz = linear @ (to_xyz / white[:, None]).T
    response = np.where(xyz < 216 / 24389, xyz * 841 / 108 + 16 / 116, np.cbrt(xyz))
    lightness = saturated((116 * response[..., 1] - 16) * 655.35, image)
    new = (clahe(lightness, clip, grid) * (100 / 65535) + 16) / 116
    response += (new - response[..., 1])[..., None]
    xyz = np.where(response <= 6 / 29, (response - 16 / 116) * 108 / 841, response**3)
    linear = np.clip(xyz @ (to_rgb * white).T, 0, 1)
    value = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return saturated(value * 65535, image)


def bilateral(image, diameter, colour, space):
    # Without Intel's IPP, which rounds down.
    cv2.setUseOptimized(False)
    result = cv2.bilateralFilter(image, diameter, colour, space)
    cv2.setUseOptimized(True)
    return result


def butterworth(image, cutoff, order, highpass, longer=None):
    height, width = image.shape[:2]
    distance = (longer or max(height, width)) * np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    gain = 1 / (1 + (distance / cutoff) ** (2 * order))
    gain, offset = (1 - gain, (np.iinfo(image.dtype).max + 1) // 2) if highpass else (gain, 0)
    planes = [image] if image.ndim == 2 else cv2.split(image)
    planes = [np.fft.irfft2(np.fft.rfft2(plane) * gain, s=(height, width)) + offset for plane in planes]
    return saturated(planes[0] if image.ndim == 2 else np.stack(planes, -1), image)


def mirrored_butterworth(image, cutoff, order, highpass):
    """Of an image twice as wide and high, in which each edge is next to its own mirror image."""
    height, width = image.shape[:2]
    mirrored = np.pad(image, [(0, height), (0, width), (0, 0)][: image.ndim], "symmetric")
    return butterworth(mirrored, cutoff, order, highpass, max(height, width))[:height, :width]


def ordered_labels(mask, connectivity):
    """Connected components, labelled in the order of their first pixels; OpenCV has another order."""
    _, labels = cv2.connectedComponents(mask, connectivity=connectivity)
    found, first = np.unique(labels, return_index=True)
    new = np.zeros(found.max() + 1, np.uint16)
    new[found[found > 0][np.argsort(first[found > 0])]] = np.arange(1, np.count_nonzero(found) + 1)
    return new[labels]


def resized(image, method, width=None, height=None, scale=None):
    """Without Intel's library, which is there on some processors only, and rounds another way."""
    cv2.ipp.setUseIPP(False)
    kind = getattr(cv2, "INTER_" + {"lanczos": "lanczos4"}.get(method, method).upper())
    size = None if scale else (width, height)
    result = cv2.resize(image, size, fx=scale or 0, fy=scale or 0, interpolation=kind)
    cv2.ipp.setUseIPP(True)
    return result
