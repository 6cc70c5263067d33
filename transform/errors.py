"""Exceptions, grouped by what the caller does next.

ArchiveError
├── SettingsError      fix archive.toml; lists every problem at once
└── RecordError        this record fails alone: ProcessingFailed, its code in the log
"""


class ArchiveError(Exception):
    """Root of every error that this project raises on purpose; its text is written for people."""


class SettingsError(ArchiveError):
    """The configuration file cannot be used; `problems` holds one sentence for each mistake."""

    def __init__(self, file: str, problems: list[str]) -> None:
        self.file = file
        self.problems = problems
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))


class RecordError(ArchiveError):
    """One record cannot become a row. `code` is fixed text; no part of the record is in it."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)
