"""Simulators: they render a 3D scene and let a camera walk through it, behind one interface.

Everything here runs on Python 3.9, which habitat-sim needs. Importing this package loads nothing heavier than NumPy.
"""

from mimic_core.simulators.base import Rendering, Resolution, Simulator, camera_pose, heading
from mimic_core.simulators.opening import open_simulator
from mimic_core.simulators.walk import WalkSettings, WalkView, walk_views

__all__ = [
    "Rendering",
    "Resolution",
    "Simulator",
    "WalkSettings",
    "WalkView",
    "camera_pose",
    "heading",
    "open_simulator",
    "walk_views",
]
