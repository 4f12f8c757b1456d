"""The checks of ``mimic check``: tools, hardware and raw data."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mimic_core.config import SCHEMA, check_values, read_config, read_schema
from mimic_core.finetune import TASKS
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sources import Unit, open_source, read_registry
from mimic_core.sources.inventory import CORRUPT, FOUND, MISSING, PARTIAL, take_stock

PACKAGES = {
    "mining": ("numpy", "cv2", "av", "PIL", "pyarrow", "pandas", "opengl_basisu"),
    "sample world": ("moderngl", "embreex", "h5py", "scipy"),
    "pretraining and fine-tuning": ("torch", "torchvision", "timm", "safetensors"),
    **{name: task.packages for name, task in TASKS.items() if task.packages},
    "workflow and report": ("snakemake", "matplotlib", "jsonschema"),
}

STATES = {FOUND: True, PARTIAL: True, MISSING: False, CORRUPT: False}  # state of a source -> whether it is usable

Line = tuple[bool, str, str]  # whether it passed, what was checked, the finding or what to do


def checks(folder: Path, overlays: Sequence[Path] = (), deep: bool = False) -> Iterator[Line]:
    """Check the packages, the renderer, the training device, the disk of ``folder`` and the sources of its config.

    Args:
        folder: the repository.
        overlays: config files on top of the folder's ``config.yaml``.
        deep: read the first view of every unit.

    Raises:
        MimicError: overlays are given but there is no ``config.yaml`` in the folder, or the config is invalid.
    """
    config = folder / "config.yaml"
    if overlays and not config.is_file():
        raise MimicError("there is no config.yaml to overlay", where=config, remedy="run it in the repository")
    merged: Mapping[str, Any] = {}
    if config.is_file() and (folder / SCHEMA).is_file():
        merged = read_config(config, overlays)
        check_values(merged, read_schema(folder))
    for purpose, names in PACKAGES.items():
        yield package_line(purpose, names)
    yield renderer_line()
    yield device_line()
    free = shutil.disk_usage(folder).free / 2**30
    yield free > 5, "disk", f"{free:.0f} GiB free here; the sample scale takes under 1 GiB"
    yield True, "processor", f"{os.cpu_count()} cores"
    if merged:
        yield from source_lines(merged, deep)


def source_lines(config: Mapping[str, Any], deep: bool) -> Iterator[Line]:
    """Check what is on disk of each source of the config."""
    registry = read_registry()
    for name, settings in config["sources"].items():
        if settings["root"] == "{videos}":
            settings = {**settings, "root": config["videos"] or "{videos}"}
        look = first_view(name, config) if deep else None
        stock = take_stock(settings, registry.get(name), look)
        fine = STATES[stock.state] or (stock.state == MISSING and settings["origin"] == "sample")
        yield fine, f"source {name}", str(stock)


def first_view(name: str, config: Mapping[str, Any]) -> Callable[[Unit], None]:
    """Return a function that reads the first view of a unit of a source, and raises if it cannot."""
    from mimic_core.config import wiring
    from mimic_core.frames import Remark, reader

    source = config["sources"][name]
    kind = open_source(source["adapter"], source.get("options")).kind
    read = reader(kind, {**wiring.frames.settings(config, name), "samples_per_scene": 1}, int(config["seed"]))

    def look(unit: Unit) -> None:
        first = next((view for view in read(unit) if not isinstance(view, Remark)), None)
        if isinstance(first, UnreadableError):
            raise first

    return look


def package_line(purpose: str, names: tuple[str, ...]) -> Line:
    """Check that the packages for a purpose can be imported."""
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
    """Report which of the two renderers runs here."""
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
    """Report what torch computes on."""
    try:
        import torch
    except ImportError:
        return False, "training", "torch is missing; run: make clean env"
    if not torch.cuda.is_available():
        return True, "training", "no GPU: the sample scale runs on the processor"
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return True, "training", ", ".join(names)
