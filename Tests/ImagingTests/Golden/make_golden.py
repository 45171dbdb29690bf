#!/usr/bin/env python3
"""Makes the golden files of this folder with OpenCV (pip install opencv-python-headless==5.0.0.93 numpy).

Run it without arguments; it writes inputs and results as raw samples (row after row, interleaved, little-endian) and
index.json, which says what each file is. The inputs are drawn by a seeded generator: the same files come out again.
"""
import json
import pathlib

import cv2
import numpy as np

from definitions import (
    ELEMENTS, MORPHOLOGY, SHARPEN, adaptive, bgr, bilateral, butterworth, clahe, clahe16, colormap, convolved, emboss,
    equalized, gradient, gray, hue, mirrored_butterworth, morphology, ordered_labels, prewitt, resized, roberts, saturated, saturation, scene, scharr, sepia, sobel,
    stretched, unsharp,
)

HERE = pathlib.Path(__file__).resolve().parent


def cases(image):
    """Pipelines and what OpenCV makes of `image`."""
    top = int(np.iinfo(image.dtype).max)
    yield "invert", cv2.bitwise_not(image)
    yield "grayscale", gray(image)
    yield "box-blur size=5", cv2.blur(image, (5, 5))
    yield "box-blur size=13", cv2.blur(image, (13, 13))
    yield "gaussian-blur", cv2.GaussianBlur(image, (0, 0), 1.5)
    yield "gaussian-blur sigma=4.25", cv2.GaussianBlur(image, (0, 0), 4.25)
    yield "gaussian-blur sigma=2 size=7", cv2.GaussianBlur(image, (7, 7), 2)
    yield "sharpen", cv2.filter2D(image, -1, SHARPEN)
    yield "median size=3", cv2.medianBlur(image, 3)
    yield "median size=5", cv2.medianBlur(image, 5)
    if top == 255:
        yield "median size=11", cv2.medianBlur(image, 11)
    yield "sobel", sobel(image, 3, "both")
    yield "sobel size=5 direction=x", sobel(image, 5, "x")
    yield "sobel size=7 direction=y", sobel(image, 7, "y")
    yield "laplacian", saturated(np.abs(cv2.Laplacian(image, cv2.CV_64F, ksize=1)), image)
    yield "laplacian size=3", saturated(np.abs(cv2.Laplacian(image, cv2.CV_64F, ksize=3)), image)
    if top == 255:
        yield "canny", cv2.Canny(bgr(image), 100, 200)
        yield "canny low=60 high=350", cv2.Canny(bgr(image), 60, 350)
        yield "canny low=1000 high=4000 size=5", cv2.Canny(bgr(image), 1000, 4000, apertureSize=5)
        yield "canny low=20000 high=60000 size=7", cv2.Canny(bgr(image), 20000, 60000, apertureSize=7)
        yield "equalize", equalized(image)
    for name, size, shape, iterations in [
        ("erode", 3, "rect", 1),
        ("dilate", 9, "rect", 2),
        ("erode", 7, "ellipse", 1),
        ("dilate", 5, "cross", 3),
        ("open", 5, "ellipse", 2),
        ("close", 7, "rect", 1),
    ]:
        yield f"{name} size={size} shape={shape} iterations={iterations}", morphology(
            image, name, size, shape, iterations
        )
    for index, kind in enumerate(["binary", "binary-inv", "trunc", "tozero", "tozero-inv"]):
        level = 100 if top == 255 else 25700
        text = f"threshold value={level} max={2 * level} kind={kind} channels=each"
        yield text, cv2.threshold(image, level, 2 * level, index)[1]
    yield "otsu", cv2.threshold(gray(image), 0, top, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]


