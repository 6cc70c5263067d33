"""The file that items are written to: private, and in place only when it is whole."""

import errno
import fcntl
import gzip
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ttl_archive.replay.errors import MisuseError, ReplayError

STDOUT = Path("-")


def check_output(path: Path) -> None:
    """Raise MisuseError when a file cannot be created at this path."""
    if path == STDOUT:
        return
    if path.is_dir():
        raise MisuseError(f"--out {path}: this is a folder. Name a file in it")
    if not path.parent.is_dir():
        raise MisuseError(f"--out {path}: there is no folder {path.parent}. Create it first")
    if not os.access(path.parent, os.W_OK):
        raise MisuseError(f"--out {path}: the folder {path.parent} is not writable")


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Open a file for text that appears under its name when it is whole; "-" is stdout.

    It is gzip when its name ends in .gz, and only its owner may read it. After an error nothing is left.
    Raises MisuseError when another run writes the same file, ReplayError when the disk is full.
    """
    if path == STDOUT:
        yield sys.stdout
        return
    part = path.with_name(path.name + ".part")
    with _private(part) as raw:
        packed = gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) if path.suffix == ".gz" else None
        try:
            text = io.TextIOWrapper(packed or raw, encoding="utf-8", newline="")
            yield text
            text.flush()
            text.detach()
            if packed:
                packed.close()
            raw.flush()
            part.replace(path)
        except BaseException as error:
            if packed:
                packed.fileobj = None  # type: ignore[assignment]
            raw.raw.close()  # drops what is buffered, which a full disk would refuse once more
            part.unlink(missing_ok=True)
            _translate(error, path)
            raise


@contextmanager
def _private(part: Path) -> Iterator[io.BufferedWriter]:
    """Open and lock the file; one that a killed run left is used again. Raises MisuseError."""
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The run that had the lock may have renamed the file meanwhile: then this is its finished output.
            is_ours = part.exists() and os.path.samestat(part.stat(), os.fstat(descriptor))
        except BlockingIOError:
            is_ours = False
        if not is_ours:
            raise MisuseError(f"{part}: another run is writing this file. Wait for it, or name another file")
        os.fchmod(descriptor, 0o600)
        raw.truncate(0)
        yield raw


def _translate(error: BaseException, path: Path) -> None:
    """Raise ReplayError in place of an error that says that the disk is full."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        raise ReplayError(
            f"{path}: {error.strerror}. Nothing was written; free space and run again"
        ) from error
