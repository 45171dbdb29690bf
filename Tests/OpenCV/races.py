"""How a race is entered: a pipeline, of one operation unless it shows what fusing gains, and the calls of OpenCV that a
Python program would make instead.

A race is made ready for an image: it allocates what OpenCV writes to, and returns the function that is timed. Where OpenCV
has no such call for an image it returns None.
"""
from typing import Callable, NamedTuple

import numpy as np

EIGHT, SIXTEEN = ("gray8", "rgb8"), ("gray16", "rgb16")
GRAY, COLOUR = ("gray8", "gray16"), ("rgb8", "rgb16")
ALL = EIGHT + SIXTEEN


class Race(NamedTuple):
    pipeline: str
    # OpenCV's, as a reader should see them.
    calls: str
    formats: tuple
    # Returns what is timed, for an image.
    prepare: Callable
    # Makes of the photograph what both run on.
    scene: Callable = lambda image: image


RACES = []


def race(pipeline, calls, formats=ALL, **scene):
    def register(prepare):
        RACES.append(Race(pipeline, calls, formats, prepare, **scene))
        return prepare

    return register


def single(pipeline, calls, function, formats=ALL):
    """A race against one call that takes a destination of the image's own shape."""

    def prepare(image):
        target = np.empty_like(image)
        return lambda: function(image, target)

    RACES.append(Race(pipeline, calls, formats, prepare))
