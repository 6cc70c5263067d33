"""What can go wrong in replay and restore, grouped by what the operator does next.

ReplayError
├── MisuseError         the command asks for something impossible: fix the option (exit 2)
├── NothingFoundError   the place, or the filter, has nothing: the text says what there is (exit 4)
├── ObjectError         this object fails alone, the others continue (exit 1)
│   ├── ObjectGoneError       it does not exist, or not any more
│   ├── ObjectChangedError    it was overwritten since it was listed: plan again
│   ├── AccessDeniedError     a permission or a credential is missing, expired or wrong
│   └── ObjectFrozenError     it is in an archive storage class: restore it first
├── ClaimLostError      another run has taken over the object (exit 3)
├── UnsentError         the sink refused records at every attempt: run again later (exit 3)
└── StoppedError        Ctrl-C, or the function's time is up: run again to resume (exit 1)
"""

from ttl_archive.transform.errors import ArchiveError


class ReplayError(ArchiveError):
    """Root of the errors that the commands raise on purpose; their text is meant for people."""


class MisuseError(ReplayError):
    """The command asks for something impossible."""


class NothingFoundError(ReplayError):
    """Nothing matches; the text says what there is instead."""


class ObjectError(ReplayError):
    """One object cannot be read or written; the others can."""


class ObjectGoneError(ObjectError):
    """The object does not exist."""


class ObjectChangedError(ObjectError):
    """The object is no longer the one that was listed."""


class AccessDeniedError(ObjectError):
    """A permission or a credential is missing, expired or wrong; the text says which."""


class ObjectFrozenError(ObjectError):
    """The object is in an archive storage class and has to be restored before it can be read."""


class ClaimLostError(ReplayError):
    """Another run has taken over the object that this run held."""


class UnsentError(ReplayError):
    """The sink refused records until the attempts were used up."""


class StoppedError(ReplayError):
    """The run was asked to stop."""
