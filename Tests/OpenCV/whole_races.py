"""Races of operations that need the whole image: spectra and features."""
import cv2
import numpy as np

from races import race

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


butterworth("butterworth-lowpass border=periodic", False)
butterworth("butterworth-highpass border=periodic", True)


@race("butterworth-lowpass", "dct, multiply, dct, convertTo")
def _(image):
    """A mirrored image has a cosine transform; OpenCV's is one of single precision."""
    height, width = image.shape[:2]
    y, x = (np.arange(side) / (2 * side) * max(height, width) for side in (height, width))
    gain = (1 / (1 + (np.hypot(y[:, None], x) / 50) ** 4)).astype(np.float32)
    spectrum, result, to = np.empty_like(gain), np.empty_like(gain), np.empty((height, width), image.dtype)

    def run():
        for plane in [image] if image.ndim == 2 else cv2.split(image):
            cv2.dct(plane.astype(np.float32), spectrum)
            cv2.multiply(spectrum, gain, spectrum)
            cv2.dct(spectrum, result, cv2.DCT_INVERSE)
            cv2.add(result, 0, to, dtype=cv2.CV_8U if image.itemsize == 1 else cv2.CV_16U)

    return run


# Features, drawn


def regions(image):
    """Black and white, without specks."""
    return cv2.medianBlur(cv2.threshold(image, 128, 255, cv2.THRESH_BINARY)[1], 5)


def edges(image):
    return cv2.Canny(image, 100, 200)


@race("distance", "distanceTransform DIST_MASK_PRECISE, convertScaleAbs", ("gray8",), scene=regions)
def _(image):
    lengths, to = np.empty(image.shape, np.float32), np.empty_like(image)

    def run():
        cv2.distanceTransform(image, cv2.DIST_L2, cv2.DIST_MASK_PRECISE, lengths)
        cv2.convertScaleAbs(lengths, to)

    return run


@race("harris color=red size=5", "cornerHarris, dilate, minMaxLoc, compare, circle of each", ("gray8",))
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


@race("hough-lines edges=0 threshold=300 lines=1000 color=red width=1", "HoughLines, line of each", ("gray8",), scene=edges)
def _(image):
    def run():
        lines = cv2.HoughLines(image, 1, np.pi / 180, 300)
        to = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        for rho, theta in [] if lines is None else lines[:1000].reshape(-1, 2):
            normal = np.array([np.cos(theta), np.sin(theta)])
            along = np.array([-normal[1], normal[0]]) * sum(image.shape)
            cv2.line(to, *(np.rint(rho * normal + sign * along).astype(int).tolist() for sign in (1, -1)), (255, 0, 0))

    return run


@race("components output=labels", "connectedComponentsWithStats, astype", ("gray8",), scene=regions)
def _(image):
    labels = np.empty(image.shape, np.int32)

    def run():
        cv2.connectedComponentsWithStats(image, labels)
        labels.astype(np.uint16)

    return run


@race("contours color=red width=1", "findContours, drawContours", ("gray8",), scene=regions)
def _(image):
    def run():
        found, _ = cv2.findContours(image, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        to = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        cv2.drawContours(to, found, -1, (255, 0, 0))

    return run


@race("histogram output=overlay", "calcHist, column by column")
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
