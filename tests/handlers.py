"""What the workers of the tests do; a module of its own, which their processes can import."""

import os
import signal
import time

from mimic_core.confined import sign_of_life
from mimic_core.errors import UnreadableError


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
