"""Films and photos under odd suffixes, pointers to other files, orientation of pictures, stamps of recordings."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from cases.base import Seen, case, seen
from cases.making import corners, encode, encoded, pan, wall, with_corners
from cases.running import call, mine

# --- what is media --------------------------------------------------------------------------------------------------

FILMS = {
    "cam.ts": ("libx264", "mpegts"),
    "dvd.vob": ("mpeg2video", "vob"),
    "gopro.lrv": ("libx264", "mp4"),
    "x.asf": ("wmv2", "asf"),
    "x.divx": ("mpeg4", "avi"),
    "seen.mp4": ("libx264", "mp4"),
}
PHOTOS = ("a.jpg", "b.jpg", "c.jfif", "d.jpe", "e.jp2", "f.heif")


def write_suffixes(folder: Path) -> None:
    frames = pan(3, 25)
    for name, (codec, form) in FILMS.items():
        encode(folder / "films" / name, frames, codec, form, 25)
    (folder / "photos").mkdir()
    for number, name in enumerate(PHOTOS):
        picture = wall()[:, 80 * number : 80 * number + 320]
        (folder / "photos" / name).write_bytes(encoded(picture, ".jp2" if name.endswith("jp2") else ".jpg"))
    (folder / "photos" / "notes.txt").write_text("not media")


@case(
    "F08",
    "films and photos under suffixes that nobody lists: .ts .vob .lrv .asf .divx .jfif .jpe .jp2 .heif; and a .txt",
    right="each is read, or named or counted by its suffix; so is the text that was passed over",
    write=write_suffixes,
)
def suffixes(folder: Path) -> Seen:
    mined = mine(folder, folder / "out")
    read = {name.removeprefix("films/") for name in mined.views if name.startswith("films/")}
    read |= {name for unit, rows in mined.views.items() if unit == "photos" for name in rows["name"]}
    silent = [name for name in (*FILMS, *PHOTOS) if name not in read and not told_of(name, mined.said)]
    return seen(
        f"read: {', '.join(sorted(read))}; passed over in silence: {', '.join(silent) or 'nothing'}; {mined.how}",
        no_film_or_photo_in_silence=not silent,
        the_text_is_counted=told_of("notes.txt", mined.said),
        the_known_ones_are_read={"seen.mp4", "a.jpg", "b.jpg"} <= read,
        no_traceback=mined.tidy,
    )


def told_of(name: str, said: str) -> bool:
    """Whether a file's name, or its suffix, was said."""
    return name in said or Path(name).suffix in said


@case(
    "F08b",
    "a folder with cam.ts alone",
    right="it is read",
    write=lambda folder: encode(folder / "in" / "cam.ts", pan(3), "libx264", "mpegts"),
)
def transport_stream(folder: Path) -> Seen:
    mined = mine(folder / "in", folder / "out")
    return seen(mined.counts, three_views=len(mined.times("cam.ts")) == 3, rc_0=mined.code == 0)


def write_pointers(folder: Path) -> None:
    """Texts under films' names that FFmpeg would take for lists of other files."""
    encode(folder / "secret" / "film.mp4", pan(3))
    encode(folder / "in" / "good.mp4", pan(3))
    target = folder / "secret" / "film.mp4"
    (folder / "in" / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{target}'\nfile '{target}'\n")
    (folder / "in" / "list.mkv").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{target}\n#EXT-X-ENDLIST\n")


@case(
    "F08c",
    "texts under films' names that point to other files: ffconcat, a playlist",
    right="both are refused by name, the film beside them is read",
    write=write_pointers,
)
def pointers(folder: Path) -> Seen:
    mined = mine(folder / "in", folder / "out")
    return seen(
        f"{mined.counts}; {mined.unreadable}",
        only_the_film_is_read=set(mined.views) == {"good.mp4"},
        both_are_named=all(name in mined.said for name in ("list.mp4", "list.mkv")),
        no_traceback=mined.tidy,
    )


# --- orientation and time ---------------------------------------------------------------------------------------------

TURNS = {3: "-BGR", 6: "BR-G", 8: "G-RB", 2: "GR-B"}  # Exif's number of an orientation, and the corners as shown


def write_avifs(folder: Path) -> None:
    from PIL import Image

    for number in TURNS:
        exif = Image.Exif()
        exif[0x0112] = number  # Pillow writes it as irot and imir
        Image.fromarray(with_corners(pan(1, 1)[0])).save(folder / f"o{number}.avif", exif=exif, quality=95)


def read_pictures(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """In a worker: corners and shapes of pictures."""
    from mimic_core.frames.images import read_image

    pictures = {name: read_image(folder / name) for name in names}
    return {name: (corners(picture), *picture.shape[:2]) for name, picture in pictures.items()}


@case(
    "F15",
    "AVIFs that irot and imir turn and mirror",
    right="as the same JPEGs: o3 -BGR, o6 BR-G and 320 high, o8 G-RB, o2 GR-B",
    write=write_avifs,
)
def avifs(folder: Path) -> Seen:
    called = call(read_pictures, folder, [f"o{number}.avif" for number in TURNS])
    sizes = {number: (320, 240) if number > 4 else (240, 320) for number in TURNS}
    wanted = {f"o{number}.avif": (letters, *sizes[number]) for number, letters in TURNS.items()}
    return seen(str(called.value or called.lost), upright=called.value == wanted)


STAMPS = {
    "one_random.sens": [0, 0, 987_654_321_000, 0, 0],
    "one_missing.sens": [5_000_000, 5_033_333, 0, 5_100_000, 5_133_333],
}


def write_recordings(folder: Path) -> None:
    eye = np.eye(4, dtype="<f4").tobytes()
    for name, stamps in STAMPS.items():
        data = struct.pack("<IQ", 4, 6) + b"camera" + eye * 4
        data += struct.pack("<ii4IfQ", 2, 1, 320, 240, 640, 480, 1000.0, len(stamps))
        for stamp, frame in zip(stamps, pan(len(stamps), 1), strict=True):
            jpeg = encoded(frame)
            data += eye + struct.pack("<4Q", stamp, stamp, len(jpeg), 4) + jpeg + bytes(4)
        (folder / name).write_bytes(data)


def recording_times(path: Path) -> list[float]:
    """In a worker: times of a recording's views."""
    from mimic_core.frames.sens import sens_views
    from mimic_core.frames.settings import ImageSettings

    return [round(one.time, 2) for one in sens_views(path, ImageSettings()) if hasattr(one, "time")]


@case(
    "F17",
    "ScanNet recordings with a stray time stamp, and with one that is missing",
    right="a stamp of 0 gives NaN, no time goes back: nan nan 0 nan nan, and 0 0.03 nan 0.1 0.13",
    write=write_recordings,
)
def stamps(folder: Path) -> Seen:
    called = {name: call(recording_times, folder / name) for name in STAMPS}
    times = {name: one.value or [] for name, one in called.items()}
    known = [[time for time in each if time == time] for each in times.values()]
    missing = {name: [time != time for time in each] for name, each in times.items()}
    return seen(
        "; ".join(f"{name}: {one.value or one.lost}" for name, one in called.items()),
        zero_gives_nan=all(
            len(missing[name]) == len(each)
            and all(nan for nan, stamp in zip(missing[name], each, strict=True) if stamp == 0)
            for name, each in STAMPS.items()
        ),
        the_others_have_times=times["one_missing.sens"][:2] == [0, 0.03]
        and times["one_missing.sens"][3:] == [0.1, 0.13],
        no_time_goes_back=all(0 <= early <= late for each in known for early, late in pairwise([0.0, *each])),
    )
