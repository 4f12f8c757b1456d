"""Small videos of every kind, and what may be wrong with them."""

import struct
from fractions import Fraction

import av
import numpy as np

from mimic_core.frames.settings import VideoSettings
from mimic_core.frames.video import video_views
from mimic_core.frames.views import Remark

SIZE = 160, 120  # pixels: width, height


def wall(width=1600, height=120):
    """A wide wall of coloured boxes (height, width, 3) uint8, for a camera that pans along it."""
    rng = np.random.default_rng(0)
    picture = np.full((height, width, 3), 128, np.uint8)
    for _ in range(900):
        x, y, side = int(rng.integers(width)), int(rng.integers(height)), int(rng.integers(4, 30))
        picture[y : y + side // 2 + 2, x : x + side] = rng.integers(0, 256, 3)
    return picture


WALL = wall()


def pan(seconds, rate=10, start=0):
    """Pictures of a camera that moves by 60 pixels a second."""
    width = SIZE[0]
    lefts = [int(start + number / rate * 60) for number in range(round(seconds * rate))]
    return [np.ascontiguousarray(WALL[:, left : left + width]) for left in lefts]


def encode(path, pictures, codec="libx264", kind=None, rate=10, pixels="yuv420p", matrix=None, filtered="", **options):
    """Write pictures as a video; ``options`` are those of the encoder, ``filtered`` a bitstream filter."""
    if codec == "libx265":
        options = {"x265-params": ":".join(["log-level=none", *(f"{key}={value}" for key, value in options.items())])}
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=Fraction(rate), options={k: str(v) for k, v in options.items()})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        if matrix is not None:
            stream.set_display_matrix(matrix)
        change = av.bitstream.BitStreamFilterContext(filtered, stream) if filtered else None
        for picture in [*pictures, None]:
            frame = None if picture is None else av.VideoFrame.from_ndarray(picture, format="rgb24")
            for packet in stream.encode(frame):
                container.mux(change.filter(packet) if change else [packet])
    return path


def packets(path):
    """Seconds, position and size of the packets of the first video track."""
    with av.open(str(path)) as container:
        found = [packet for packet in container.demux(video=0) if packet.size and packet.pts is not None]
        return [(float(packet.pts * packet.time_base), packet.pos, packet.size) for packet in found]


def damage(path, at, filling=b"\xff", skip=0):
    """Overwrite the first packet at or after so many seconds."""
    data = bytearray(path.read_bytes())
    _, start, size = next(packet for packet in packets(path) if packet[0] >= at)
    data[start + skip : start + size] = filling * (size - skip)
    path.write_bytes(data)
    return path


def cut(path, share=0.5):
    """Leave the first part of a file."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def box(kind, inside):
    """A box of an MP4 file."""
    return struct.pack(">I4s", 8 + len(inside), kind) + inside


def boxes(data):
    """Kind and content of the boxes in a row."""
    start = 0
    while start + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        yield kind, data[start + 8 : start + size]
        start += size


def rebuilt(data, change):
    """MP4 boxes anew, each content as ``change(kind, content)`` has it; None leaves one out."""
    built = b""
    for kind, inside in boxes(data):
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"):
            inside = rebuilt(inside, change)
        inside = change(kind, inside)
        built += b"" if inside is None else box(kind, inside)
    return built


def read(path, **settings):
    """Views and remarks of a video."""
    found = list(video_views(path, VideoSettings(**settings)))
    return [one for one in found if not isinstance(one, Remark)], [one.text for one in found if isinstance(one, Remark)]


def times(views):
    """Seconds of views, to the tenth."""
    return [round(view.time, 1) for view in views]
