"""Rendering with OpenGL on EGL (on a GPU, or with Mesa's software rasteriser): all layers in one pass.

Unlit, trilinear texture filtering without anisotropy, back faces culled: with these settings the picture equals
habitat-sim's with its default ``no_lights``.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Tuple

import numpy as np

from mimic_core.kit.errors import MimicError
from mimic_core.simulators.base import Rendering
from mimic_core.simulators.libraries import keep_llvms_apart
from mimic_core.simulators.scene import Scene
from mimic_core.simulators.textures import MIPMAPPED, MIRROR, REPEAT, Texture

NEAR, FAR, FARTHEST = 0.01, 200.0, 1000.0  # metres; FARTHEST replaces FAR in scenes that are larger
THREADS = "1"  # for Mesa's software rasteriser: several jobs run side by side, on one core each

VERTEX_SHADER = """#version 330
uniform mat4 world_to_clip, world_to_camera;
in vec3 position, normal, colour; in vec2 uv; in uint instance;
out vec3 tint; out vec2 texel; flat out vec3 camera_normal; flat out uint number; out float distance_ahead;
void main() {
    vec4 camera = world_to_camera * vec4(position, 1.0);
    tint = colour; texel = uv; number = instance;
    camera_normal = mat3(world_to_camera) * normal;
    distance_ahead = -camera.z;
    gl_Position = world_to_clip * vec4(position, 1.0);
}"""

COLOUR_SHADER = """#version 330
uniform sampler2D surface;
in vec3 tint; in vec2 texel;
layout(location = 0) out vec4 rgb;
void main() { rgb = vec4(texture(surface, texel).rgb * tint, 1.0); }"""

# mirrored wrapping is done in the shader, since moderngl only supports repeat and clamp
PLAIN_LOOKUP, MIRRORED_LOOKUP = "texture(surface, texel)", "mirrored(texel)"
MIRRORED = """uniform bvec2 fold;
vec4 mirrored(vec2 at) {
    vec2 folded = mix(at, 1.0 - abs(mod(at, 2.0) - 1.0), vec2(fold));
    return textureGrad(surface, folded, dFdx(at), dFdy(at));
}
void main()"""

LAYERS_SHADER = """#version 330
uniform sampler2D surface;
in vec3 tint; in vec2 texel; flat in vec3 camera_normal; flat in uint number; in float distance_ahead;
layout(location = 0) out vec4 rgb; layout(location = 1) out vec4 geometry; layout(location = 2) out uint instance;
void main() {
    rgb = vec4(texture(surface, texel).rgb * tint, 1.0);
    geometry = vec4(gl_FrontFacing ? camera_normal : -camera_normal, distance_ahead);
    instance = number;
}"""


# given by name, since moderngl takes longer to find them than to open a scene
LIBRARIES = {"libgl": "libGL.so.1", "libegl": "libEGL.so.1"}


class NoEGLError(MimicError):
    """There is no EGL, or it does not offer OpenGL 3.3."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        remedy = "install libegl1, libgl1, libegl-mesa0 and libgl1-mesa-dri, or use the embreex backend"
        super().__init__(f"OpenGL on EGL does not start: {reason}", remedy=remedy)


def projection(size: Tuple[int, int], hfov: float, far: float = FAR) -> np.ndarray:
    """Return the 4x4 perspective matrix of an image of (height, width) square pixels.

    Args:
        hfov: horizontal field of view, degrees.
        far: distance of the far plane along the viewing axis, metres.
    """
    height, width = size
    focal = 1.0 / np.tan(np.radians(hfov) / 2)
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 1] = focal, focal * width / height
    matrix[2, 2], matrix[2, 3] = -(far + NEAR) / (far - NEAR), -2 * far * NEAR / (far - NEAR)
    matrix[3, 2] = -1.0
    return matrix


