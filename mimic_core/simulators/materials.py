"""The appearance of a surface: which of a material's colours is shown, and how its texture is mapped.

This follows what habitat-sim shows without lights; see the table in docs/scenes.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

import numpy as np

from mimic_core.simulators.glb import read_int

Colour = Tuple[float, float, float]
SPECULAR_GLOSSINESS, TRANSFORM = "KHR_materials_pbrSpecularGlossiness", "KHR_texture_transform"


@dataclass(frozen=True)
class Surface:
    """The appearance of a surface: (``factor`` x vertex colour + ``gloss``) x texture.

    Attributes:
        factor: red, green, blue, 0..1.
        texture: index of the glTF texture; None without one.
        coordinates: number of its set of texture coordinates.
        uv_transform: 2x3 matrix, from texture coordinates (u, v, 1) to those of the image; None for the identity.
        gloss: red, green, blue, 0..1.
        emissive_only: whether its only texture is emissive, which is not shown.
    """

    factor: Colour = (1.0, 1.0, 1.0)
    texture: Optional[int] = None
    coordinates: int = 0
    uv_transform: Optional[np.ndarray] = None
    gloss: Colour = (0.0, 0.0, 0.0)
    emissive_only: bool = False


# habitat-sim lights parts without material by a picture of a room; this is the colour of parts without normals
NO_MATERIAL = Surface(factor=(140 / 255, 122 / 255, 86 / 255), gloss=(6 / 255, 6 / 255, 4 / 255))


def surface_of(material: Dict[str, Any]) -> Surface:
    """Return the surface of a glTF material.

    It shows the base colour or, if there is none, the diffuse colour of KHR_materials_pbrSpecularGlossiness. If only
    the latter has a texture, it wins.
    """
    base = material.get("pbrMetallicRoughness", {})
    diffuse = material.get("extensions", {}).get(SPECULAR_GLOSSINESS, {})
    plain = "baseColorTexture" not in base and ("diffuseTexture" in diffuse or "baseColorFactor" not in base)
    if plain and diffuse:
        return surface_from(diffuse.get("diffuseFactor"), diffuse.get("diffuseTexture"))
    emissive_only = "emissiveTexture" in material and "baseColorTexture" not in base
    return surface_from(base.get("baseColorFactor"), base.get("baseColorTexture"), emissive_only)


def surface_from(factor: Any, reference: Any, emissive_only: bool = False) -> Surface:
    """Return a surface from a colour factor and a texture reference, either of which may be None."""
    red, green, blue = np.nan_to_num(np.array([1, 1, 1] if factor is None else factor[:3], dtype=float))
    shown = float(red), float(green), float(blue)
    if reference is None:
        return Surface(shown, emissive_only=emissive_only)
    transform = reference.get("extensions", {}).get(TRANSFORM, {})
    coordinates = read_int(transform, "texCoord") if "texCoord" in transform else read_int(reference, "texCoord", 0)
    return Surface(shown, read_int(reference, "index"), coordinates, uv_transform_of(transform))


def uv_transform_of(transform: Dict[str, Any]) -> Optional[np.ndarray]:
    """Return the 2x3 matrix of a KHR_texture_transform: scale, rotate counter-clockwise, translate."""
    if not {"offset", "rotation", "scale"} & set(transform):
        return None
    angle = float(transform.get("rotation", 0.0))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # v grows downwards
    scale = np.array(transform.get("scale", (1.0, 1.0)), dtype=float)
    offset = np.array(transform.get("offset", (0.0, 0.0)), dtype=float)
    return np.concatenate([turn * scale.reshape(2), offset.reshape(2, 1)], axis=1)
