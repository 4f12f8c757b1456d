import av
import numpy as np
import pytest
from unit.sources.raw import picture


@pytest.fixture
def write_marked_video():
    """Write two seconds of a standing picture whose top left corner is red."""

    def write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=2)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            for _ in range(4):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture(8, 96, 64)), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return write