def further_cases(image):
    """As `cases`, for the small images."""
    top = int(np.iinfo(image.dtype).max)
    yield "saturation scale=1.7", saturation(image, 1.7)
    yield "saturation scale=0.3", saturation(image, 0.3)
    if top == 255:
        yield "hue degrees=77.3", hue(image, 77.3)
        yield "hue degrees=-133.1", hue(image, -133.1)
    yield "sepia", sepia(image)
    yield "channel name=g", image if image.ndim == 2 else cv2.extractChannel(image, 1)
    black, white = (30, 190) if top == 255 else (7710, 48830)
    share = np.clip((image.astype(np.float64) - black) / (white - black), 0, 1)
    yield f"levels black={black} white={white} gamma=1.4", saturated(share ** (1 / 1.4) * top, image)
    yield "posterize levels=5", saturated(np.rint(image * np.float64(4) / top) * top / 4, image)
    for name in ["viridis", "magma", "inferno", "plasma", "jet", "autumn", "spring", "cool"]:
        # All colours of each map once, on the gray image.
        if name == "viridis" or (top == 255 and image.ndim == 2):
            yield f"colormap name={name}", colormap(image, name)
    yield "unsharp", unsharp(image, 1.5, 1, 0)
    level = 6 if top == 255 else 1600
    yield f"unsharp sigma=2.5 amount=0.7 threshold={level}", unsharp(image, 2.5, 0.7, level)
    kernel = [[1, 2, 0, -1, 3], [0, 5, 1, 1, 0], [-2, 0, 1, 0, 4]]
    yield 'convolve kernel="1 2 0 -1 3 / 0 5 1 1 0 / -2 0 1 0 4" scale=0.09', convolved(image, kernel, 0.09, 0)
    kernel = [[0.5], [-1.25], [2.625], [-1.125], [0.75]]
    yield 'convolve kernel="0.5 / -1.25 / 2.625 / -1.125 / .75" offset=-30.5', convolved(image, kernel, 1, -30.5)
    yield "scharr scale=1", scharr(image, "both")
    yield "scharr direction=x scale=1", scharr(image, "x")
    yield "prewitt", prewitt(image, "both")
    yield "prewitt direction=y", prewitt(image, "y")
    yield "roberts", roberts(image, "both")
    yield "roberts direction=x", roberts(image, "x")
    yield "roberts direction=y", roberts(image, "y")
    yield "emboss strength=1 channels=each", emboss(image, 45)
    yield "emboss angle=-150 strength=1 channels=each", emboss(image, -150)
    for name, size, shape, iterations in [
        ("gradient", 3, "rect", 1),
        ("gradient", 5, "cross", 2),
        ("top-hat", 7, "ellipse", 1),
        ("black-hat", 5, "rect", 2),
    ]:
        yield f"{name} size={size} shape={shape} iterations={iterations}", morphology(
            image, name, size, shape, iterations
        )
    if top == 255:
        yield "adaptive-threshold channels=each", adaptive(image, cv2.ADAPTIVE_THRESH_MEAN_C, 11, 2)
        yield "adaptive-threshold size=5 c=-3.5 channels=each", adaptive(image, cv2.ADAPTIVE_THRESH_MEAN_C, 5, -3.5)
        for size in [3, 7, 9, 15]:
            text = f"adaptive-threshold method=gaussian size={size} c=1.2 channels=each"
            yield text, adaptive(image, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, size, 1.2)
    yield "stretch", cv2.normalize(image, None, 0, top, cv2.NORM_MINMAX)
    yield "stretch low=2 high=97.5", stretched(image, 2, 97.5)
    yield "flip", cv2.flip(image, 1)
    yield "crop x=4 y=3 width=11 height=9", image[3:12, 4:15]
    if top == 255:
        yield "bilateral", bilateral(image, 5, 50, 50)
        yield "bilateral diameter=9 sigma-color=80.5 sigma-space=2.5", bilateral(image, 9, 80.5, 2.5)
    for clip, grid in [(2, 8), (0, 3), (3.7, 5)]:
        yield f"clahe clip={clip} grid={grid}", (clahe if top == 255 or image.ndim == 2 else clahe16)(image, clip, grid)
    yield "butterworth-lowpass cutoff=5 border=periodic", butterworth(image, 5, 2, False)
    yield "butterworth-highpass cutoff=3.5 order=1 border=periodic", butterworth(image, 3.5, 1, True)


