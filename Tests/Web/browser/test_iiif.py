"""A viewer of IIIF images that is not ours shows results; `scripts/web-check.sh iiif-viewer` names it as OPENSEADRAGON."""

import contextlib
import http.server
import os
import pathlib
import re
import struct
import threading
import zlib

import pytest
from jobs import ended, submit

CELL = 500
WIDTH, HEIGHT = 5900, 4300

PAGE = """<!doctype html><meta charset="utf-8"><title>Viewer</title><link rel="icon" href="data:,">
<style>body { margin: 0 } #viewer { width: 900px; height: 700px }</style>
<div id="viewer"></div><script src="/openseadragon.js"></script>"""

OPEN = """address => {
    window.failures = [];
    window.viewer = OpenSeadragon({ id: "viewer", tileSources: address, crossOriginPolicy: "Anonymous", animationTime: 0,
        blendTime: 0, showNavigationControl: false });
    for (const event of ["open-failed", "tile-load-failed", "add-item-failed"])
        viewer.addHandler(event, each => failures.push(event + ": " + (each.message ?? "")));
    window.drawnCount = 0;
    viewer.addHandler("update-viewport", () => { drawnCount += 1; });
}"""

# The middle of the view in pixels of the image, one to one with those of the screen.
LOOK = """([x, y]) => {
    const view = viewer.viewport;
    view.zoomTo(view.imageToViewportZoom(1), undefined, true);
    view.panTo(view.imageToViewportCoordinates(x, y), true);
    drawnCount = 0;
    viewer.forceRedraw();
}"""

# The viewer knows which tiles it lacks when it has drawn: before that, it says what was so of the last view.
IS_SHOWN = """() => failures.length > 0
    || (drawnCount > 0 && viewer.world.getItemCount() === 1 && viewer.world.getItemAt(0).getFullyLoaded())"""

# Reading the canvas fails unless all tiles on it may be read by other origins.
COLORS = """points => {
    viewer.forceRedraw();
    viewer.drawer.clear();
    viewer.world.draw();
    const canvas = viewer.drawer.canvas, ratio = canvas.width / 900;
    return points.map(([x, y]) => {
        const at = viewer.viewport.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y));
        return Array.from(canvas.getContext("2d").getImageData(at.x * ratio, at.y * ratio, 1, 1).data.slice(0, 3));
    });
}"""


def color(x, y):
    """The colour of the picture's cell that a pixel is in."""
    across, down = x // CELL, y // CELL
    return (20 * across + 10, 25 * down + 20, (70 * across + 130 * down) % 256)


def picture():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"".join(bytes(color(x, y)) for x in range(WIDTH)) for y in range(0, HEIGHT, CELL))
    rows = [rows[start:start + 1 + 3 * WIDTH] for start in range(0, len(rows), 1 + 3 * WIDTH)]
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(rows[y // CELL]) for y in range(HEIGHT)) + packer.flush()
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@contextlib.contextmanager
def other_origin():
    """A server of the page with the viewer, at a port of its own: the browser takes it for somebody else's."""
    viewer = os.environ.get("OPENSEADRAGON")
    script = pathlib.Path(viewer).read_bytes() if viewer else b""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind, body = ("text/javascript", script) if self.path == "/openseadragon.js" else ("text/html", PAGE.encode())
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


FETCH = """([address, credentials]) => fetch(address, { credentials }).then(answer => answer.status, () => "blocked")"""


def test_a_page_of_another_origin_reads_nothing_by_the_cookie_of_the_browser(visit, cluster):
    """Not by asking with the cookie, and not by what the browser has kept of the answer to a page that may."""
    visit.expected += ["blocked by CORS policy", "net::ERR_FAILED"]
    job = submit(cluster, "invert", [("cells.png", picture())])
    assert ended(cluster, job)["state"] == "done"
    context = visit.context()
    own = visit.page(context)
    addresses = [f"{cluster.url}/iiif/3/{job}.0.result/{rest}" for rest in ("info.json", "full/300,/0/default.jpg")]
    for address in addresses:
        assert own.evaluate(FETCH, [address, "same-origin"]) == 200
    with other_origin() as home:
        other = visit.page(context, signed_in=False)
        other.goto(home)
        # A port makes another origin, but not another site: the browser sends its cookie.
        for address in addresses:
            assert other.evaluate(FETCH, [address, "omit"]) == 401
            assert other.evaluate(FETCH, [address, "same-origin"]) == 401
            assert other.evaluate(FETCH, [address, "include"]) == "blocked"


def differences(page, points):
    """Points whose colours are not the picture's, as far as JPEG keeps them."""
    shown = page.evaluate(COLORS, points)
    return [(point, found, color(*point)) for point, found in zip(points, shown)
            if max(abs(a - b) for a, b in zip(found, color(*point))) > 4]


@pytest.mark.skipif("OPENSEADRAGON" not in os.environ, reason="scripts/web-check.sh iiif-viewer brings the viewer")
@pytest.mark.parametrize("encoding", ["png", "tiff pyramid"])
def test_openseadragon_shows_a_result_from_afar_and_at_full_size(visit, cluster, encoding):
    job = submit(cluster, "flip axis=horizontal | flip axis=horizontal", [("cells.png", picture())], encoding=encoding)
    assert ended(cluster, job)["state"] == "done"
    path = f"/iiif/3/{job}.0.result"
    link = cluster.request("POST", "/links", {"path": path, "prefix": True, "expires_in": "1h"})["url"]
    answers = []
    with other_origin() as address:
        page = visit.page(signed_in=False)
        page.on("response", lambda answer: answers.append((answer.status, answer.url)) if "/iiif/" in answer.url else None)
        page.goto(address)
        page.evaluate(OPEN, f"{cluster.url}{link}/info.json")
        page.wait_for_function(IS_SHOWN)
        middles = [(x, y) for x in range(CELL // 2, WIDTH, CELL) for y in range(CELL // 2, HEIGHT, CELL)]
        assert page.evaluate("failures") == []
        assert differences(page, middles) == []
        afar = len(answers)
        for x, y in [(WIDTH // 2, HEIGHT // 2), (450, 350), (WIDTH - 450, HEIGHT - 350), (3333, 1234)]:
            page.evaluate(LOOK, [x, y])
            page.wait_for_function(IS_SHOWN)
            near = [(x + a, y + b) for a in range(-440, 441, 80) for b in range(-340, 341, 85)]
            # JPEG makes the colours of neighbours run into one another.
            near = [each for each in near if all(20 <= side % CELL < CELL - 20 for side in each)]
            assert len(near) > 60
            assert differences(page, near) == []
        assert page.evaluate("failures") == []
    assert all(status == 200 for status, _ in answers), answers
    # The viewer took the information at its word: tiles of 512 pixels at the scales that it names, within the limits.
    tiles = [re.search(r"/(full|[\d,]+)/(\d+),(\d+)/0/default\.jpg$", url) for _, url in answers[1:]]
    assert all(tiles), answers
    assert all(max(int(tile[2]), int(tile[3])) <= 512 for tile in tiles)
    assert afar < 30 and len(answers) > afar + 12, (afar, len(answers))
