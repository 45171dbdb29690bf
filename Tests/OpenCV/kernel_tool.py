"""Talks to tessera-kernels, which applies pipelines to raw pixels; Tools/KernelTool says how."""
import json
import subprocess

import numpy as np


class Refused(Exception):
    """What the tool says that it cannot do."""


class KernelTool:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, line, pixels=b""):
        """The words of the answer, without the first."""
        self.process.stdin.write(line.encode() + b"\n" + pixels)
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().rstrip("\n")
        kind, _, rest = answer.partition(" ")
        if kind in ("", "error"):
            raise Refused(f"{line}: {rest or 'the tool has ended'}")
        return rest.split()

    def operations(self):
        return self.ask("operations")

    def apply(self, pipeline, image):
        words = self.ask(f"apply {header(image)} {pipeline}", image.tobytes())
        width, height, channels, bits = map(int, words)
        data = self.process.stdout.read(width * height * channels * bits // 8)
        pixels = np.frombuffer(data, np.uint8 if bits == 8 else np.uint16)
        return pixels.reshape((height, width) if channels == 1 else (height, width, channels))

    def document(self, pipeline, image):
        """What the pipeline finds, from JSON."""
        (count,) = self.ask(f"document {header(image)} {pipeline}", image.tobytes())
        return json.loads(self.process.stdout.read(int(count)))


def header(image):
    height, width = image.shape[:2]
    channels = 1 if image.ndim == 2 else image.shape[2]
    return f"{width} {height} {channels} {image.itemsize * 8}"
