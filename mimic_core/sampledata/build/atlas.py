"""Pack lit patches into a few large textures."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

PAGE = 2048  # width and largest height of a page, pixels
GUTTER = 3  # pixels repeated around each patch, so that filtering does not mix neighbours
HEIGHT_STEP = 64  # a page's height is a multiple of this, so that its mipmaps stay exact


def pack(sizes: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Pack rectangles greedily into rows on pages, tallest first.

    Args:
        sizes: Nx2 (height, width) in pixels, gutters included; each at most PAGE.

    Returns:
        Nx3 (page, top, left), and the height of every page.
    """
    places = np.zeros((len(sizes), 3), int)
    page = top = left = row = 0
    heights = []
    for index in np.lexsort((np.arange(len(sizes)), -sizes[:, 1], -sizes[:, 0])):
        height, width = sizes[index]
        if left + width > PAGE:
            top, left, row = top + row, 0, 0
        if top + height > PAGE:
            heights.append(PAGE)
            page, top, left, row = page + 1, 0, 0, 0
        places[index] = page, top, left
        left, row = left + width, max(row, height)
    heights.append(-(-(top + row) // HEIGHT_STEP) * HEIGHT_STEP)
    return places, heights


class Atlas:
    """Texture pages with a place for each patch.

    Args:
        sizes: Nx2 (height, width) in pixels of the patches.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]]) -> None:
        self.sizes = np.asarray(sizes, dtype=int)
        self.places, heights = pack(self.sizes + 2 * GUTTER)
        self.pages = [np.full((height, PAGE, 3), 128, np.uint8) for height in heights]

    def paste(self, index: int, image: np.ndarray, light: np.ndarray) -> None:
        """Put patch ``index`` in its place: HxWx3 float32 colours times RxCx3 light, which is resized to them."""
        height, width = self.sizes[index]
        page, top, left = self.places[index]
        factor = cv2.resize(light.astype(np.float32), (int(width), int(height)), interpolation=cv2.INTER_LINEAR)
        bright = cv2.multiply(image, factor, dtype=cv2.CV_8U)
        framed = cv2.copyMakeBorder(bright, GUTTER, GUTTER, GUTTER, GUTTER, cv2.BORDER_REPLICATE)
        self.pages[page][top : top + height + 2 * GUTTER, left : left + width + 2 * GUTTER] = framed

    def uv(self, index: int, s: np.ndarray, t: np.ndarray) -> tuple[int, np.ndarray]:
        """Return the page of a patch and the texture coordinates (RxCx2) of its grid in that page."""
        height, width = self.sizes[index]
        page, top, left = self.places[index]
        u = (left + GUTTER + s * width) / PAGE
        v = (top + GUTTER + t * height) / self.pages[page].shape[0]
        grid = np.empty((len(t), len(s), 2))
        grid[..., 0], grid[..., 1] = u, v[:, None]
        return int(page), grid

    def encoded(self, quality: int) -> list[bytes]:
        """Encode the pages as JPEG."""
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        return [cv2.imencode(".jpg", page[..., ::-1], options)[1].tobytes() for page in self.pages]
