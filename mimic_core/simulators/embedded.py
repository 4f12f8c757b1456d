"""The embedded simulator: a scene, its walkable grid and one of the two renderers."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from mimic_core.simulators.base import Rendering, Simulator
from mimic_core.simulators.navigation import WalkableGrid
from mimic_core.simulators.scene import Scene


class Renderer(Protocol):
    """Renders a camera pose: unlit colours, back faces culled."""

    name: str

    def render(self, camera_to_world: np.ndarray) -> Rendering:
        """Render all layers."""
        ...

    def render_rgb(self, camera_to_world: np.ndarray) -> np.ndarray:
        """Render only colours."""
        ...

    def close(self) -> None:
        """Free its resources."""
        ...


class EmbeddedSimulator(Simulator):
    """A simulator that only needs wheels from PyPI.

    Attributes:
        scene: the triangles and textures.
        grid: the walkable area.
        backend: name of the renderer, ``moderngl`` or ``embreex``.
    """

    def __init__(self, scene: Scene, grid: WalkableGrid, renderer: Renderer) -> None:
        self.scene, self.grid, self.renderer = scene, grid, renderer
        self.backend, self.remarks = renderer.name, scene.remarks

    def render(self, camera_to_world: np.ndarray) -> Rendering:
        """See :meth:`Simulator.render`."""
        return self.renderer.render(camera_to_world)

    def render_rgb(self, camera_to_world: np.ndarray) -> np.ndarray:
        """See :meth:`Simulator.render_rgb`."""
        return self.renderer.render_rgb(camera_to_world)

    def random_navigable_point(self, rng: np.random.Generator) -> np.ndarray:
        """See :meth:`Simulator.random_navigable_point`."""
        return self.grid.random_point(rng)

    def island_radius(self, point: np.ndarray) -> float:
        """See :meth:`Simulator.island_radius`."""
        return self.grid.island_radius(point)

    def try_step(self, point: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        """See :meth:`Simulator.try_step`."""
        return self.grid.try_step(point, displacement)

    def close(self) -> None:
        """See :meth:`Simulator.close`."""
        self.renderer.close()
