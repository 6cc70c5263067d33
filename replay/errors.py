"""What can go wrong in replay and restore, grouped by what the operator does next.

ReplayError
├── MisuseError       the command asks for what cannot be: fix the option (exit 2)
├── ObjectError       this object fails alone, the others go on
│   ├── ObjectGoneError       it is not there any more
│   ├── ObjectChangedError    it was written again since it was listed: plan again
│   ├── AccessDeniedError     a permission is missing
│   └── ObjectFrozenError     it is in an archive storage class: restore it first
├── ClaimLostError    another run has taken the object over
├── UnsentError       the sink went on refusing: run again later (exit 3)
└── StoppedError      Ctrl-C, or the function's time is up: run again to go on
"""

from ttl_archive.transform.errors import ArchiveError


class ReplayError(ArchiveError):
    """Root of what this room raises on purpose; its text is meant for people."""


class MisuseError(ReplayError):
    """The command asks for something that cannot be."""


class ObjectError(ReplayError):
    """One object cannot be read or written; the others can."""


class ObjectGoneError(ObjectError):
    """The object is not there."""


class ObjectChangedError(ObjectError):
    """The object is no longer the one that was listed."""


class AccessDeniedError(ObjectError):
    """A permission is missing, and the text says which."""


class ObjectFrozenError(ObjectError):
    """The object is in an archive storage class and has to be restored before it can be read."""


class ClaimLostError(ReplayError):
    """Another run has taken over the object that this run was at."""


class UnsentError(ReplayError):
    """The sink refused records until the attempts were used up."""


class StoppedError(ReplayError):
    """The run was asked to stop."""