def default_cases(image):
    """As `cases`, for the small images: what operations do by themselves where OpenCV has to be told."""
    top = int(np.iinfo(image.dtype).max)
    level = 100 if top == 255 else 25700
    for kind, code in [("binary", cv2.THRESH_BINARY), ("tozero", cv2.THRESH_TOZERO)]:
        yield f"threshold value={level} kind={kind}", cv2.threshold(gray(image), level, top, code)[1]
    if top == 255:
        yield "adaptive-threshold", adaptive(gray(image), cv2.ADAPTIVE_THRESH_MEAN_C, 11, 2)
        yield "adaptive-threshold method=gaussian size=7", adaptive(gray(image), cv2.ADAPTIVE_THRESH_GAUSSIAN_C, 7, 2)
    yield "scharr", scharr(image, "both", 0.25)
    yield "scharr direction=y scale=2.5", scharr(image, "y", 2.5)
    yield "sobel size=5 scale=0.0625", sobel(image, 5, "both", 0.0625)
    yield "sobel direction=x scale=0.5", sobel(image, 3, "x", 0.5)
    yield "emboss", emboss(gray(image), 45, 2)
    yield "emboss angle=110 strength=-3.5", emboss(gray(image), 110, -3.5)
    yield "butterworth-lowpass cutoff=5", mirrored_butterworth(image, 5, 2, False)
    yield "butterworth-highpass cutoff=3.5 order=1", mirrored_butterworth(image, 3.5, 1, True)
    table = np.rint((np.arange(top + 1) / top) ** (1 / 2.2) * top).astype(image.dtype)
    yield "gamma gamma=2.2", cv2.LUT(image, table) if top == 255 else table[image]
    mask = cv2.threshold(gray(image), 0, top, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    yield "otsu | components output=labels", ordered_labels((mask != 0).astype(np.uint8), 8)
    for width in [1, 3]:
        drawn = (mask != 0).astype(np.uint8)
        border = drawn & ~cv2.erode(drawn, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), borderValue=0)
        where = cv2.dilate(border, np.ones((width, width), np.uint8)) != 0
        result = cv2.merge([mask] * 3)
        result[where] = (0, top, 0)
        yield f"otsu | contours color=green width={width}", result


def geometry_cases(image):
    """As `cases`, for the small images."""
    for method in ["nearest", "linear", "cubic", "area", "lanczos"]:
        for width, height in [(31, 26), (10, 7), (41, 9)]:
            text = f"resize width={width} height={height} method={method}"
            yield text, resized(image, method, width, height)
        yield f"resize scale=0.5 method={method}", resized(image, method, scale=0.5)
    yield "resize scale=0.37", resized(image, "area", scale=0.37)
    yield "rotate degrees=90", cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
    yield "rotate degrees=180", cv2.rotate(image, cv2.ROTATE_180)
    yield "rotate degrees=270", cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
    yield "flip axis=vertical", cv2.flip(image, 0)
    yield "flip axis=both", cv2.flip(image, -1)


def border_cases(image):
    """As `cases`, for the small images: what a window sees outside of them."""
    borders = {
        "reflect": cv2.BORDER_REFLECT,
        "replicate": cv2.BORDER_REPLICATE,
        "constant": cv2.BORDER_CONSTANT,
        "reflect-101": cv2.BORDER_REFLECT_101,
    }
    for name, border in borders.items():
        yield f"box-blur size=7 border={name}", cv2.blur(image, (7, 7), borderType=border)
        yield f"gaussian-blur sigma=2 border={name}", cv2.GaussianBlur(image, (0, 0), 2, borderType=border)
        for operation, size, shape, iterations in [("erode", 5, "rect", 2), ("dilate", 3, "cross", 2)]:
            element = cv2.getStructuringElement(ELEMENTS[shape], (size, size))
            result = getattr(cv2, operation)(
                image, element, iterations=iterations, borderType=border, borderValue=(0, 0, 0, 0)
            )
            yield f"{operation} size={size} shape={shape} iterations={iterations} border={name}", result
        if name == "reflect-101":
            continue
        x, y = (cv2.Sobel(image, cv2.CV_64F, *order, ksize=5, borderType=border) for order in [(1, 0), (0, 1)])
        yield f"sobel size=5 border={name}", gradient(x, y, "both", image)
        x, y = (cv2.Scharr(image, cv2.CV_64F, *order, borderType=border) for order in [(1, 0), (0, 1)])
        yield f"scharr direction=x scale=1 border={name}", gradient(x, y, "x", image)
        second = cv2.Laplacian(image, cv2.CV_64F, ksize=3, borderType=border)
        yield f"laplacian size=3 border={name}", saturated(np.abs(second), image)
        kernel = np.array([[1, 2, 0, -1, 3], [0, 5, 1, 1, 0], [-2, 0, 1, 0, 4]], np.float64)
        text = f'convolve kernel="1 2 0 -1 3 / 0 5 1 1 0 / -2 0 1 0 4" scale=0.09 border={name}'
        yield text, saturated(cv2.filter2D(image, cv2.CV_64F, kernel, borderType=border) * 0.09, image)
        element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
        for operation in ["open", "close", "gradient", "top-hat", "black-hat"]:
            result = cv2.morphologyEx(
                image, MORPHOLOGY[operation], element, borderType=border, borderValue=(0, 0, 0, 0)
            )
            yield f"{operation} size=5 shape=ellipse border={name}", result


