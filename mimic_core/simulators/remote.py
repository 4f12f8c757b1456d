"""A scene opened with habitat-sim in a separate process, with habitat-sim's own Python.

Some damaged files, and scenes far from their origin, crash habitat-sim; a separate process makes that cost one scene
and not the job. It also keeps out other OpenGL contexts: once one is created in its process, habitat-sim shows its last
picture forever.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Sequence, Tuple, cast

import numpy as np

from mimic_core.foreign import JSON_BYTES, parse_json, read_regular
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.simulators.base import Rendering, Simulator
from mimic_core.simulators.messages import Arrays, read_message, write_message

ENVIRONMENT = "MIMIC_HABITAT"  # path of the file that says which Python has habitat-sim; unset: this Python
MODULE = "mimic_core.simulators.serving"
OPEN_TIMEOUT, ANSWER_TIMEOUT = 480.0, 120.0  # seconds to wait for an answer before the process is ended
CRASHES = "check the file, set frames.simulator to moderngl, or leave this scene out"


class RemoteSimulator(Simulator):
    """A scene opened by another process.

    Args:
        path, size, hfov, up: as in :class:`mimic_core.simulators.habitat.HabitatSimulator`.

    Raises:
        UnreadableError: as there, or the process ended or did not answer.
        MimicError: habitat-sim's Python does not start.
    """

    backend = "habitat"

    def __init__(self, path: Path, size: Tuple[int, int], hfov: float, up: str = "y") -> None:
        self.name = str(path)
        command, environ = server_command()
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, bufsize=0
            )
        except OSError as error:
            remedy = f"see {os.environ.get(ENVIRONMENT) or 'envs/habitat.yaml'}"
            raise MimicError(f"habitat-sim's Python does not start ({error})", remedy=remedy) from error
        self.answers = TimeoutReader(cast(Any, self.process.stdout).fileno())
        try:
            request = {"path": str(Path.cwd() / path), "size": list(size), "hfov": hfov, "up": up}
            answer, _ = self.ask("open", request, timeout=OPEN_TIMEOUT)
        except BaseException:
            self.end()
            raise
        self.remarks = tuple(str(text) for text in answer["remarks"])

    def ask(
        self, call: str, request: Dict[str, Any], arrays: Sequence[np.ndarray] = (), timeout: float = ANSWER_TIMEOUT
    ) -> Tuple[Dict[str, Any], Arrays]:
        """Send a request; return the answer and its arrays.

        Raises:
            MimicError: the other process answered with an error, ended or did not answer.
        """
        self.answers.timeout = timeout
        try:
            write_message(cast(BinaryIO, self.process.stdin), {**request, "call": call}, arrays)
            answer, found = read_message(cast(BinaryIO, self.answers))
        except TimeoutError:
            self.end()
            what = f"habitat-sim did not answer for {timeout:g} s and was ended"
            raise UnreadableError(what, where=self.name, remedy=CRASHES) from None
        except (EOFError, OSError, ValueError):
            raise UnreadableError(f"habitat-sim {self.ending()}", where=self.name, remedy=CRASHES) from None
        for kind, error in (("unreadable", UnreadableError), ("error", MimicError)):
            if kind in answer:
                what, where, remedy = answer[kind]
                raise error(what, where=where, remedy=remedy)
        return answer, found

    def ending(self) -> str:
        """End the process and describe how it ended."""
        code = self.end()
        if code < 0:
            return f"ended with {signal.Signals(-code).name} on this scene"
        return f"ended with code {code} on this scene"

    def render(self, camera_to_world: np.ndarray) -> Rendering:
        """See :meth:`Simulator.render`."""
        _, (rgb, depth, normals, instances) = self.ask("render", {}, [np.asarray(camera_to_world, float)])
        return Rendering(rgb, depth, normals, instances)

    def render_rgb(self, camera_to_world: np.ndarray) -> np.ndarray:
        """See :meth:`Simulator.render_rgb`."""
        return self.ask("render_rgb", {}, [np.asarray(camera_to_world, float)])[1][0]

    def random_navigable_point(self, rng: np.random.Generator) -> np.ndarray:
        """See :meth:`Simulator.random_navigable_point`; habitat-sim draws it, seeded from ``rng``."""
        return self.ask("random_navigable_point", {"seed": int(rng.integers(2**31))})[1][0]

    def island_radius(self, point: np.ndarray) -> float:
        """See :meth:`Simulator.island_radius`."""
        return float(self.ask("island_radius", {}, [np.asarray(point, float)])[0]["radius"])

    def try_step(self, point: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        """See :meth:`Simulator.try_step`."""
        return self.ask("try_step", {}, [np.asarray(point, float), np.asarray(displacement, float)])[1][0]

    def close(self) -> None:
        """See :meth:`Simulator.close`."""
        self.end()

    def end(self) -> int:
        """End the process and return its exit code."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None and not stream.closed:
                stream.close()  # an idle process then ends by itself
        try:
            return self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class TimeoutReader:
    """Reads from a pipe with a timeout.

    Args:
        file: file descriptor of the pipe.

    Attributes:
        timeout: seconds.
    """

    def __init__(self, file: int) -> None:
        self.file, self.timeout, self.held = file, ANSWER_TIMEOUT, b""

    def wait_for_more(self) -> bool:
        """Wait for more bytes; return False at the end.

        Raises:
            TimeoutError: no bytes come in time.
        """
        if not select.select([self.file], [], [], self.timeout)[0]:
            raise TimeoutError
        part = os.read(self.file, 1 << 20)
        self.held += part
        return bool(part)

    def readline(self, most: int) -> bytes:
        """Read up to and including the next line break, at most ``most`` bytes; what is left at the end."""
        while b"\n" not in self.held and len(self.held) < most and self.wait_for_more():
            pass
        end = self.held.find(b"\n") + 1 or len(self.held)
        return self.take(min(end, most))

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes, or what is left at the end."""
        parts: List[bytes] = [self.take(size)]
        left = size - len(parts[0])
        while left > 0 and self.wait_for_more():
            parts.append(self.take(left))
            left -= len(parts[-1])
        return b"".join(parts)

    def take(self, size: int) -> bytes:
        """Remove up to ``size`` bytes from the buffer and return them."""
        part, self.held = self.held[:size], self.held[size:]
        return part


def server_command() -> Tuple[List[str], Dict[str, str]]:
    """Return the command that starts the other process, and its environment variables.

    Raises:
        MimicError: the file that should say which Python has habitat-sim does not.
    """
    named = os.environ.get(ENVIRONMENT)
    python, own = sys.executable, {}
    if named:
        remedy = "delete it, and let the workflow write it again"
        found = parse_json(read_regular(Path(named), "habitat-sim's environment", JSON_BYTES), "this file", named)
        try:
            python = str(found["python"])
            own = {str(name): str(value) for name, value in found["environ"].items()}
        except (KeyError, TypeError, AttributeError):
            raise MimicError("this file does not say where habitat-sim is", where=named, remedy=remedy) from None
    package = str(Path(__file__).resolve().parents[2])  # the other Python has no mimic_core of its own
    paths = [package, own.get("PYTHONPATH", "")] if named else [*sys.path, package]
    return [python, "-m", MODULE], {**os.environ, **own, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def remote_available() -> bool:
    """Whether the environment names a Python with habitat-sim."""
    return bool(os.environ.get(ENVIRONMENT))
