"""The ledger of the demo's export: every line, and what SQL shows once TTL has removed the items."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportLedger:
    """What became of the lines of an export, and what SQL shows once TTL has removed the items.

    `unique` are the rows of `archive_unique`, of which `unique_exported` come from the export alone.
    """

    lines: int
    rows: int
    not_expired: int
    refused: int
    removed: int
    failed: int
    rows_in_archive: int
    unique: int
    unique_exported: int

    @property
    def adds_up(self) -> bool:
        """Whether every line has one end, and every removed item is one row or one failed record."""
        return (
            self.lines == self.rows + self.not_expired + self.refused
            and self.removed == self.unique - self.unique_exported + self.failed
            and self.rows_in_archive == self.rows + self.removed - self.failed
        )