def documents(image):
    """Pipelines and the documents that follow from what OpenCV finds in `image`, without numbers of decimals."""
    height, width = image.shape[:2]
    head = {"width": width, "height": height}
    levels = gray(image)
    mask = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    for connectivity in (4, 8):
        count, labels, stats, means = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
        # OpenCV's labels are in another order: ours is that of the first pixels.
        order = sorted(range(1, count), key=lambda label: int(np.flatnonzero(labels == label)[0]))
        regions = [
            {
                "label": place + 1, "pixels": int(stats[label][4]), "left": int(stats[label][0]),
                "top": int(stats[label][1]), "width": int(stats[label][2]), "height": int(stats[label][3]),
                "x": float(means[label][0]), "y": float(means[label][1]),
            }
            for place, label in enumerate(order)
        ]
        yield f"otsu | components connectivity={connectivity}", {
            "operation": "components", **head, "connectivity": connectivity, "count": count - 1, "components": regions
        }
    found, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    contours = [
        {"kind": "outer" if parent < 0 else "hole", "points": contour[:, 0, :].tolist()}
        for contour, (_, _, _, parent) in zip(found, hierarchy.reshape(-1, 4).tolist())
    ]
    contours.sort(key=lambda contour: (contour["points"][0][::-1], contour["kind"] == "hole"))
    yield "otsu | contours", {"operation": "contours", **head, "count": len(contours), "contours": contours}
    for rho, theta, threshold in [(1, 1, 15), (2.5, 3.7, 20)]:
        lines = cv2.HoughLinesWithAccumulator(mask, rho, theta * np.pi / 180, threshold)
        lines = [] if lines is None else lines.reshape(-1, 3).tolist()
        yield f"otsu | hough-lines rho={rho} theta={theta} threshold={threshold} lines=1000", {
            "operation": "hough-lines", **head, "method": "standard", "edges": 0, "rho": rho, "theta": theta, "threshold": threshold,
            "truncated": len(lines) > 1000,
            "lines": [
                {"rho": line[0], "theta": float(np.degrees(line[1])), "votes": int(line[2])} for line in lines[:1000]
            ],
        }
    edges = cv2.Canny(bgr(image), 180, 180)
    for threshold, length, gap in [(8, 5, 1), (5, 3, 2)]:
        lines = cv2.HoughLinesP(edges, 1, np.pi / 180, threshold, minLineLength=length, maxLineGap=gap)
        lines = [] if lines is None else lines.reshape(-1, 4).tolist()
        # Ours are in the order of their lengths.
        lines.sort(key=lambda line: (-((line[2] - line[0]) ** 2 + (line[3] - line[1]) ** 2), line[1], line[0], line[3], line[2]))
        text = f"hough-lines method=probabilistic edges=180 threshold={threshold} length={length} gap={gap} lines=1000"
        yield text, {
            "operation": "hough-lines", **head, "method": "probabilistic", "edges": 180, "rho": 1, "theta": 1,
            "threshold": threshold, "length": length, "gap": gap, "truncated": False,
            "lines": [dict(zip(["x1", "y1", "x2", "y2"], line)) for line in lines],
        }
    for block, aperture, k, threshold in [(2, 3, 0.04, 0.01), (4, 5, 0.06, 0.1)]:
        response = cv2.cornerHarris(levels, block, aperture, k)
        peaks = (response > threshold * response.max()) & (response == cv2.dilate(response, np.ones((3, 3))))
        corners = [
            {"x": x, "y": y, "strength": float(response[y, x] / response.max())} for y, x in np.argwhere(peaks).tolist()
        ]
        yield f"harris block={block} aperture={aperture} k={k} threshold={threshold}", {
            "operation": "harris", **head, "block": block, "aperture": aperture, "k": k, "threshold": threshold,
            "truncated": False, "corners": corners,
        }
    planes = [image] if image.ndim == 2 else cv2.split(image)
    for bins in (256, 37):
        counts = [cv2.calcHist([plane], [0], None, [bins], [0, 256]).ravel().astype(int).tolist() for plane in planes]
        names = ["gray"] if image.ndim == 2 else ["r", "g", "b"]
        yield f"histogram bins={bins}", {
            "operation": "histogram", **head, "bins": bins,
            "channels": [{"name": name, "counts": plane} for name, plane in zip(names, counts)],
        }


