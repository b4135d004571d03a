"""Small pictures as PNG data: an image row in grey, the confusion of many classes in two colours.

PNG by hand (signature, IHDR, palette, IDAT) rather than by Pillow: thirty lines, and the same bytes everywhere.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LARGEST_IMAGE = 64
LARGEST_CONFUSION = 200

# Colours of middle lightness, visible on a light page and on a dark one; the share is carried by the opacity.
_RIGHT, _WRONG = (58, 124, 190), (214, 98, 30)


def grey_picture(image: Sequence[Sequence[float]]) -> str:
    """Return grey levels in [0, 1] as a data URI, at most 64 pixels a side; empty if there is nothing to draw."""
    width = max((len(line) for line in image), default=0)
    if not width:
        return ""
    levels = np.zeros((len(image), width))
    for row, line in enumerate(image):
        levels[row, : len(line)] = line
    levels = np.clip(np.nan_to_num(levels, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    smaller = _blocks(levels, LARGEST_IMAGE)
    ramp = bytes(channel for level in range(256) for channel in (level, level, level))
    return _data_uri(_png(np.rint(255 * smaller).astype(np.uint8), ramp))


def confusion_picture(confusion: Sequence[Sequence[int]]) -> str:
    """Return the shares of each class's rows as a data URI: a pixel a cell, errors in a colour of their own."""
    counts = np.asarray(confusion, np.float64)
    cells = _blocks(counts, LARGEST_CONFUSION)
    totals = cells.sum(axis=1, keepdims=True)
    share = np.divide(cells, totals, out=np.zeros_like(cells), where=totals > 0)
    # square root: one row in a hundred is already visible
    depth = np.rint(127 * np.sqrt(share)).astype(np.uint8)
    wrong = ~np.eye(len(cells), dtype=bool)
    palette = bytes(_RIGHT) * 128 + bytes(_WRONG) * 128
    opacity = bytes(2 * level for level in range(128)) * 2
    return _data_uri(_png(depth + 128 * wrong.astype(np.uint8), palette, opacity))


def _blocks(values: NDArray[np.float64], largest: int) -> NDArray[np.float64]:
    """Average square blocks, so that no side is longer than `largest`."""
    side = math.ceil(max(values.shape) / largest)
    if side == 1:
        return values
    height, width = (math.ceil(n / side) for n in values.shape)
    padded = np.full((height * side, width * side), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    return np.asarray(np.nanmean(padded.reshape(height, side, width, side), axis=(1, 3)))


def _png(indices: NDArray[np.uint8], palette: bytes, opacity: bytes = b"") -> bytes:
    height, width = indices.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in indices)
    chunks = [(b"IHDR", header), (b"PLTE", palette), (b"tRNS", opacity), (b"IDAT", zlib.compress(lines, 9))]
    body = b"".join(_chunk(kind, data) for kind, data in chunks if data)
    return b"\x89PNG\r\n\x1a\n" + body + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
