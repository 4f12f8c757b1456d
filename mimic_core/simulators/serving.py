"""A process that opens scenes with habitat-sim for a parent process that may use a different Python.

``python -m mimic_core.simulators.serving`` reads requests from standard input and writes answers to standard output, as
:mod:`mimic_core.simulators.remote` sends and reads them. Besides habitat-sim it only needs Python 3.9 and NumPy.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO, Dict, Optional, Tuple

from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.simulators.habitat import HabitatSimulator
from mimic_core.simulators.messages import Arrays, read_message, write_message

PR_SET_PDEATHSIG = 1  # option of prctl: signal to send when the parent ends


class Server:
    """Answers requests about one scene at a time.

    Attributes:
        simulator: the simulator of the open scene, if any.
    """

    def __init__(self) -> None:
        self.simulator: Optional[HabitatSimulator] = None

    def answer(self, request: Dict[str, Any], arrays: Arrays) -> Tuple[Dict[str, Any], Arrays]:
        """Return the answer to a request, and its arrays.

        Raises:
            MimicError: as the simulator does.
        """
        name = request["call"]
        if name == "open":
            self.close()
            size = int(request["size"][0]), int(request["size"][1])
            self.simulator = HabitatSimulator(Path(request["path"]), size, float(request["hfov"]), request["up"])
            return {"remarks": list(self.simulator.remarks)}, []
        if name == "close":
            self.close()
            return {}, []
        if self.simulator is None:
            raise MimicError("no scene is open", remedy="open one first")
        if name == "render":
            view = self.simulator.render(arrays[0])
            return {}, [view.rgb, view.depth, view.normals, view.instances]
        if name == "render_rgb":
            return {}, [self.simulator.render_rgb(arrays[0])]
        if name == "random_navigable_point":
            return {}, [self.simulator.seeded_point(int(request["seed"]))]
        if name == "island_radius":
            return {"radius": self.simulator.island_radius(arrays[0])}, []
        if name == "try_step":
            return {}, [self.simulator.try_step(arrays[0], arrays[1])]
        raise MimicError(f"unknown call {name!r}", remedy="use the same version of mimic_core on both sides")

    def close(self) -> None:
        """Close the open scene, if any."""
        if self.simulator is not None:
            self.simulator.close()
            self.simulator = None


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    server = Server()
    try:
        while True:
            try:
                request, arrays = read_message(requests)
            except EOFError:
                return
            try:
                answer, found = server.answer(request, arrays)
            except MimicError as error:
                kind = "unreadable" if isinstance(error, UnreadableError) else "error"
                answer, found = {kind: [error.what, error.where, error.remedy]}, []
            write_message(answers, answer, found)
    finally:
        server.close()


def main() -> None:
    """Serve the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps habitat-sim's prints out of the answers
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
