"""Views of images: those of a folder, or those of a group that lie in several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mimic_core.foreign import foreign, pictures_in, read_regular
from mimic_core.frames.faces import face_blur
from mimic_core.frames.settings import ImageSettings
from mimic_core.frames.views import Image, Remark, View, decode_picture, to_view_size
from mimic_core.kit.errors import UnreadableError
from mimic_core.sources import Unit, name_below

NAMED = 3  # files that a remark names; the rest is counted


def image_views(unit: Unit, settings: ImageSettings) -> Iterator[View | Remark | UnreadableError]:
    """Yield a unit's images in order, and an error in the place of each that cannot be read.

    Where files hold several pictures (animations, pages), a remark at the end says that the first of each was taken.

    Raises:
        UnreadableError: fewer than two can be read.
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
            f"a folder with {readable} readable images of the two that a pair needs",
            where=unit.path,
            remedy="put images of the same place together into one folder",
        )


def first_taken(several: Sequence[tuple[str, int]]) -> str:
    """The remark on files that hold several pictures, by their names and numbers of pictures."""
    shown = ", ".join(f"{name}: {count:,}" for name, count in several[:NAMED])
    more = f", and {len(several) - NAMED:,} more" if len(several) > NAMED else ""
    if len(several) == 1:
        return f"1 file holds several pictures ({shown}); the first was taken"
    return f"{len(several):,} files hold several pictures ({shown}{more}); the first of each was taken"


def read_image(path: Path) -> Image:
    """Read an image file as RGB (H, W, 3) uint8: upright, 16 bits brought to 8, transparency left out.

    Raises:
        UnreadableError: it cannot be opened, is no regular file, or OpenCV cannot decode it.
    """
    return decode_picture(read_regular(path, "an image"), path)
