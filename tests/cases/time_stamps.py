"""Videos whose time stamps start anew, go back, or are not there."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from cases.base import Seen, case, seen
from cases.making import (
    encode,
    pan,
)
from cases.running import Mined, mine

RATE = 5  # frames a second


def write_joined(folder: Path) -> None:
    parts = [encode(folder / f"{start}.ts", pan(6, RATE, start), form="mpegts", rate=RATE) for start in (0, 600)]
    (folder / "joined.mts").write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()


@case(
    "F03",
    "two recordings of 6 s put together with cat: time stamps start anew",
    right="about 12 views, times growing over both parts (0 to 11 s), no pair kept across the seam, a word about it",
    write=write_joined,
)
def joined(folder: Path) -> Seen:
    mined = mine(folder, folder / "out")
    times = mined.times("joined.mts")
    return seen(
        f"{mined.counts}; times {times[:1]} to {times[-1:]}; {mined.remarks}",
        about_12_views=11 <= len(times) <= 13,
        growing_times=times == sorted(set(times)),
        times_over_both_parts=max(times, default=0) >= 10.5,
        no_pair_kept_across_the_seam=not across(mined, 5.9),
        a_word_about_it="joined.mts" in mined.remarks and "joined.mts" in mined.errors,
        rc_0=mined.code == 0,
    )


def across(mined: Mined, seam: float) -> bool:
    """Whether a retained pair has its views on both sides of a time."""
    import pandas as pd

    table = pd.read_parquet(mined.out / "pairs.parquet")
    late = {int(row["view"]) for _, rows in mined.views.items() for _, row in rows.iterrows() if row["time"] > seam}
    return any((one in late) != (other in late) for one, other in zip(table["view1"], table["view2"], strict=True))


def write_back(folder: Path) -> None:
    """A counter of 33 bits that overflows in the middle, as one of a camera that is never switched off."""
    path = encode(folder / "overflow.mts", pan(8, RATE), form="mpegts", rate=RATE)
    shift = (1 << 33) - 90_000 * 4
    data = bytearray(path.read_bytes())
    for start in range(0, len(data), 188):
        packet = data[start : start + 188]
        place = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        if packet[1] & 0x40 and packet[place : place + 3] == b"\0\0\1":
            for field in range(place + 9, place + 9 + packet[place + 8], 5):
                moved = (stamp_of(packet[field : field + 5]) + shift) % (1 << 33)
                data[start + field : start + field + 5] = stamp_bytes(packet[field] >> 4, moved)
    path.write_bytes(data)


def stamp_of(data: bytes) -> int:
    """A time stamp of a transport stream."""
    return (data[0] >> 1 & 7) << 30 | data[1] << 22 | (data[2] >> 1) << 15 | data[3] << 7 | data[4] >> 1


def stamp_bytes(mark: int, stamp: int) -> bytes:
    middle, low = stamp >> 15 & 0x7FFF, stamp & 0x7FFF
    head = mark << 4 | (stamp >> 30) << 1 | 1
    return bytes([head, middle >> 7, (middle & 0x7F) << 1 | 1, low >> 7, (low & 0x7F) << 1 | 1])


@case(
    "F03b",
    "a transport stream whose counter of 33 bits overflows after 4 of 8 s",
    right="about 8 views, times growing to 7 s",
    write=write_back,
)
def overflow(folder: Path) -> Seen:
    mined = mine(folder, folder / "out")
    times = mined.times("overflow.mts")
    return seen(
        f"{mined.counts}; times {times}; {mined.remarks}",
        about_8_views=7 <= len(times) <= 9,
        growing_times=times == sorted(set(times)),
        times_to_7_s=6.5 <= max(times, default=0) <= 8.5,
        rc_0=mined.code == 0,
    )


def write_raw(folder: Path) -> None:
    encode(folder / "raspivid.mp4", pan(6, rate=25), form="h264", rate=25, bf="0")


@case(
    "F06",
    "6 s of raw H.264 under a film's name: no frame has a time stamp",
    right="about 6 views, one a second at the stream's own rate, or a clear message",
    write=write_raw,
)
def without_stamps(folder: Path) -> Seen:
    mined = mine(folder, folder / "out")
    times = mined.times("raspivid.mp4")
    steps = [late - early for early, late in pairwise(times)]
    return seen(
        f"{mined.counts}; times {times}; {mined.remarks or mined.unreadable}",
        about_6_views=5 <= len(times) <= 7,
        one_a_second=all(0.9 <= step <= 1.1 for step in steps),
        rc_0=mined.code == 0,
    )
