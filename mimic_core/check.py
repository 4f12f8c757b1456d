"""Is every tool there? What ``mimic check`` prints."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

PACKAGES = {
    "mining": ("numpy", "cv2", "av", "pyarrow", "pandas"),
    "sample world": ("moderngl", "embreex", "h5py", "scipy"),
    "pretraining and fine-tuning": ("torch", "torchvision", "timm", "safetensors"),
    "segmentation": ("mmengine", "mmcv", "mmseg"),
    "pose": ("mmdet", "mmpose", "xtcocotools.coco"),
    "workflow and report": ("snakemake", "matplotlib", "jsonschema"),
}

Line = tuple[bool, str, str]  # fine or not, what was looked at, what was found or what to do


def checks(folder: Path) -> Iterator[Line]:
    """Look at the packages, the renderer, the processor and the disk below ``folder``."""
    for purpose, names in PACKAGES.items():
        yield package_line(purpose, names)
    yield renderer_line()
    yield device_line()
    free = shutil.disk_usage(folder).free / 2**30
    yield free > 5, "disk", f"{free:.0f} GiB free here; the sample scale takes under 1 GiB"
    yield True, "processor", f"{os.cpu_count()} cores"


def package_line(purpose: str, names: tuple[str, ...]) -> Line:
    """Whether the packages of a purpose can be imported."""
    faults = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            faults.append(f"{name} ({error})")
    if not faults:
        return True, purpose, ", ".join(names)
    compiled = "; xtcocotools needs a C compiler and Python's headers" if any("xtcoco" in one for one in faults) else ""
    return False, purpose, f"missing: {', '.join(faults)}{compiled}; run: make clean env"


def renderer_line() -> Line:
    """Which of the two renderers runs here."""
    try:
        import moderngl

        with moderngl.create_context(standalone=True, backend="egl", require=330) as context:  # type: ignore[arg-type]
            return True, "rendering", f"OpenGL on EGL: {context.info['GL_RENDERER']}"
    except Exception as error:
        return (
            True,
            "rendering",
            f"embreex, about thirty times slower than OpenGL on EGL, which is missing here ({error})",
        )


def device_line() -> Line:
    """What torch computes on."""
    try:
        import torch
    except ImportError:
        return False, "training", "torch is missing; run: make clean env"
    if not torch.cuda.is_available():
        return True, "training", "no GPU: the sample scale runs on the processor"
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return True, "training", ", ".join(names)
