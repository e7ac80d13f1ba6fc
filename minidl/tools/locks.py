"""A lock on an open file, which the system releases when the process that holds it dies."""

import sys
from typing import IO

if sys.platform == "win32":
    import msvcrt

    FAR = 2**30  # Windows locks bytes, and others cannot read them; this one is behind all content

    def lock(file: IO[bytes], *, waits: bool = True) -> None:
        """Locks the file. OSError where another open file holds the lock, at once or, if this
        waits, after 10 s; and OSError in a file system without locks."""
        position = file.tell()
        file.seek(FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if waits else msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(position)

else:
    import fcntl

    def lock(file: IO[bytes], *, waits: bool = True) -> None:
        """Locks the file. BlockingIOError if this does not wait and another open file holds the
        lock; OSError in a file system without locks."""
        fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
