"""A lock on a folder that only one process may write to; a second process gets an error that names the first.

The system releases the lock however its process ends. A leftover lock file then does no harm.
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
LONGEST = 1000  # bytes read of a lock file
NO_LOCKS = frozenset([errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])  # from some network disks


class FolderLock:
    """A context in which only this process works in the folder; the folder is created if it is missing.

    Raises:
        MimicError: another process works there (it says which one, and since when), or the folder is not writable.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME
        self.file = -1

    def __enter__(self) -> FolderLock:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            while not self.take():  # its last holder removed the file between our open and lock
                pass
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        return self

    def take(self) -> bool:
        """Lock the file; return False if it has been removed or replaced since it was opened."""
        self.file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self.held() from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            log.warning("%s: this disk has no file locks; make sure that only one process works here", self.folder)
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
        """Return the error for a lock that another process holds."""
        try:
            about = json.loads(os.pread(self.file, LONGEST, 0))
            holder = f"process {about['process']} on {about['machine']}, since {about['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            holder = "one that has just started"
        os.close(self.file)
        return MimicError(
            f"another process works in this folder: {printable(holder)}",
            where=self.folder,
            remedy="wait until it is done, end it, or choose another folder",
        )

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.file)
