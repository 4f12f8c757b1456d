"""Textures of a scene: their images, wrapping and filtering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import cv2
import numpy as np

from mimic_core.foreign import SCENE_PIXELS, check_picture, check_pixels, foreign, picture_size
from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators.basis import EXTENSIONS as BASIS
from mimic_core.simulators.basis import is_basis, transcode, transcoder_available
from mimic_core.simulators.glb import Glb

# numbers that glTF and OpenGL share
NEAREST, LINEAR, LINEAR_MIPMAP_LINEAR = 9728, 9729, 9987
MIPMAPPED = {9984: NEAREST, 9985: LINEAR, 9986: NEAREST, 9987: LINEAR}  # filter with mipmaps -> filter within a level
BLENDED = (9986, 9987)  # filters that blend two levels
REPEAT, CLAMP, MIRROR = 10497, 33071, 33648
OLD_CLAMP = 10496  # from OpenGL 1; some exporters still write it
IN_EXTENSIONS = (*BASIS, "EXT_texture_webp", "EXT_texture_avif")
FREE_PIXELS, PIXELS_PER_BYTE = 1 << 26, 500  # limit on pixels: the first, or the second times the file size if larger


@dataclass(frozen=True)
class Texture:
    """An image on a surface, and how it is sampled.

    Attributes:
        levels: HxWx3 uint8, the image and, if the file has them, its mipmaps, each half as large.
        wrap: horizontal and vertical wrapping mode: ``REPEAT``, ``CLAMP`` or ``MIRROR``.
        minify: minification filter, numbered as in OpenGL.
        magnify: magnification filter, ``NEAREST`` or ``LINEAR``.
    """

    levels: Tuple[np.ndarray, ...]
    wrap: Tuple[int, int] = (REPEAT, REPEAT)
    minify: int = LINEAR_MIPMAP_LINEAR
    magnify: int = LINEAR

    @property
    def pixels(self) -> np.ndarray:
        """The full-size image."""
        return self.levels[0]


PLAIN = Texture((np.full((1, 1, 3), 255, np.uint8),))


class TextureReader:
    """Reads the textures of a GLB, each image once.

    Attributes:
        textures: the textures read so far; the first is plain white.
    """

    def __init__(self, glb: Glb) -> None:
        self.glb = glb
        self.textures: List[Texture] = [PLAIN]
        self.numbers: Dict[Any, int] = {}
        self.images: Dict[int, Tuple[np.ndarray, ...]] = {}
        self.pixels_left = min(SCENE_PIXELS, max(FREE_PIXELS, PIXELS_PER_BYTE * glb.size))

    def number(self, index: Any) -> int:
        """Return the position of glTF texture ``index`` in ``textures``; 0 (plain white) if it has no image."""
        entry = self.glb.entry("textures", index)
        image = self.image_of(entry)
        if image is None:
            return 0
        sampler = self.glb.entry("samplers", entry["sampler"]) if "sampler" in entry else {}
        wrap = wrapping(sampler.get("wrapS", REPEAT)), wrapping(sampler.get("wrapT", REPEAT))
        minify, magnify = sampler.get("minFilter", LINEAR_MIPMAP_LINEAR), sampler.get("magFilter", LINEAR)
        if minify not in (NEAREST, LINEAR, *MIPMAPPED) or magnify not in (NEAREST, LINEAR):
            raise ValueError(f"a texture has the unknown filters {minify!r} and {magnify!r}")
        key = image, wrap, minify, magnify
        if key not in self.numbers:
            levels = self.levels(image)
            if self.is_basis(image) and len(levels) == 1:  # as in habitat-sim, no mipmaps are made
                minify = MIPMAPPED.get(minify, minify)
            self.numbers[key] = len(self.textures)
            self.textures.append(Texture(levels, wrap, minify, magnify))
        return self.numbers[key]

    def image_of(self, texture: Dict[str, Any]) -> Any:
        """Return the index of a texture's image, preferably of one in an extension; None if it has no image."""
        extensions = texture.get("extensions", {})
        for name in IN_EXTENSIONS:
            source = extensions.get(name, {}).get("source")
            if source is not None and (name not in BASIS or transcoder_available() or "source" not in texture):
                return source
        if texture.get("source") is None and extensions:
            raise self.glb.missing_error("textures", texture)
        return texture.get("source")

    def is_basis(self, image: int) -> bool:
        """Whether an image is Basis Universal."""
        return is_basis(self.glb.picture(image)[:16])

    def levels(self, image: int) -> Tuple[np.ndarray, ...]:
        """Return the levels of an image."""
        if image not in self.images:
            entry = self.glb.entry("images", image)
            kind = entry.get("mimeType", "unknown type")
            what = f"its texture {image} ({kind}) cannot be decoded"
            with foreign(what, self.glb.name, "export it with JPEG or PNG textures"):
                self.images[image] = self.decode(self.glb.picture(image))
        return self.images[image]

    def decode(self, data: bytes) -> Tuple[np.ndarray, ...]:
        """Decode the levels of an image; its size is checked first."""
        if is_basis(data[:16]):
            try:
                return valid_levels(transcode(data, self.check_size))
            except UnreadableError as error:
                raise UnreadableError(error.what, where=self.glb.name, remedy=error.remedy) from None
        check_picture(data, self.glb.name)
        size = picture_size(data)
        if size is None:
            raise ValueError("unknown image format" if data else "it is empty")
        self.check_size(size)
        # Exif orientation does not apply to textures
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is None:
            raise ValueError("it is damaged")
        return (pixels,)

    def check_size(self, size: Tuple[int, int]) -> None:
        """Check that an image of (width, height) may be decoded in addition to those before it."""
        check_pixels(size, self.glb.name)
        self.pixels_left -= size[0] * size[1]
        if self.pixels_left < 0:
            what = f"a texture of {size[0]}x{size[1]} pixels is too large for a file of {self.glb.size:,} bytes"
            raise self.glb.unreadable(what, "export it with smaller textures")


def wrapping(mode: Any) -> int:
    """Return ``REPEAT``, ``CLAMP`` or ``MIRROR`` for a sampler's wrapping mode."""
    if mode not in (REPEAT, CLAMP, MIRROR, OLD_CLAMP):
        raise ValueError(f"a texture has the unknown wrapping mode {mode!r}")
    return CLAMP if mode == OLD_CLAMP else int(mode)


def valid_levels(levels: List[np.ndarray]) -> Tuple[np.ndarray, ...]:
    """Return the leading levels that are each half the size of the one before, rounded down, as OpenGL requires."""
    height, width = levels[0].shape[:2]
    fitting = 0
    while fitting < len(levels) and levels[fitting].shape[:2] == (max(1, height >> fitting), max(1, width >> fitting)):
        fitting += 1
    return tuple(levels[:fitting])
