"""Opponents of the operations that need the whole image: spectra, and features, of which what they draw is compared.

Where something is to be found, part of the image must be black: a threshold is put before.
"""
import cv2
import numpy as np

from opponents import golden, number, odd, opponent, planes, top


def thresholded(random, image):
    """The image with its darker part black, the pipeline that makes it so, and which pixels are not black."""
    level = int(np.quantile(image, random.uniform(0.3, 0.97)))
    result = cv2.threshold(image, level, top(image), cv2.THRESH_BINARY)[1]
    return result, f"threshold value={level} max={top(image)} channels=each", (golden.gray(result) != 0).astype(np.uint8)


def marked(image, where):
    """The image in colour, red at the pixels `where`."""
    result = image.copy() if image.ndim == 3 else cv2.merge([image] * 3)
    result[where] = (top(image), 0, 0)
    return result


@opponent("harris", "`cv2.cornerHarris`")
def harris(random, image):
    block, aperture = int(random.integers(2, 9)), odd(random, 3, 7)
    k, threshold = number(random, 0.01, 0.2), number(random, 0.001, 0.5)
    # At 16 bits OpenCV takes single precision only.
    levels = golden.gray(image) if top(image) == 255 else golden.gray(image).astype(np.float32) / np.float32(top(image))
    response = cv2.cornerHarris(levels, block, aperture, k)
    peaks = (response > threshold * response.max()) & (response == cv2.dilate(response, np.ones((3, 3))))
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (5, 5))
    crosses = cv2.dilate((peaks & (response > 0)).astype(np.uint8), cross)
    return f"block={block} aperture={aperture} k={k} threshold={threshold} color=red size=5", marked(image, crosses != 0)


def segment_ends(segments, image):
    """How many segments end at each pixel: the same whatever their order."""
    ends = np.zeros(image.shape[:2], np.uint16)
    for x, y in np.array(segments, int).reshape(-1, 2):
        ends[y, x] += 1
    return ends


def read_segments(document, image):
    return segment_ends([[line["x1"], line["y1"], line["x2"], line["y2"]] for line in document["lines"]], image)


@opponent("hough-lines", "`cv2.HoughLines`, `cv2.HoughLinesP`", read=read_segments)
def hough_lines(random, image):
    # Among the edges of the image itself, which OpenCV has at 8 bits only, or among what a threshold leaves.
    edges = int(random.integers(50, 600)) if top(image) == 255 and random.random() < 0.4 else 0
    if edges:
        before, mask = "invert | invert", cv2.Canny(golden.bgr(image), edges, edges)
    else:
        image, before, mask = thresholded(random, image)
    rho, theta, votes = number(random, 0.5, 4), number(random, 0.7, 20), int(random.integers(2, 60))
    arguments = f"rho={rho} theta={theta} threshold={votes} edges={edges} lines=1000"
    if random.random() < 0.5:
        length, gap = int(random.integers(2, 20)), int(random.integers(0, 6))
        found = cv2.HoughLinesP(mask, rho, theta * np.pi / 180, votes, minLineLength=length, maxLineGap=gap)
        found = [] if found is None else found.reshape(-1, 4)
        assert len(found) < 1000
        return f"method=probabilistic {arguments} length={length} gap={gap} output=json", segment_ends(found, image), before
    lines = cv2.HoughLines(mask, rho, theta * np.pi / 180, votes)
    y, x = np.indices(mask.shape)
    where = np.zeros(mask.shape, bool)
    for distance, angle in [] if lines is None else lines[:1000, 0].astype(np.float64):
        # In double precision, which the lines were found in.
        angle = np.radians(round(np.degrees(angle) / theta) * theta)
        distance = round(distance / rho) * rho
        where |= abs(x * np.cos(angle) + y * np.sin(angle) - distance) <= 0.5
    return f"{arguments} color=red width=1", marked(image, where), before


@opponent("distance", "`cv2.distanceTransform`, rounded by NumPy")
def distance(random, image):
    image, before, mask = thresholded(random, image)
    scale = number(random, 0.1, 20) if random.random() < 0.6 else top(image) // 255
    if mask.all():
        return f"scale={scale}", np.full(mask.shape, top(image), image.dtype), before
    lengths = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float64)
    # The squares are whole numbers; single precision has rounded their roots.
    levels = np.rint(np.sqrt(np.rint(lengths**2)) * scale)
    return f"scale={scale}", np.minimum(levels, top(image)).astype(image.dtype), before


@opponent("components", "`cv2.connectedComponents`", alpha="dropped")
def components(random, image):
    _, before, mask = thresholded(random, image)
    connectivity = int(random.choice([4, 8]))
    return f"connectivity={connectivity} output=labels", golden.ordered_labels(mask, connectivity), before


@opponent("contours", "`cv2.findContours`")
def contours(random, image):
    image, before, mask = thresholded(random, image)
    found, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    where = np.zeros(mask.shape, bool)
    for contour in found:
        where[contour[:, 0, 1], contour[:, 0, 0]] = True
    return "color=red width=1", marked(image, where), before


def read_counts(document, _):
    return np.array([channel["counts"] for channel in document["channels"]])


@opponent("histogram", "`cv2.calcHist`", read=read_counts)
def histogram(random, image):
    bins = int(random.integers(1, 257))
    height, width = image.shape[:2]

    def count(plane):
        return cv2.calcHist([plane], [0], None, [bins], [0, top(image) + 1]).ravel().astype(np.int64)

    def bars(plane):
        counts = count(plane)
        bar = counts[np.arange(width) * bins // width]
        inside = bar * height >= counts.max() * (height - np.arange(height)[:, None])
        return np.where(inside, plane.dtype.type(top(image)), plane)

    if random.random() < 0.5:
        return f"bins={bins} output=json", np.array([count(plane) for plane in cv2.split(image)])
    return f"bins={bins} output=overlay", planes(image, bars)


# Frequency


def butterworth(random, image, highpass):
    cutoff, order = number(random, 0.3, 40), int(random.integers(1, 8))
    if random.random() < 0.5:
        return f"cutoff={cutoff} order={order} border=periodic", golden.butterworth(image, cutoff, order, highpass)
    return f"cutoff={cutoff} order={order}", golden.mirrored_butterworth(image, cutoff, order, highpass)


@opponent("butterworth-lowpass", "NumPy's Fourier transform")
def butterworth_lowpass(random, image):
    return butterworth(random, image, False)


@opponent("butterworth-highpass", "NumPy's Fourier transform")
def butterworth_highpass(random, image):
    return butterworth(random, image, True)
