"""Textures of a scene: pictures, how they go on beyond their edges, and how they are filtered."""

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

# the numbers that glTF and OpenGL have in common
NEAREST, LINEAR, LINEAR_MIPMAP_LINEAR = 9728, 9729, 9987
MIPMAPPED = {9984: NEAREST, 9985: LINEAR, 9986: NEAREST, 9987: LINEAR}  # and how each filters within a level
BLENDED = (9986, 9987)  # those that blend two levels
REPEAT, CLAMP, MIRROR = 10497, 33071, 33648
OLD_CLAMP = 10496  # OpenGL 1's, which some exporters still write
IN_EXTENSIONS = (*BASIS, "EXT_texture_webp", "EXT_texture_avif")
FREE_PIXELS, PIXELS_PER_BYTE = 1 << 26, 500  # more pixels than the first only from a file of as many bytes


@dataclass(frozen=True)
class Texture:
    """A picture on a surface.

    Attributes:
        levels: HxWx3 uint8, the picture and, where the file brings them, its mipmaps, each half as large.
        wrap: how it goes on to the sides and up and down: ``REPEAT``, ``CLAMP`` or ``MIRROR``.
        minify: filter where it is seen smaller than it is, as OpenGL numbers them.
        magnify: ``NEAREST`` or ``LINEAR``.
    """

    levels: Tuple[np.ndarray, ...]
    wrap: Tuple[int, int] = (REPEAT, REPEAT)
    minify: int = LINEAR_MIPMAP_LINEAR
    magnify: int = LINEAR

    @property
    def pixels(self) -> np.ndarray:
        """The picture itself."""
        return self.levels[0]


PLAIN = Texture((np.full((1, 1, 3), 255, np.uint8),))


class TextureReader:
    """Reads the textures of a GLB, each image once.

    Attributes:
        textures: what was read so far; the first is plain white.
    """

    def __init__(self, glb: Glb) -> None:
        self.glb = glb
        self.textures: List[Texture] = [PLAIN]
        self.numbers: Dict[Any, int] = {}
        self.images: Dict[int, Tuple[np.ndarray, ...]] = {}
        self.pixels_left = min(SCENE_PIXELS, max(FREE_PIXELS, PIXELS_PER_BYTE * glb.size))

    def number(self, index: Any) -> int:
        """Where glTF texture ``index`` stands among the textures; 0, plain white, for one without a picture."""
        entry = self.glb.entry("textures", index)
        image = self.image_of(entry)
        if image is None:
            return 0
        sampler = self.glb.entry("samplers", entry["sampler"]) if "sampler" in entry else {}
        wrap = wrapping(sampler.get("wrapS", REPEAT)), wrapping(sampler.get("wrapT", REPEAT))
        minify, magnify = sampler.get("minFilter", LINEAR_MIPMAP_LINEAR), sampler.get("magFilter", LINEAR)
        if minify not in (NEAREST, LINEAR, *MIPMAPPED) or magnify not in (NEAREST, LINEAR):
            raise ValueError(f"a texture is filtered by {minify!r} and {magnify!r}")
        key = image, wrap, minify, magnify
        if key not in self.numbers:
            levels = self.levels(image)
            if self.is_basis(image) and len(levels) == 1:  # one level is one level: none are made from it
                minify = MIPMAPPED.get(minify, minify)
            self.numbers[key] = len(self.textures)
            self.textures.append(Texture(levels, wrap, minify, magnify))
        return self.numbers[key]

    def image_of(self, texture: Dict[str, Any]) -> Any:
        """Index of a texture's image, in an extension's place where there is one; None where it has none at all."""
        extensions = texture.get("extensions", {})
        for name in IN_EXTENSIONS:
            source = extensions.get(name, {}).get("source")
            if source is not None and (name not in BASIS or transcoder_available() or "source" not in texture):
                return source
        if texture.get("source") is None and extensions:
            raise self.glb.missing("textures", texture)
        return texture.get("source")

    def is_basis(self, image: int) -> bool:
        """Whether an image is Basis Universal."""
        return is_basis(self.glb.picture(image)[:16])

    def levels(self, image: int) -> Tuple[np.ndarray, ...]:
        """The levels of an image."""
        if image not in self.images:
            entry = self.glb.entry("images", image)
            kind = entry.get("mimeType", "unknown type")
            what = f"its texture {image} ({kind}) cannot be decoded"
            with foreign(what, self.glb.name, "export it with JPEG or PNG textures"):
                self.images[image] = self.decoded(self.glb.picture(image))
        return self.images[image]

    def decoded(self, data: bytes) -> Tuple[np.ndarray, ...]:
        """The levels of a picture; its size is looked at first."""
        if is_basis(data[:16]):
            try:
                return checked(transcode(data, self.allow))
            except UnreadableError as error:
                raise UnreadableError(error.what, where=self.glb.name, remedy=error.remedy) from None
        check_picture(data, self.glb.name)
        size = picture_size(data)
        if size is None:
            raise ValueError("no picture of a known kind" if data else "it is empty")
        self.allow(size)
        # a texture's Exif does not turn it
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is None:
            raise ValueError("it is damaged")
        return (pixels,)

    def allow(self, size: Tuple[int, int]) -> None:
        """See that a picture of (width, height) may be decoded beside what was decoded before."""
        check_pixels(size, self.glb.name)
        self.pixels_left -= size[0] * size[1]
        if self.pixels_left < 0:
            what = f"a texture of {size[0]}x{size[1]} pixels is too many for a file of {self.glb.size:,} bytes"
            raise self.glb.unreadable(what, "export it with smaller textures")


def wrapping(mode: Any) -> int:
    """One of ``REPEAT``, ``CLAMP`` and ``MIRROR``."""
    if mode not in (REPEAT, CLAMP, MIRROR, OLD_CLAMP):
        raise ValueError(f"a texture goes on beyond its edges by {mode!r}")
    return CLAMP if mode == OLD_CLAMP else int(mode)


def checked(levels: List[np.ndarray]) -> Tuple[np.ndarray, ...]:
    """Levels as far as each is half of the one before, rounded down, as OpenGL has them."""
    height, width = levels[0].shape[:2]
    fitting = 0
    while fitting < len(levels) and levels[fitting].shape[:2] == (max(1, height >> fitting), max(1, width >> fitting)):
        fitting += 1
    return tuple(levels[:fitting])
