"""A lock on a folder: of two processes that would write into it, the second is told who the first is.

The system frees the lock with the process that holds it, however that ends; the file that says who it is is then in
nobody's way.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import socket
import time
from pathlib import Path

from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.files import cannot_write

log = logging.getLogger("mimic")

NAME = ".lock"
LONGEST = 1000  # bytes of what a lock's file says
NO_LOCKS = frozenset([errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])  # of some network disks


class FolderLock:
    """Inside its context this process alone works in the folder, which is made where it is missing.

    Raises:
        MimicError: another process works there (which one, and since when), or nothing can be written there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME
        self.file = -1

    def __enter__(self) -> FolderLock:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            while not self.take():  # the file that was locked has just been removed by its last holder
                pass
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        return self

    def take(self) -> bool:
        """Lock the file; False where it is no longer the one of this name."""
        self.file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self.held() from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            log.warning("%s: this disk knows no locks; see that one process alone works here", self.folder)
        with contextlib.suppress(FileNotFoundError):
            if os.path.sameopenfile(self.file, again := os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)):
                os.close(again)
                about = {"machine": socket.gethostname(), "process": os.getpid(), "since": time.strftime("%F %T")}
                os.ftruncate(self.file, 0)
                os.pwrite(self.file, json.dumps(about).encode(), 0)
                return True
            os.close(again)
        os.close(self.file)
        return False

    def held(self) -> MimicError:
        """The error of a lock that another process holds."""
        try:
            about = json.loads(os.pread(self.file, LONGEST, 0))
            holder = f"process {about['process']} on {about['machine']}, since {about['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            holder = "one that has just started"
        os.close(self.file)
        return MimicError(
            f"another process works in this folder: {printable(holder)}",
            where=self.folder,
            remedy="wait until it is done, end it, or give another folder",
        )

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.file)
