"""Rendering by ray casting with Embree: the same picture as :mod:`raster`, slower, without a graphics library."""

from __future__ import annotations

from typing import List, Tuple

import cv2
import numpy as np

from mimic_core.simulators.base import Rendering
from mimic_core.simulators.scene import Scene
from mimic_core.simulators.textures import BLENDED, CLAMP, MIPMAPPED, MIRROR, NEAREST, REPEAT, Texture

STEP_BEHIND = 1e-4  # metres that a ray skips behind a back face
MAXIMAL_LAYERS = 16  # back faces that a ray may pass


def camera_rays(size: Tuple[int, int], hfov: float) -> np.ndarray:
    """Return the directions through the pixel centres in the camera's frame, (H*W)x3, with z = -1."""
    height, width = size
    tangent = np.tan(np.radians(hfov) / 2)
    across = ((np.arange(width) + 0.5) / width * 2 - 1) * tangent
    down = (1 - (np.arange(height) + 0.5) / height * 2) * tangent * height / width
    x, y = np.meshgrid(across, down)
    return np.stack([x, y, -np.ones_like(x)], -1).reshape(-1, 3)


def mip_pyramid(image: np.ndarray) -> List[np.ndarray]:
    """Return the image and its mipmaps down to one pixel, each the mean of four pixels, as in OpenGL."""
    levels = [image]
    while max(levels[-1].shape[:2]) > 1:
        height, width = (max(1, side // 2) for side in levels[-1].shape[:2])
        levels.append(cv2.resize(levels[-1], (width, height), interpolation=cv2.INTER_AREA))
    return levels


def wrap_texels(index: np.ndarray, size: int, wrap: int) -> np.ndarray:
    """Map texel indices beyond a texture's edges back into it (0..size-1)."""
    if wrap == CLAMP:
        clamped: np.ndarray = np.clip(index, 0, size - 1)
        return clamped
    if wrap == MIRROR:
        index = index % (2 * size)
        mirrored: np.ndarray = np.minimum(index, 2 * size - 1 - index)
        return mirrored
    return index % size


def nearest(image: np.ndarray, uv: np.ndarray, wrap: Tuple[int, int] = (REPEAT, REPEAT)) -> np.ndarray:
    """Return the colours of the texels at ``uv`` (Nx2), Nx3 uint8."""
    height, width = image.shape[:2]
    x, y = np.floor(uv[:, 0] * width).astype(np.int64), np.floor(uv[:, 1] * height).astype(np.int64)
    texels: np.ndarray = image[wrap_texels(y, height, wrap[1]), wrap_texels(x, width, wrap[0])]
    return texels


def bilinear(image: np.ndarray, uv: np.ndarray, wrap: Tuple[int, int] = (REPEAT, REPEAT)) -> np.ndarray:
    """Return a texture's bilinearly interpolated colours at ``uv`` (Nx2), Nx3 float32, 0..255."""
    height, width = image.shape[:2]
    x, y = uv[:, 0] * width - 0.5, uv[:, 1] * height - 0.5
    left, top = np.floor(x), np.floor(y)
    right_share, bottom_share = (x - left).astype(np.float32)[:, None], (y - top).astype(np.float32)[:, None]
    x0, y0 = left.astype(np.int64), top.astype(np.int64)
    x1, y1 = wrap_texels(x0 + 1, width, wrap[0]), wrap_texels(y0 + 1, height, wrap[1])
    x0, y0 = wrap_texels(x0, width, wrap[0]), wrap_texels(y0, height, wrap[1])
    upper = image[y0, x0] * (1 - right_share) + image[y0, x1] * right_share
    lower = image[y1, x0] * (1 - right_share) + image[y1, x1] * right_share
    blended: np.ndarray = upper * (1 - bottom_share) + lower * bottom_share
    return blended


class RaycastRenderer:
    """Renders a scene with Embree; texture filtering follows OpenGL's trilinear rule.

    A face less than STEP_BEHIND behind a back face may be missed; closed objects have none.
    """

    name = "embreex"

    def __init__(self, scene: Scene, size: Tuple[int, int], hfov: float) -> None:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh

        scene, self.origin = scene.centred()
        self.scene, self.size = scene, size
        self.rays = camera_rays(size, hfov)
        self.pixel = 2 * np.tan(np.radians(hfov) / 2) / size[1]  # side of a pixel at distance 1
        self.embree = rtcore_scene.EmbreeScene()
        TriangleMesh(self.embree, scene.vertices.astype(np.float32), scene.faces.astype(np.int32))
        self.normals = scene.face_normals()
        self.corner = scene.vertices[scene.faces[:, 0]]
        self.slopes = self.attribute_slopes()
        self.pyramids = [pyramid(texture) for texture in scene.textures]

    def attribute_slopes(self) -> np.ndarray:
        """Return Fx3x2: gradients along x, y and z, within a face's plane, of the weights of its 2nd and 3rd corner."""
        corners = self.scene.vertices[self.scene.faces]
        edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=2)
        gram = np.einsum("fij,fik->fjk", edges, edges)
        determinant = gram[:, 0, 0] * gram[:, 1, 1] - gram[:, 0, 1] ** 2
        inverse = np.stack([gram[:, 1, 1], -gram[:, 0, 1], -gram[:, 0, 1], gram[:, 0, 0]], axis=1).reshape(-1, 2, 2)
        slopes: np.ndarray = edges @ (inverse / np.maximum(determinant, 1e-30)[:, None, None])
        return slopes

    def hits(self, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return the index of the first face that each ray hits from the front, -1 for none."""
        found = np.full(len(directions), -1)
        active = np.arange(len(directions))
        origins = np.tile(origin, (len(directions), 1))
        for _ in range(MAXIMAL_LAYERS):
            towards = directions[active]
            face = self.embree.run(origins[active].astype(np.float32), towards.astype(np.float32), query="INTERSECT")
            met, active, towards = face[face >= 0], active[face >= 0], towards[face >= 0]
            behind = np.einsum("ij,ij->i", self.normals[met], towards) >= 0
            found[active[~behind]] = met[~behind]
            met, active, towards = met[behind], active[behind], towards[behind]
            if not len(active):
                break
            distance = self.distance(origins[active], towards, met)
            origins[active] += towards * (distance + STEP_BEHIND)[:, None]
        return found

    def distance(self, origins: np.ndarray, directions: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Return the distance along each ray to its face's plane: planar depth, since rays have z = -1."""
        normals = self.normals[face]
        slant = np.einsum("ij,ij->i", normals, directions)
        distance: np.ndarray = np.einsum("ij,ij->i", normals, self.corner[face] - origins) / np.where(
            slant == 0, 1e-12, slant
        )
        return distance

    def render(self, camera_to_world: np.ndarray) -> Rendering:
        """Render all layers."""
        rotation, origin = camera_to_world[:3, :3], camera_to_world[:3, 3] - self.origin
        directions = self.rays @ rotation.T
        face = self.hits(origin, directions)
        seen = np.flatnonzero(face >= 0)
        face = face[seen]
        layers = self.empty_layers()
        layers.depth.reshape(-1)[seen] = depth = self.distance(origin[None], directions[seen], face)
        normals = self.normals[face] @ rotation
        layers.normals.reshape(-1, 3)[seen] = normals
        layers.instances.reshape(-1)[seen] = self.scene.face_instance[face]
        with np.errstate(all="ignore"):  # texture coordinates may be arbitrarily large
            layers.rgb.reshape(-1, 3)[seen] = self.colours(origin, directions[seen], depth, face, rotation)
        return layers

    def render_rgb(self, camera_to_world: np.ndarray) -> np.ndarray:
        """Render only colours, HxWx3 uint8."""
        return self.render(camera_to_world).rgb

    def empty_layers(self) -> Rendering:
        """Return an empty rendering."""
        return Rendering(
            rgb=np.zeros((*self.size, 3), np.uint8),
            depth=np.zeros(self.size, np.float32),
            normals=np.zeros((*self.size, 3), np.float32),
            instances=np.zeros(self.size, np.uint32),
        )

    def colours(
        self, origin: np.ndarray, directions: np.ndarray, depth: np.ndarray, face: np.ndarray, rotation: np.ndarray
    ) -> np.ndarray:
        """Return Nx3 uint8: the texture at every hit, filtered over the pixel's footprint, times the vertex colours."""
        corners = self.scene.faces[face]
        slopes = self.slopes[face]
        weights = np.einsum("ni,nik->nk", origin + directions * depth[:, None] - self.corner[face], slopes)
        weights = np.concatenate([1 - weights.sum(1, keepdims=True), weights], axis=1)
        corner_uv = self.scene.uv[corners].astype(float)
        uv = np.einsum("nk,nkc->nc", weights, corner_uv)
        edges = corner_uv[:, 1:] - corner_uv[:, :1]
        slant = np.einsum("ij,ij->i", self.normals[face], directions)
        footprint = []
        for axis in (rotation[:, 0], rotation[:, 1]):  # how the hit and its uv move from one pixel to the next
            lean = self.normals[face] @ axis / np.where(slant == 0, 1e-12, slant)
            move = depth[:, None] * (axis - directions * lean[:, None]) * self.pixel
            footprint.append(np.einsum("ni,nik,nkc->nc", move, slopes, edges))
        tint = np.einsum("nk,nkc->nc", weights, self.scene.colours[corners])
        texture = self.scene.face_texture[face]
        colours = np.empty((len(face), 3))
        for index in np.unique(texture):
            chosen = texture == index
            pair = footprint[0][chosen], footprint[1][chosen]
            colours[chosen] = filtered(self.scene.textures[index], self.pyramids[index], uv[chosen], *pair)
        shown: np.ndarray = np.clip(np.rint(colours * tint), 0, 255).astype(np.uint8)
        return shown

    def close(self) -> None:
        """Do nothing: there are no resources to free."""


def pyramid(texture: Texture) -> List[np.ndarray]:
    """Return the levels to filter a texture from: its own, or those made from its image."""
    if texture.minify not in MIPMAPPED:
        return [texture.pixels]
    return list(texture.levels) if len(texture.levels) > 1 else mip_pyramid(texture.pixels)


def filtered(
    texture: Texture, levels: List[np.ndarray], uv: np.ndarray, along_x: np.ndarray, along_y: np.ndarray
) -> np.ndarray:
    """Return Nx3 colours of a texture at ``uv``, with the texture's own filters.

    Args:
        levels: see :func:`pyramid`.
        uv: Nx2.
        along_x: Nx2, change of uv from a pixel to the next one on the right.
        along_y: the same for the next one above.
    """
    texels = np.array(levels[0].shape[1::-1])
    span = np.maximum(np.linalg.norm(along_x * texels, axis=1), np.linalg.norm(along_y * texels, axis=1))
    exact = np.log2(np.maximum(span, 1e-6))
    level = np.clip(exact, 0, len(levels) - 1)
    if texture.minify not in BLENDED:
        level = np.ceil(level - 0.5)  # the nearest level
    lower = np.floor(level).astype(int)
    share = (level - lower)[:, None]
    minifying = MIPMAPPED.get(texture.minify, texture.minify)
    colours = np.zeros((len(uv), 3))
    for number, image in enumerate(levels):
        for chosen, weight in ((lower == number, 1 - share), (lower + 1 == number, share)):
            part = chosen & (weight[:, 0] > 0)
            if not part.any():
                continue
            if minifying == texture.magnify:
                colours[part] += sample(minifying, image, uv[part], texture.wrap) * weight[part]
                continue
            for kind, these in ((texture.magnify, part & (exact <= 0)), (minifying, part & (exact > 0))):
                colours[these] += sample(kind, image, uv[these], texture.wrap) * weight[these]
    return colours


def sample(kind: int, image: np.ndarray, uv: np.ndarray, wrap: Tuple[int, int]) -> np.ndarray:
    """Return Nx3 colours of one level, sampled with ``NEAREST`` or ``LINEAR``."""
    return nearest(image, uv, wrap) if kind == NEAREST else bilinear(image, uv, wrap)