@contextmanager
def opengl_errors_as_machine_faults() -> Iterator[None]:
    """Raise OpenGL's errors as machine faults: once a scene is uploaded, they are not its file's fault."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("moderngl", "mgl", "_moderngl"):
            raise
        raise OSError(errno.EIO, f"OpenGL failed: {error}") from error


class RasterRenderer:
    """Renders a scene with moderngl.

    Raises:
        NoEGLError: OpenGL on EGL does not start here.
    """

    name = "moderngl"

    def __init__(self, scene: Scene, size: Tuple[int, int], hfov: float) -> None:
        os.environ.setdefault("LP_NUM_THREADS", THREADS)
        keep_llvms_apart()
        import moderngl

        scene, self.origin = scene.centred()
        diagonal = np.linalg.norm(np.ptp(scene.vertices, axis=0))
        self.size, self.projection = size, projection(size, hfov, FAR if diagonal <= FAR else FARTHEST)
        try:
            settings: Any = {"backend": "egl", **LIBRARIES}
            self.context: Any = moderngl.create_context(standalone=True, require=330, **settings)
        except Exception as error:  # moderngl raises plain Exception, and OSError where a library is missing
            raise NoEGLError(
                str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            ) from None
        context = self.context
        context.gc_mode = "context_gc"
        height, width = size
        colour, geometry = context.texture((width, height), 4), context.texture((width, height), 4, dtype="f4")
        instance, depth = context.texture((width, height), 1, dtype="u4"), context.depth_renderbuffer((width, height))
        self.colour_target = context.framebuffer([colour], depth)
        self.layers_target = context.framebuffer([colour, geometry, instance], depth)
        self.programs: Dict[bool, Tuple[Any, Any]] = {}
        self.batches = [self.batch(scene, int(texture)) for texture in np.unique(scene.face_texture)]
        context.enable(moderngl.DEPTH_TEST | moderngl.CULL_FACE)

    def programs_of(self, mirrored: bool) -> Tuple[Any, Any]:
        """Return the shader programs for colours only and for all layers."""
        if mirrored not in self.programs:
            shaders = [COLOUR_SHADER, LAYERS_SHADER]
            if mirrored:
                shaders = [
                    shader.replace(PLAIN_LOOKUP, MIRRORED_LOOKUP).replace("void main()", MIRRORED) for shader in shaders
                ]
            first, second = (
                self.context.program(vertex_shader=VERTEX_SHADER, fragment_shader=shader) for shader in shaders
            )
            self.programs[mirrored] = first, second
        return self.programs[mirrored]

    def batch(self, scene: Scene, texture: int) -> Tuple[Tuple[Any, Any], Any, Tuple[bool, bool]]:
        """Upload the faces of a texture; return their vertex arrays (colours, layers), it, and its mirrored axes."""
        chosen = np.flatnonzero(scene.face_texture == texture)
        corners = scene.faces[chosen].ravel()
        layout = np.dtype([("p", "f4", 3), ("n", "f4", 3), ("c", "f4", 3), ("uv", "f4", 2), ("i", "u4")])
        table = np.empty(len(corners), layout)
        table["p"], table["c"], table["uv"] = scene.vertices[corners], scene.colours[corners], scene.uv[corners]
        table["n"] = np.repeat(scene.face_normals()[chosen], 3, axis=0)
        table["i"] = np.repeat(scene.face_instance[chosen], 3)
        buffer = self.context.buffer(table.tobytes())
        across, down = (way == MIRROR for way in scene.textures[texture].wrap)
        colour_program, layers_program = self.programs_of(across or down)
        colour = self.context.vertex_array(
            colour_program, [(buffer, "3f 12x 3f 2f 4x", "position", "colour", "uv")], skip_errors=True
        )
        layers = self.context.vertex_array(
            layers_program, [(buffer, "3f 3f 3f 2f 1u", "position", "normal", "colour", "uv", "instance")]
        )
        return (colour, layers), self.upload(scene.textures[texture]), (across, down)

    def upload(self, texture: Texture) -> Any:
        """Upload a texture."""
        image = self.context.texture(texture.pixels.shape[1::-1], 3, texture.pixels.tobytes(), alignment=1)
        image.repeat_x, image.repeat_y = (way == REPEAT for way in texture.wrap)
        if texture.minify in MIPMAPPED:
            mipmaps = texture.levels[1:]
            image.build_mipmaps(max_level=len(mipmaps) if mipmaps else 1000)
            for number, level in enumerate(mipmaps, 1):
                image.write(level.tobytes(), level=number, alignment=1)
        image.filter = (texture.minify, texture.magnify)
        return image

    def draw(self, camera_to_world: np.ndarray, target: Any, layer: int) -> None:
        """Draw every batch into ``target``; ``layer`` 0 draws colours, 1 all layers."""
        camera_to_scene = np.array(camera_to_world, dtype=float)
        camera_to_scene[:3, 3] -= self.origin
        world_to_camera = np.linalg.inv(camera_to_scene)
        for program in (programs[layer] for programs in self.programs.values()):
            for name, matrix in (
                ("world_to_clip", self.projection @ world_to_camera),
                ("world_to_camera", world_to_camera),
            ):
                if name in program:
                    program[name].write(np.ascontiguousarray(matrix.T, dtype="f4").tobytes())
        target.use()
        target.clear(0.0, 0.0, 0.0, 0.0)
        for drawn, image, fold in self.batches:
            if any(fold):
                self.programs[True][layer]["fold"].value = fold
            image.use(0)
            drawn[layer].render()

    def read(self, target: Any, attachment: int, components: int, kind: str) -> np.ndarray:
        """Read a layer of ``target`` as HxWxcomponents, top row first."""
        data = target.read(components=components, attachment=attachment, dtype=kind, alignment=1)
        dtype = {"f1": np.uint8, "f4": np.float32, "u4": np.uint32}[kind]
        return np.frombuffer(data, dtype).reshape(*self.size, components)[::-1]

    def render_rgb(self, camera_to_world: np.ndarray) -> np.ndarray:
        """Render only colours, HxWx3 uint8."""
        with self.context, opengl_errors_as_machine_faults():
            self.draw(camera_to_world, self.colour_target, 0)
            return np.ascontiguousarray(self.read(self.colour_target, 0, 3, "f1"))

    def render(self, camera_to_world: np.ndarray) -> Rendering:
        """Render all layers."""
        with self.context, opengl_errors_as_machine_faults():
            self.draw(camera_to_world, self.layers_target, 1)
            rgb = np.ascontiguousarray(self.read(self.layers_target, 0, 3, "f1"))
            geometry = self.read(self.layers_target, 1, 4, "f4")
            instances = np.ascontiguousarray(self.read(self.layers_target, 2, 1, "u4")[..., 0])
        depth = np.ascontiguousarray(geometry[..., 3])
        return Rendering(rgb, depth, np.ascontiguousarray(geometry[..., :3]), instances)

    def close(self) -> None:
        """Release the OpenGL context and everything in it."""
        self.context.release()
