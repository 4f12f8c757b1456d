"""Views from image files: those of a folder, or of a group spread over several folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mimic_core.foreign import foreign, pictures_in, read_regular
from mimic_core.frames.faces import face_blur
from mimic_core.frames.settings import ImageSettings
from mimic_core.frames.views import Image, Remark, View, decode_picture, to_view_size
from mimic_core.kit.errors import UnreadableError
from mimic_core.sources import Unit, name_below

NAMED = 3  # files named in a remark; the others are counted


def image_views(unit: Unit, settings: ImageSettings) -> Iterator[View | Remark | UnreadableError]:
    """Yield a unit's images in order, with an error in place of each that cannot be read.

    If files contain several images (animations, pages), a remark at the end says that the first of each was used.

    Raises:
        UnreadableError: fewer than two images can be read.
    """
    readable = 0
    several: list[tuple[str, int]] = []
    hide_faces = face_blur(settings.blur_faces)
    images = unit.listed_images()
    if not images:
        with foreign("a folder that cannot be listed", unit.path, "check its permissions"):
            any(unit.path.iterdir())
    for path in images:
        try:
            data = read_regular(path, "an image")
            image = decode_picture(data, path)
        except UnreadableError as error:
            yield error
            continue
        readable += 1
        name = name_below(unit.path, path)
        if (pictures := pictures_in(data)) > 1:
            several.append((name, pictures))
        image, faces = hide_faces(image)
        yield View(to_view_size(image, settings.resize), name=name, faces=faces)
    if several:
        yield Remark(first_taken(several))
    if readable < 2:
        raise UnreadableError(
            f"a folder with {readable} readable images; a pair needs two",
            where=unit.path,
            remedy="put images of the same place into one folder",
        )


def first_taken(several: Sequence[tuple[str, int]]) -> str:
    """Return the remark on files with several images, given as (name, number of images)."""
    shown = ", ".join(f"{name}: {count:,}" for name, count in several[:NAMED])
    more = f", and {len(several) - NAMED:,} more" if len(several) > NAMED else ""
    if len(several) == 1:
        return f"1 file contains several images ({shown}); the first was used"
    return f"{len(several):,} files contain several images ({shown}{more}); the first of each was used"


def read_image(path: Path) -> Image:
    """Read an image file as RGB (H, W, 3) uint8: upright, 16 bits reduced to 8, transparency dropped.

    Raises:
        UnreadableError: it cannot be opened, is not a regular file, or cannot be decoded.
    """
    return decode_picture(read_regular(path, "an image"), path)
