"""Videos that are damaged, cut off, mirrored, put together, without time stamps, or named and built oddly."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from cases.base import Seen, case, seen
from cases.making import (
    HEIGHT,
    WIDTH,
    box,
    boxes,
    corners,
    damage_packet,
    encode,
    encoded,
    pan,
    poster,
    with_corners,
)
from cases.running import Mined, mine

RATE = 5  # frames a second
KEYFRAMES = {"g": str(RATE)}  # one a second, so that a lost packet costs a second at most
QUICK = {"deadline": "good", "cpu-used": "5"}  # of VP8; "realtime" writes other bytes on a busy machine


# --- damage -----------------------------------------------------------------------------------------------------------


def write_damaged(folder: Path) -> None:
    frames = pan(12, RATE)
    damage_packet(encode(folder / "h264.mp4", frames, rate=RATE, **KEYFRAMES), 3)
    damage_packet(encode(folder / "mjpeg.avi", frames, "mjpeg", rate=RATE, pixels="yuvj420p"), 3)
    damage_packet(encode(folder / "mpeg4.avi", frames, "mpeg4", rate=RATE, **KEYFRAMES), 3)


def write_damaged_elsewhere(folder: Path) -> None:
    frames = pan(12, RATE)
    damage_packet(encode(folder / "vp8.webm", frames, "libvpx", rate=RATE, **QUICK, **KEYFRAMES), 3)
    damage_packet(encode(folder / "h264.mkv", frames, rate=RATE, **KEYFRAMES), 3)
    hevc = {"preset": "ultrafast", "x265-params": "keyint=5:log-level=none"}
    damage_packet(encode(folder / "hevc.mov", frames, "libx265", rate=RATE, **hevc), 3)


def judge_damaged(mined: Mined, names: list[str]) -> Seen:
    log = [line for line in mined.errors.splitlines() if "damaged" in line]
    return seen(
        f"{mined.counts}; {mined.remarks}",
        ten_views_of_each=all(len(mined.times(name)) >= 10 for name in names),
        times_to_11_s=all(max(mined.times(name), default=0) >= 10.8 for name in names),
        damage_in_the_log=all(any(name in line for line in log) for name in names),
        damage_in_the_receipt=all("damaged" in mined.remarks.get(name, "") for name in names),
        rc_0=mined.code == 0,
    )


@case(
    "F02",
    "one damaged packet at 3 s of 12 s: H.264 in .mp4, MJPEG and MPEG-4 in .avi",
    right="10 views or more of each, times up to 11 s; the damage stands in the log and in the receipt",
    write=write_damaged,
)
def damaged(folder: Path) -> Seen:
    return judge_damaged(mine(folder, folder / "out"), ["h264.mp4", "mjpeg.avi", "mpeg4.avi"])


@case(
    "F02b",
    "the same of VP8 in .webm, H.264 in .mkv and HEVC in .mov",
    right="10 views or more of each, times up to 11 s; the damage stands in the log and in the receipt",
    write=write_damaged_elsewhere,
)
def damaged_elsewhere(folder: Path) -> Seen:
    return judge_damaged(mine(folder, folder / "out"), ["vp8.webm", "h264.mkv", "hevc.mov"])


# --- cut off ----------------------------------------------------------------------------------------------------------


def write_cut(folder: Path) -> None:
    for name, codec, form in (("cut.mkv", "libx264", "matroska"), ("cut.avi", "mpeg4", "avi")):
        halve(encode(folder / name, pan(12), codec, form))


def write_cut_elsewhere(folder: Path) -> None:
    halve(encode(folder / "cut.webm", pan(12, RATE), "libvpx", rate=RATE, **QUICK))
    halve(encode(folder / "cut.wmv", pan(12, RATE), "wmv2", "asf", RATE))


def halve(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def judge_cut(mined: Mined, names: list[str]) -> Seen:
    told = {name: re.search(r"(\d+(?:\.\d+)?) of 12 s", mined.remarks.get(name, "")) for name in names}
    return seen(
        f"{mined.counts}; {mined.remarks}",
        the_views_that_are_there=all(4 <= len(mined.times(name)) <= 8 for name in names),
        how_much_of_12_s_there_is=all(
            match and -0.5 <= float(match[1]) - max(mined.times(name)) <= 1.5 for name, match in told.items()
        ),
        in_the_log_too=all(name in mined.errors for name in names),
        rc_0=mined.code == 0,
    )


@case(
    "F04",
    "the first half of a download of 12 s: .mkv and .avi",
    right="the views that are there, and an entry in the receipt that the file holds about 5 of 12 s",
    write=write_cut,
)
def cut(folder: Path) -> Seen:
    return judge_cut(mine(folder, folder / "out"), ["cut.mkv", "cut.avi"])


@case(
    "F04b",
    "the same of .webm and .wmv",
    right="the views that are there, and an entry in the receipt that the file holds about 5 of 12 s",
    write=write_cut_elsewhere,
)
def cut_elsewhere(folder: Path) -> Seen:
    return judge_cut(mine(folder, folder / "out"), ["cut.webm", "cut.wmv"])


# --- how it is shown, and which stream --------------------------------------------------------------------------------

MATRICES = {  # a b u, c d v, x y w
    "plain": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "hflip": (-1, 0, 0, 0, 1, 0, WIDTH, 0, 1),
    "vflip": (1, 0, 0, 0, -1, 0, 0, HEIGHT, 1),
    "rot180": (-1, 0, 0, 0, -1, 0, WIDTH, HEIGHT, 1),
}
QUARTERS = {
    "rot90": (0, 1, 0, -1, 0, 0, HEIGHT, 0, 1),
    "transpose": (0, 1, 0, 1, 0, 0, 0, 0, 1),
    "transverse": (0, -1, 0, -1, 0, 0, HEIGHT, WIDTH, 1),
}


def write_turned(folder: Path, matrices: dict[str, tuple[int, ...]] = MATRICES) -> None:
    data = encode(folder / "source.mp4", map(with_corners, pan(3, rate=5)), rate=5).read_bytes()
    (folder / "source.mp4").unlink()
    place = data.index(b"tkhd") + 44
    for name, matrix in matrices.items():
        fixed = [value << (30 if number % 3 == 2 else 16) for number, value in enumerate(matrix)]
        (folder / f"{name}.mp4").write_bytes(data[:place] + struct.pack(">9i", *fixed) + data[place + 36 :])


def judge_turned(folder: Path, right: dict[str, str]) -> Seen:
    mined = mine(folder, folder / "out")
    found = {name: corners(mined.picture(f"{name}.mp4")) for name in right if f"{name}.mp4" in mined.views}
    text = ", ".join(f"{name} {letters}" for name, letters in found.items())
    return seen(f"{text}; {mined.counts}", each_as_players_show_it=found == right, rc_0=mined.code == 0)


@case(
    "F05",
    "videos that their display matrix mirrors or turns",
    right="corners as players show them: plain RGB-, hflip GR-B, vflip B-RG, rot180 -BGR",
    write=write_turned,
)
def turned(folder: Path) -> Seen:
    return judge_turned(folder, {"plain": "RGB-", "hflip": "GR-B", "vflip": "B-RG", "rot180": "-BGR"})


@case(
    "F05b",
    "videos turned by a quarter, with a mirror image and without",
    right="corners as players show them: rot90 BR-G, transpose RBG-, transverse -GBR",
    write=lambda folder: write_turned(folder, QUARTERS),
)
def quarter_turned(folder: Path) -> Seen:
    return judge_turned(folder, {"rot90": "BR-G", "transpose": "RBG-", "transverse": "-GBR"})


def write_covered(folder: Path) -> None:
    """A cover whose metadata stand before the track, so that it is the first stream."""
    data = encode(folder / "plain.mp4", pan(6, RATE), rate=RATE).read_bytes()
    cover = box(b"covr", box(b"data", struct.pack(">II", 13, 0) + encoded(poster(96))))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    metadata = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", cover)))
    parts = []
    for kind, whole in boxes(data):
        if kind == b"moov":
            inner = [(one, bytes_) for one, bytes_ in boxes(whole, 8) if one != b"udta"]
            first = [bytes_ for one, bytes_ in inner if one == b"mvhd"]
            rest = [bytes_ for one, bytes_ in inner if one != b"mvhd"]
            whole = box(b"moov", b"".join([*first, metadata, *rest]))
        parts.append(whole)
    (folder / "tagged.mp4").write_bytes(b"".join(parts))


@case(
    "F07",
    "a film behind cover art that its tags put first",
    right="6 views of the film, as of the same without a cover",
    write=write_covered,
)
def covered(folder: Path) -> Seen:
    mined = mine(folder, folder / "out")
    counts = {name: len(rows) for name, rows in mined.views.items()}
    return seen(
        mined.counts + f"; {mined.unreadable or mined.remarks}",
        six_views_of_each=counts == {"plain.mp4": 6, "tagged.mp4": 6},
        rc_0=mined.code == 0,
    )


# --- names ------------------------------------------------------------------------------------------------------------


def write_colons(folder: Path) -> None:
    data = encode(folder / "films" / "plain.mp4", pan(4, RATE), rate=RATE).read_bytes()
    for name in ("2023-08-01 12:30:05.mp4", "REC:1.mp4"):
        (folder / "films" / name).write_bytes(data)


@case(
    "F09",
    "names with a colon, mined from within their folder (mimic mine .)",
    right="4 views of each of the three",
    write=write_colons,
)
def colons(folder: Path) -> Seen:
    mined = mine(folder / "films", folder / "out", cwd=folder / "films")
    counts = {name: len(rows) for name, rows in mined.views.items()}
    wanted = dict.fromkeys(["2023-08-01 12:30:05.mp4", "REC:1.mp4", "plain.mp4"], 4)
    return seen(f"{mined.counts}; {mined.unreadable}", four_views_of_each=counts == wanted, rc_0=mined.code == 0)
