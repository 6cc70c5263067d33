"""Which window is exported next: windows that join without gap or overlap, whatever runs were missed.

A window begins where the last one that was exported has ended, and the scheduled time ends it. So a run that
was missed is made up by the next one, in windows of 24 hours at most, and a run that is started twice asks
for the window that is there already. No clock is read here: all times are arguments, in whole seconds.

Source: DynamoDB API Reference, IncrementalExportSpecification (start included, end excluded); DynamoDB
Developer Guide, s3dataexport-requesting (15 minutes to 24 hours).
"""

from dataclasses import dataclass

LEAST_S, MOST_S = 15 * 60, 24 * 3600
# LatestRestorableDateTime is about five minutes behind now, and whether an export may end in these minutes is
# UNVERIFIED. So an export waits until its end is older. Source: DynamoDB API Reference,
# PointInTimeRecoveryDescription.
SETTLED_S = 6 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """What is exported, in seconds since 1970; without a start it is a full export as of the end."""

    start_s: int | None
    end_s: int

    def wait_s(self, now_s: int) -> int:
        """Return how many seconds to wait until the window can be exported."""
        return max(0, self.end_s + SETTLED_S - now_s)


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes from `from_s` to `to_s` are in no export that can still be made."""

    from_s: int
    to_s: int


def next_window(
    last_end_s: int | None, scheduled_s: int, earliest_s: int, *, every_s: int, is_full: bool
) -> Window | Gap | None:
    """Return the window to export for a run of that scheduled time; None when there is nothing to export.

    `last_end_s` is the end of the last export, None before the first. `earliest_s` is the first time that
    point-in-time recovery still has.
    """
    if last_end_s is not None and last_end_s >= scheduled_s:
        return None
    if is_full:
        return Window(None, scheduled_s) if scheduled_s >= earliest_s else None
    start = max(earliest_s, scheduled_s - min(every_s, MOST_S)) if last_end_s is None else last_end_s
    if start < earliest_s:
        return Gap(start, earliest_s)
    left = scheduled_s - start
    if left < LEAST_S:
        return None  # the next run exports it
    if left <= MOST_S:
        return Window(start, scheduled_s)
    # What remains must not be too short for a window.
    return Window(start, min(start + MOST_S, scheduled_s - LEAST_S))