def main():
    for old in HERE.glob("*.bin"):
        old.unlink()
    random = np.random.default_rng(20260)
    entries = []
    documented = []

    def write(name, image):
        (HERE / name).write_bytes(image.astype(image.dtype.newbyteorder("<")).tobytes())
        height, width = image.shape[:2]
        channels = 1 if image.ndim == 2 else image.shape[2]
        return {"file": name, "width": width, "height": height, "channels": channels, "bits": image.itemsize * 8}

    for channels, bits in [(1, 8), (3, 8), (1, 16), (3, 16)]:
        image = scene(random, 53 if channels == 1 else 37, 41 if channels == 1 else 31, channels, bits)
        source = write(f"input-{channels}x{bits}.bin", image)
        if bits == 8:
            documented.append((source, image))
        for number, (pipeline, result) in enumerate(cases(image)):
            target = write(f"{channels}x{bits}-{number:02}-{pipeline.split()[0]}.bin", result)
            entries.append({"pipeline": pipeline, "input": source, "output": target})
        small = image[4:21, 5:28]
        if channels == 1 and bits == 8:
            small = small.copy()
            small[:12] = np.resize(np.arange(256, dtype=np.uint8), (12, 23))
        source = write(f"small-{channels}x{bits}.bin", small)
        for number, (pipeline, result) in enumerate(further_cases(small)):
            target = write(f"small-{channels}x{bits}-{number:02}-{pipeline.split()[0]}.bin", result)
            entries.append({"pipeline": pipeline, "input": source, "output": target})
        for number, (pipeline, result) in enumerate(default_cases(small)):
            target = write(f"default-{channels}x{bits}-{number:02}-{pipeline.split()[0]}.bin", result)
            entries.append({"pipeline": pipeline, "input": source, "output": target})
        for number, (pipeline, result) in enumerate(geometry_cases(small)):
            target = write(f"geometry-{channels}x{bits}-{number:02}-{pipeline.split()[0]}.bin", result)
            entries.append({"pipeline": pipeline, "input": source, "output": target})
        for number, (pipeline, result) in enumerate(border_cases(small)):
            target = write(f"border-{channels}x{bits}-{number:02}-{pipeline.split()[0]}.bin", result)
            entries.append({"pipeline": pipeline, "input": source, "output": target})
    # Few levels: at many pixels several channels are equally steep, and their order decides.
    image = scene(random, 37, 31, 3, 8) // 85 * 85
    result = cv2.Canny(bgr(image), 100, 200)
    assert (result != cv2.Canny(image, 100, 200)).any()
    source = write("input-3x8-few-levels.bin", image)
    target = write("3x8-few-levels-canny.bin", result)
    entries.append({"pipeline": "canny", "input": source, "output": target})
    found = [
        {"pipeline": pipeline, "input": source, "document": document}
        for source, image in documented
        for pipeline, document in documents(image)
    ]
    (HERE / "documents.json").write_text(json.dumps(found) + "\n")
    (HERE / "index.json").write_text(json.dumps({"opencv": cv2.__version__, "cases": entries}, indent=1) + "\n")


if __name__ == "__main__":
    main()
