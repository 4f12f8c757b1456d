"""A small scene whose geometry is known: a room of 6 x 2.5 x 4 metres with a wall across it, a table and a step."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mimic_core.sampledata.build.gltf import Part, glb_bytes
from mimic_core.sampledata.build.materials import Paint
from mimic_core.sampledata.build.shapes import Patch, Piece, quad

WIDTH, HEIGHT, DEPTH = 6.0, 2.5, 4.0
DOORWAY = (1.5, 2.5)  # z of the passage in the wall at x = 3

MakeScene = Callable[..., bytes]  # (pieces, or none for the room) -> GLB


def nothing(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A paint that is never asked: these scenes bring their textures along."""
    raise AssertionError("no texture is painted here")


PAINT: Paint = nothing


def room() -> list[Piece]:
    """The shell, the wall in two parts, a table and a low step; every piece under its own name."""
    x, y, z = np.diag([WIDTH, HEIGHT, DEPTH])
    shell = [
        ("floor", quad((0, 0, 0), x, z, PAINT)),
        ("ceiling", quad(y + z, x, -z, PAINT)),
        ("north", quad(y, x, -y, PAINT)),
        ("east", quad(x + y, z, -y, PAINT)),
        ("south", quad(x + y + z, -x, -y, PAINT)),
        ("west", quad(y + z, -z, -y, PAINT)),
    ]
    pieces = [Piece(name, (patch,)) for name, patch in shell]
    for name, start, end in (("wall", 0.0, DOORWAY[0]), ("other wall", DOORWAY[1], DEPTH)):
        pieces.append(Piece(name).box((3.0, 0, (start + end) / 2), (0.1, HEIGHT, end - start), PAINT))
    pieces.append(Piece("table").box((1.0, 0.7, 1.0), (0.8, 0.05, 0.6), PAINT))
    pieces.append(Piece("step").box((5.0, 0, 3.0), (0.8, 0.1, 0.8), PAINT))
    return pieces


def part(patches: Sequence[Patch]) -> Part:
    """Patches as one part with texture 0, its texture repeated every metre."""
    vertices, uv, faces, count = [], [], [], 0
    for patch in patches:
        grid = np.stack(np.meshgrid(patch.s * patch.size[0], patch.t * patch.size[1]), axis=-1)
        vertices.append(patch.points.reshape(-1, 3))
        uv.append(grid.reshape(-1, 2))
        faces.append(patch.faces() + count)
        count += len(vertices[-1])
    return Part(0, np.concatenate(vertices), np.concatenate(uv), np.concatenate(faces))


def texture() -> bytes:
    """A JPEG of coloured noise with grains of several sizes, 256x256."""
    rng = np.random.default_rng(0)
    image = np.zeros((256, 256, 3), np.float32)
    for side in (16, 64, 256):
        image += cv2.resize(rng.uniform(0, 80, (side, side, 3)).astype(np.float32), (256, 256))
    return cv2.imencode(".jpg", image.astype(np.uint8))[1].tobytes()


def scene_glb(pieces: Sequence[Piece] | None = None) -> bytes:
    """Pieces as a GLB; the room where none are given."""
    chosen = room() if pieces is None else pieces
    return glb_bytes([(piece.name, [part(piece.patches)]) for piece in chosen], [texture()], {})
