"""What the workers of the tests do; a module of its own, which their processes can import."""

import os
import signal
import time

from mimic_core.kit.errors import UnreadableError
from mimic_core.kit.in_worker import sign_of_life


def answering(word=""):
    """A handler whose question says what it does."""

    def answer(question):
        yield os.getpid()
        if question == "unreadable":
            raise UnreadableError("it is damaged", where="a.mp4", remedy="fetch it")
        if question == "strange":

            class OwnError(Exception):
                pass

            raise OwnError("cannot be pickled")
        if question == "memory":
            yield len(bytearray(2 << 30))
        if question == "hang":
            time.sleep(60)
        if question == "slow":
            for _ in range(6):
                time.sleep(0.3)
                sign_of_life()
        if question == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if question == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if question == "leave":
            os._exit(7)
        yield f"{word}{question}"

    return answer


def making_fails():
    raise UnreadableError("no detector", where="blur_faces")


def reading_or_dying(kind, settings, seed):
    """A reader of views that takes the name of a unit for what it is to do."""
    import numpy as np

    from mimic_core.frames.views import View, stored_views

    def read(unit):
        for number in range(3):
            yield View(np.full((224, 224, 3), 40 * number, np.uint8))
            if number == 1 and unit.name == "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            if number == 1 and unit.name == "hang":
                time.sleep(60)
            if number == 1 and unit.name == "memory":
                np.ones(3 << 28).sum()
            if number == 1 and unit.name == "once" and not unit.path.exists():
                unit.path.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    return lambda unit: stored_views(read, unit)


def writing_a_table():
    """A handler that writes a Parquet table into memory; its answer: MiB of data that its process then holds."""

    def write(question):
        import io
        from pathlib import Path

        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"a": list(range(1000))}), io.BytesIO())
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        yield int(status["VmData"].split()[0]) // 1024

    return write
