"""Scenes that must be in no training set: found by name among those of other sources, and in lists of names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import pyarrow.parquet as pq

from mimic_core.foreign import TEXT_BYTES, foreign, read_regular
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.tables import ROWS_PER_GROUP

NAMED = 5  # scenes that the error names
ENDINGS = (".basis.glb", ".glb", ".ply", ".obj")


def scene_name(name: str) -> str:
    """The name of a scene, however its file and folders are called: ``adrian`` for ``train/Adrian/Adrian.glb``."""
    last = PurePosixPath(name.strip()).name.casefold()
    ending = next((ending for ending in ENDINGS if last.endswith(ending)), "")
    return last.removesuffix(ending)


def check_held_out(units: Path, others: Mapping[str, Path], lists: Iterable[Path] = ()) -> None:
    """See that no scene of a listing is in those of other sources, nor in a list.

    Args:
        units: table of the units that are held out (:func:`mimic_core.sources.listing.write_listing`).
        others: name of a source -> table of its units.
        lists: text files with the name of a scene, or the path of its file, on each line; such as those of
            Multiview-Habitat.

    Raises:
        MimicError: one is; both places are named.
    """
    places: dict[str, Iterable[str]] = {f"the source {name!r}": names_of(path) for name, path in others.items()}
    places |= {str(path): read_names(path) for path in lists}
    if not places:
        return  # a source of millions of units is not held to find that nothing is asked
    held_out = {scene_name(name): name for name in names_of(units)}
    for place, names in places.items():
        if both := sorted({scene for scene in map(scene_name, names) if scene in held_out}):
            shown = ", ".join(printable(held_out[name]) for name in both[:NAMED])
            more = f" and {len(both) - NAMED} more" if len(both) > NAMED else ""
            raise MimicError(
                f"{len(both)} held-out scenes are also in {printable(place)}: {shown}{more}",
                where=units,
                remedy="take them out of one of the two: what a model was trained on says nothing about it",
            )


def names_of(path: Path) -> Iterator[str]:
    """Names of the units of a listing, which are not all held."""
    with foreign("a table of units that cannot be read", path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_PER_GROUP, columns=["unit"], use_threads=False):
            yield from batch["unit"].to_pylist()


def read_names(path: Path) -> list[str]:
    """Names of scenes, a line each; empty lines and those that begin with # say nothing."""
    lines = read_regular(path, "a list of scenes", TEXT_BYTES).decode("utf-8", "replace").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
