"""Check by name that held-out scenes appear in no other source and in no list of training scenes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import pyarrow.parquet as pq

from mimic_core.foreign import TEXT_BYTES, foreign, read_regular
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.tables import ROWS_PER_GROUP

MOST_NAMED = 5  # scenes named in the error
ENDINGS = (".basis.glb", ".glb", ".ply", ".obj")


def scene_name(name: str) -> str:
    """Return a scene's name without folders, file ending and case: ``adrian`` for ``train/Adrian/Adrian.glb``."""
    last = PurePosixPath(name.strip()).name.casefold()
    ending = next((ending for ending in ENDINGS if last.endswith(ending)), "")
    return last.removesuffix(ending)


def check_held_out(units: Path, others: Mapping[str, Path], lists: Iterable[Path] = ()) -> None:
    """Check that no held-out scene is also in another source or in a list.

    Args:
        units: table of the held-out units (:func:`mimic_core.sources.listing.write_listing`).
        others: source name -> table of its units.
        lists: text files with a scene's name or file path on each line, such as those of Multiview-Habitat.

    Raises:
        MimicError: a scene is; the error names both places.
    """
    places: dict[str, Iterable[str]] = {f"the source {name!r}": names_of(path) for name, path in others.items()}
    places |= {str(path): read_names(path) for path in lists}
    if not places:
        return  # do not read a large table for nothing
    held_out = {scene_name(name): name for name in names_of(units)}
    for place, names in places.items():
        if both := sorted({scene for scene in map(scene_name, names) if scene in held_out}):
            shown = ", ".join(printable(held_out[name]) for name in both[:MOST_NAMED])
            more = f" and {len(both) - MOST_NAMED} more" if len(both) > MOST_NAMED else ""
            raise MimicError(
                f"{len(both)} held-out scenes are also in {printable(place)}: {shown}{more}",
                where=units,
                remedy="remove them from one of the two: do not evaluate on scenes that a model was trained on",
            )


def names_of(path: Path) -> Iterator[str]:
    """Yield the unit names in a listing without holding them all."""
    with foreign("the table of units cannot be read", path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_PER_GROUP, columns=["unit"], use_threads=False):
            yield from batch["unit"].to_pylist()


def read_names(path: Path) -> list[str]:
    """Read scene names, one per line; skip empty lines and lines that start with #."""
    lines = read_regular(path, "a list of scenes", TEXT_BYTES).decode("utf-8", "replace").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
