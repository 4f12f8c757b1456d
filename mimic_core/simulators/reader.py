"""Turn a GLB's nodes, meshes and materials into a :class:`~mimic_core.simulators.scene.Scene`."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np

from mimic_core.foreign import NODES, TRIANGLES
from mimic_core.simulators.extensions import names_of
from mimic_core.simulators.glb import Glb, node_matrix
from mimic_core.simulators.materials import NO_MATERIAL, Surface, surface_of
from mimic_core.simulators.scene import Scene
from mimic_core.simulators.textures import TextureReader

# glTF's modes of primitives that are surfaces
SEPARATE, STRIP, FAN = 4, 5, 6
# limit on corners: the first, or the second times the file size if larger
FREE_CORNERS, CORNERS_PER_BYTE = 6_000_000, 4
SMALL = 20_000  # vertices of a mesh that is cached for its next use
COARSE = 131_072.0  # metres: 32-bit floats beyond are over a centimetre apart
INSTANCING, VISIBILITY, DRACO = "EXT_mesh_gpu_instancing", "KHR_node_visibility", "KHR_draco_mesh_compression"
Columns = Dict[str, np.ndarray]


class SceneReader:
    """Collects the triangles of a GLB's nodes."""

    def __init__(self, glb: Glb, up: str) -> None:
        self.glb, self.document = glb, glb.document
        self.root = np.eye(4)
        if up == "z":  # (x, y, z) -> (x, z, -y)
            self.root[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
        self.textures = TextureReader(glb)
        self.parts: List[Columns] = []
        self.meshes: Dict[int, List[Columns]] = {}
        self.surfaces: Dict[int, Surface] = {}
        self.count = self.visited = 0
        self.corners_left = min(3 * TRIANGLES, max(FREE_CORNERS, CORNERS_PER_BYTE * glb.size))
        self.remarked: Counter[str] = Counter()

    def scene(self) -> Scene:
        """Read the scene."""
        names = []
        for number, (node, matrix) in enumerate(self.mesh_nodes(), 1):
            mesh = self.glb.entry("meshes", node["mesh"])
            names.append(str(node.get("name", mesh.get("name", f"node{number}"))))
            for place in self.instances(node, matrix):
                for part in self.mesh(node["mesh"], mesh):
                    self.place(part, place, number)
        if not sum(len(part["faces"]) for part in self.parts):
            left = "".join(f"; {text}" for text in self.remarks())
            raise self.glb.unreadable(f"this GLB holds no triangles{left}", "use a scene with surfaces")
        columns = {key: np.concatenate([part[key] for part in self.parts]) for key in self.parts[0]}
        textures, remarks = tuple(self.textures.textures), tuple(self.glb.remarks + self.remarks())
        return Scene(name=self.glb.name, textures=textures, instance_names=tuple(names), remarks=remarks, **columns)

    def remarks(self) -> List[str]:
        """Return remarks on what was left out or changed, with counts."""
        return [text.format(count=count, s="" if count == 1 else "s") for text, count in self.remarked.items()]

    def mesh_nodes(self) -> Iterator[Tuple[Dict[str, Any], np.ndarray]]:
        """Yield every node with a mesh and its world matrix, depth first."""
        nodes = self.document.get("nodes", [])
        stack = [(index, self.root, 0) for index in reversed(self.roots(nodes))]
        known: Dict[Any, Tuple[Dict[str, Any], np.ndarray, List[Any], bool]] = {}
        while stack:
            index, parent, depth = stack.pop()
            self.visit()
            if depth > len(nodes):
                raise ValueError("its nodes form a cycle")
            if index not in known:
                node = self.glb.entry("nodes", index)
                hidden = not node.get("extensions", {}).get(VISIBILITY, {}).get("visible", True)
                children = [] if hidden else list(reversed(node.get("children", [])))
                known[index] = node, node_matrix(node), children, "mesh" in node and not hidden
            node, local, children, shown = known[index]
            matrix = parent @ local
            if shown:
                yield node, matrix
            stack.extend((child, matrix, depth + 1) for child in children)
            if len(stack) > NODES:
                self.visit(NODES)

    def visit(self, count: int = 1) -> None:
        """Count nodes and primitives as they are visited, and refuse a file with too many."""
        self.visited += count
        if self.visited > NODES:
            what = f"this GLB has more than {NODES:,} nodes and parts, counted as often as they are used"
            raise self.glb.unreadable(what, "export it with fewer nodes, or leave it out")

    def roots(self, nodes: List[Any]) -> List[Any]:
        """Return the root nodes of the scene to show; without scenes, the nodes that have no parent."""
        scenes = self.document.get("scenes")
        if scenes:
            return list(self.glb.entry("scenes", self.document.get("scene", 0)).get("nodes", []))
        children = {
            child for index in range(len(nodes)) for child in self.glb.entry("nodes", index).get("children", [])
        }
        return [index for index in range(len(nodes)) if index not in children]

    def instances(self, node: Dict[str, Any], matrix: np.ndarray) -> List[np.ndarray]:
        """Return the 4x4 world matrices of a node's mesh: the node's own, or those of EXT_mesh_gpu_instancing."""
        attributes = node.get("extensions", {}).get(INSTANCING, {}).get("attributes", {})
        keys = [key for key in ("TRANSLATION", "ROTATION", "SCALE") if key in attributes]
        if not keys:
            return [matrix]
        self.visit(max(self.glb.count(attributes[key]) for key in keys))
        columns = {key.lower(): self.glb.accessor(attributes[key]).astype(float) for key in keys}
        count = min(map(len, columns.values()))
        rows = [{key: column[row] for key, column in columns.items()} for row in range(count)]
        return [matrix @ node_matrix(row) for row in rows]

    def mesh(self, index: int, mesh: Dict[str, Any]) -> List[Columns]:
        """Return the parts of a mesh in its own coordinates; small meshes are cached for the next node."""
        if index in self.meshes:
            parts = self.meshes[index]
            self.visit(len(parts))
            self.count_corners(sum(3 * len(part["faces"]) for part in parts))
            return parts
        primitives = mesh["primitives"]
        self.visit(len(primitives))
        parts = [part for part in (self.primitive(primitive) for primitive in primitives) if part is not None]
        if sum(len(part["vertices"]) for part in parts) <= SMALL:
            self.meshes[index] = parts
        return parts

    def count_corners(self, corners: int) -> None:
        """Count the corners of triangles before allocating memory, and refuse a file with too many."""
        self.corners_left -= corners
        if self.corners_left < 0:
            what = f"this GLB draws more triangles than are read: {TRIANGLES:,}, or fewer from a small file"
            raise self.glb.unreadable(what, "reduce it, or cut it into pieces")

    def place(self, part: Columns, matrix: np.ndarray, number: int) -> None:
        """Add a part at a node's place, with its face indices offset by the vertices read so far."""
        faces = part["faces"]
        if np.linalg.det(matrix[:3, :3]) < 0:  # a mirrored node turns its faces inside out
            faces = faces[:, ::-1]
        self.parts.append(
            {
                **part,
                "vertices": part["vertices"] @ matrix[:3, :3].T + matrix[:3, 3],
                "faces": faces + self.count,
                "face_instance": np.full(len(faces), number, np.uint32),
            }
        )
        self.count += len(part["vertices"])

    def primitive(self, primitive: Dict[str, Any]) -> Any:
        """Return the arrays of a mesh primitive in the mesh's coordinates, or None for points and lines."""
        mode = primitive.get("mode", SEPARATE)
        if mode not in range(7):
            raise ValueError(f"a primitive has the unknown mode {mode!r}")
        if mode not in (SEPARATE, STRIP, FAN):
            self.remarked["{count} part{s} made of points or lines left out"] += 1
            return None
        attributes = primitive["attributes"]
        if "bufferView" not in self.glb.entry("accessors", attributes["POSITION"]) and DRACO in names_of(primitive):
            raise self.glb.missing_error("triangles", primitive)
        positions = self.glb.accessor(attributes["POSITION"])
        indices = self.indices(primitive, positions)
        self.count_corners(len(indices) if mode == SEPARATE else 3 * len(indices))
        faces = triangles(indices.astype(np.int64), mode)
        if faces.size and faces.max() >= len(positions):
            raise ValueError("a face refers to a missing vertex")
        used: Any = slice(None)
        if len(positions) > len(indices):  # parts may share one list of vertices
            used, faces = np.unique(faces, return_inverse=True)
            faces = faces.reshape(-1, 3)
        vertices = positions[used].astype(float)
        if positions.dtype.itemsize == 4 and COARSE < np.abs(vertices).max(axis=1).min(initial=np.inf) < np.inf:
            self.remarked["{count} part{s} stored so far from 0 that positions are rounded to centimetres or more"] += 1
        surface = self.surface(primitive)
        uv, texture = self.uv_of(surface, attributes, used, len(positions))
        colours = np.tile(np.array(surface.factor, np.float32), (len(vertices), 1))
        if "COLOR_0" in attributes:
            colours = colours * self.vertex_colours(attributes["COLOR_0"], used, len(positions))
        if any(surface.gloss):
            colours = colours + np.array(surface.gloss, np.float32)
        return {
            "vertices": vertices,
            "faces": faces,
            "uv": uv,
            "colours": colours,
            "face_texture": np.full(len(faces), texture),
        }

    def indices(self, primitive: Dict[str, Any], positions: np.ndarray) -> np.ndarray:
        """Return the vertex indices of a primitive in drawing order."""
        if "indices" not in primitive:
            return np.arange(len(positions))
        indices = self.glb.accessor(primitive["indices"])
        if indices.dtype.kind != "u" or indices.shape[1] != 1:
            raise ValueError("its vertex indices are not unsigned integers")
        return indices[:, 0]

    def surface(self, primitive: Dict[str, Any]) -> Surface:
        """Return the appearance of a primitive."""
        index = primitive.get("material")
        if index is None:
            return NO_MATERIAL
        if index not in self.surfaces:
            self.surfaces[index] = surface_of(self.glb.entry("materials", index))
            if self.surfaces[index].emissive_only:
                self.remarked["{count} material{s} with only an emissive texture, which is not shown"] += 1
        return self.surfaces[index]

    def uv_of(self, surface: Surface, attributes: Dict[str, Any], used: Any, count: int) -> Tuple[np.ndarray, int]:
        """Return the texture coordinates of a primitive's used vertices (Vx2 float32), and the texture's number."""
        plain = np.zeros((count if isinstance(used, slice) else len(used), 2), np.float32), 0
        if surface.texture is None:
            return plain
        texture = self.textures.number(surface.texture)
        if not texture:
            self.remarked["{count} part{s} with a texture that has no image, drawn plain"] += 1
            return plain
        name = f"TEXCOORD_{surface.coordinates}"
        if name not in attributes:
            self.remarked["{count} part{s} with a texture but no texture coordinates, drawn plain"] += 1
            return plain
        self.check_count(attributes[name], count)
        uv = self.glb.accessor(attributes[name], used).astype(np.float32)
        if uv.shape[1] != 2:
            raise ValueError(f"its texture coordinates have {uv.shape[1]} components")
        if surface.uv_transform is not None:
            uv = (uv.astype(float) @ surface.uv_transform[:, :2].T + surface.uv_transform[:, 2]).astype(np.float32)
        if not np.isfinite(uv).all():
            self.remarked["{count} part{s} with texture coordinates that are not numbers"] += 1
            uv = np.where(np.isfinite(uv), uv, np.float32(0))
        return uv, texture

    def vertex_colours(self, index: Any, used: Any, count: int) -> np.ndarray:
        """Return the first set of vertex colours of the used vertices: Vx3 float32, 0..1."""
        self.check_count(index, count)
        colours = self.glb.accessor(index, used)[:, :3]
        shown = colours.astype(np.float32)
        if colours.dtype.kind != "f":  # integers that are not marked as normalised
            shown /= np.iinfo(colours.dtype).max
        return np.nan_to_num(shown)

    def check_count(self, index: Any, count: int) -> None:
        """Check that an accessor has one element per vertex."""
        if self.glb.count(index) != count:
            raise ValueError(f"{count} vertices have {self.glb.count(index)} coordinates or colours")


def triangles(indices: np.ndarray, mode: int) -> np.ndarray:
    """Return the Fx3 triangles of vertices in drawing order; an incomplete last triangle is dropped."""
    if mode == SEPARATE:
        return indices[: len(indices) // 3 * 3].reshape(-1, 3)
    first = np.arange(max(0, len(indices) - 2))
    if mode == STRIP:
        corners = [first, first + 1 + first % 2, first + 2 - first % 2]  # every other triangle is flipped
    else:
        corners = [first + 1, first + 2, np.zeros_like(first)]
    return indices[np.stack(corners, axis=1)]
