"""The colour of a surface: which of a material's colours is shown, and where on the picture its corners lie.

What habitat-sim shows without lights is followed: see the table in docs/scenes.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

import numpy as np

from mimic_core.simulators.glb import whole

Colour = Tuple[float, float, float]
SPECULAR_GLOSSINESS, TRANSFORM = "KHR_materials_pbrSpecularGlossiness", "KHR_texture_transform"


@dataclass(frozen=True)
class Surface:
    """What a surface looks like: ``factor`` times vertex colour, plus ``gloss``, times texture.

    Attributes:
        factor: red, green, blue, 0..1.
        texture: index of the glTF texture, None where there is none.
        coordinates: which set of texture coordinates it is laid by.
        turn: 2x3, texture coordinates (u, v, 1) to those of the picture; None where they are the same.
        gloss: red, green, blue, 0..1.
        glows: whether its picture is one of emitted light, which is not shown.
    """

    factor: Colour = (1.0, 1.0, 1.0)
    texture: Optional[int] = None
    coordinates: int = 0
    turn: Optional[np.ndarray] = None
    gloss: Colour = (0.0, 0.0, 0.0)
    glows: bool = False


# habitat-sim lights what has no material by a picture of a room; this is what it shows where nothing says otherwise
NO_MATERIAL = Surface(factor=(140 / 255, 122 / 255, 86 / 255), gloss=(6 / 255, 6 / 255, 4 / 255))


def surface_of(material: Dict[str, Any]) -> Surface:
    """The surface of a glTF material.

    The base colour is shown, else the diffuse colour of KHR_materials_pbrSpecularGlossiness; of the two the one with a
    texture.
    """
    base = material.get("pbrMetallicRoughness", {})
    diffuse = material.get("extensions", {}).get(SPECULAR_GLOSSINESS, {})
    plain = "baseColorTexture" not in base and ("diffuseTexture" in diffuse or "baseColorFactor" not in base)
    if plain and diffuse:
        return colour(diffuse.get("diffuseFactor"), diffuse.get("diffuseTexture"))
    glows = "emissiveTexture" in material and "baseColorTexture" not in base
    return colour(base.get("baseColorFactor"), base.get("baseColorTexture"), glows)


def colour(factor: Any, reference: Any, glows: bool = False) -> Surface:
    """A surface of a factor and a reference to a texture, either of which may be missing."""
    red, green, blue = np.nan_to_num(np.array([1, 1, 1] if factor is None else factor[:3], dtype=float))
    shown = float(red), float(green), float(blue)
    if reference is None:
        return Surface(shown, glows=glows)
    transform = reference.get("extensions", {}).get(TRANSFORM, {})
    coordinates = whole(transform, "texCoord") if "texCoord" in transform else whole(reference, "texCoord", 0)
    return Surface(shown, whole(reference, "index"), coordinates, turn_of(transform))


def turn_of(transform: Dict[str, Any]) -> Optional[np.ndarray]:
    """The 2x3 matrix of a KHR_texture_transform: scale, then turn counter-clockwise, then move."""
    if not {"offset", "rotation", "scale"} & set(transform):
        return None
    angle = float(transform.get("rotation", 0.0))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # v grows downwards
    scale = np.array(transform.get("scale", (1.0, 1.0)), dtype=float)
    offset = np.array(transform.get("offset", (0.0, 0.0)), dtype=float)
    return np.concatenate([turn * scale.reshape(2), offset.reshape(2, 1)], axis=1)
