"""A scene in memory: triangles with texture coordinates, textures, and the node each triangle belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple, Union

import numpy as np

from mimic_core.errors import UnreadableError
from mimic_core.simulators.glb import Glb

TRIANGLES = 4  # glTF's number for a primitive made of separate triangles


@dataclass(frozen=True)
class Scene:
    """All triangles of a scene, in world coordinates: metres, y up.

    Attributes:
        name: what to call it in messages.
        vertices: Vx3 float64.
        faces: Fx3 int64; counter-clockwise seen from outside.
        uv: Vx2 float32, texture coordinates as glTF has them: (0, 0) is the top left corner, they repeat.
        colours: Vx3 float32, 0..1, multiplied with the texture.
        face_texture: F int64, index into ``textures``.
        face_instance: F uint32, the node's number, counted from 1.
        face_two_sided: F bool, whether the face is seen from behind, too.
        textures: HxWx3 uint8 each.
        instance_names: names of the nodes, the first is instance 1.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    colours: np.ndarray
    face_texture: np.ndarray
    face_instance: np.ndarray
    face_two_sided: np.ndarray
    textures: Tuple[np.ndarray, ...]
    instance_names: Tuple[str, ...]

    def face_normals(self) -> np.ndarray:
        """Fx3 float64 unit normals; 0 for faces without area."""
        corners = self.vertices[self.faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)


def load_scene(source: Union[str, Path, bytes], *, up: str = "y") -> Scene:
    """Read a GLB file, or its bytes; ``up`` is the file's upward axis, ``y`` or ``z``.

    Raises:
        UnreadableError: not there, no GLB, damaged, made with extensions that are not understood, or without triangles.
    """
    name = "scene in memory" if isinstance(source, bytes) else str(source)
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        remedy = "check the path and its permissions"
        raise UnreadableError(f"the scene cannot be opened: {error.strerror}", where=name, remedy=remedy) from None
    glb = Glb(data, name)
    try:
        return SceneReader(glb, up).scene()
    except (KeyError, IndexError, TypeError, ValueError) as error:
        what = f"this GLB is damaged ({type(error).__name__}: {error})"
        raise glb.unreadable(what, "fetch or write the file again") from error


class SceneReader:
    """Gathers the triangles of a GLB's nodes."""

    def __init__(self, glb: Glb, up: str) -> None:
        self.glb, self.document = glb, glb.document
        self.root = np.eye(4)
        if up == "z":  # (x, y, z) -> (x, z, -y)
            self.root[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
        self.textures: List[np.ndarray] = [np.full((1, 1, 3), 255, np.uint8)]
        self.texture_of_image: Dict[int, int] = {}
        self.parts: List[Dict[str, np.ndarray]] = []
        self.count = 0

    def scene(self) -> Scene:
        """Read everything."""
        names = []
        for number, (node, matrix) in enumerate(self.mesh_nodes(), 1):
            mesh = self.document["meshes"][node["mesh"]]
            names.append(str(node.get("name", mesh.get("name", f"node{number}"))))
            for primitive in mesh["primitives"]:
                if primitive.get("mode", TRIANGLES) == TRIANGLES:
                    self.parts.append(self.primitive(primitive, matrix, number))
        if not sum(len(part["faces"]) for part in self.parts):
            raise self.glb.unreadable("this GLB holds no triangles", "give a scene with surfaces")
        columns = {key: np.concatenate([part[key] for part in self.parts]) for key in self.parts[0]}
        return Scene(name=self.glb.name, textures=tuple(self.textures), instance_names=tuple(names), **columns)

    def mesh_nodes(self) -> Iterator[Tuple[Dict[str, Any], np.ndarray]]:
        """Every node with a mesh, depth first, with its world matrix."""
        nodes = self.document.get("nodes", [])
        scenes = self.document.get("scenes") or [{"nodes": list(range(len(nodes)))}]
        roots = scenes[self.document.get("scene", 0)].get("nodes", [])
        stack = [(index, self.root, 0) for index in reversed(roots)]
        while stack:
            index, parent, depth = stack.pop()
            node = nodes[index]
            matrix = parent @ self.glb.node_matrix(node)
            if depth > len(nodes):
                raise ValueError("its nodes form a circle")
            if "mesh" in node:
                yield node, matrix
            stack.extend((child, matrix, depth + 1) for child in reversed(node.get("children", [])))

    def primitive(self, primitive: Dict[str, Any], matrix: np.ndarray, number: int) -> Dict[str, np.ndarray]:
        """The arrays of one mesh primitive, faces counted from the vertices read so far."""
        attributes = primitive["attributes"]
        local = self.glb.accessor(attributes["POSITION"]).astype(float)
        vertices = local @ matrix[:3, :3].T + matrix[:3, 3]
        if "indices" in primitive:
            faces = self.glb.accessor(primitive["indices"]).astype(np.int64).reshape(-1, 3)
        else:
            faces = np.arange(len(vertices), dtype=np.int64).reshape(-1, 3)
        if faces.size and faces.max() >= len(vertices):
            raise ValueError("a face names a vertex that is not there")
        if np.linalg.det(matrix[:3, :3]) < 0:  # a mirrored node turns its faces inside out
            faces = faces[:, ::-1]
        material = self.document["materials"][primitive["material"]] if "material" in primitive else {}
        surface = material.get("pbrMetallicRoughness", {})
        uv, texture = np.zeros((len(vertices), 2), np.float32), 0
        if "baseColorTexture" in surface:
            reference = surface["baseColorTexture"]
            texture = self.texture(reference["index"])
            uv = self.glb.accessor(attributes[f"TEXCOORD_{reference.get('texCoord', 0)}"]).astype(np.float32)
        colours = np.tile(np.array(surface.get("baseColorFactor", (1, 1, 1, 1))[:3], np.float32), (len(vertices), 1))
        if "COLOR_0" in attributes:
            colours = colours * self.glb.accessor(attributes["COLOR_0"])[:, :3].astype(np.float32)
        part = {
            "vertices": vertices,
            "faces": faces + self.count,
            "uv": uv,
            "colours": colours,
            "face_texture": np.full(len(faces), texture),
            "face_instance": np.full(len(faces), number, np.uint32),
            "face_two_sided": np.full(len(faces), bool(material.get("doubleSided", False))),
        }
        self.count += len(vertices)
        return part

    def texture(self, index: int) -> int:
        """Index of glTF texture ``index`` among the scene's textures; each image is decoded once."""
        image = self.document["textures"][index]["source"]
        if image not in self.texture_of_image:
            self.texture_of_image[image] = len(self.textures)
            self.textures.append(self.glb.image(image))
        return self.texture_of_image[image]
