"""One batch of a queue's messages: their readings written to the table, and the answer to Lambda.

message                                                     becomes
every reading of it is written                              confirmed: Lambda deletes it
a reading of it can never be written (RecordError)          sent to the dead-letter queue with its code,
                                                            then confirmed; its other readings are written
a reading of it may be written later, or the put to the     returned: it is visible again, and after
dead-letter queue was not confirmed                         max_receives SQS moves it there

Source of the answer: AWS Lambda Developer Guide, services-sqs-errorhandling.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ttl_archive.transform.errors import RecordError
from ttl_archive.transform.ingest_duplicates import chosen, same_key
from ttl_archive.transform.ingest_item import StampedItem, stamped_item
from ttl_archive.transform.ingest_message import readings_of
from ttl_archive.transform.ingest_settings import Ingest
from ttl_archive.transform.ingest_tally import IngestTally
from ttl_archive.transform.ingest_writes import REFUSED, write_stamped_items
from ttl_archive.transform.metrics import UNEXPECTED
from ttl_archive.transform.reingest import LEAST_TIME_LEFT_S, TimeLeft, seconds_left
from ttl_archive.transform.settings import Settings

Event = dict[str, Any]
Write = Callable[[Sequence[StampedItem], Callable[[], float]], list[str | None]]
Refuse = Callable[[Event, str], bool]  # sends a message to the dead-letter queue; whether it is confirmed


class Candidate(NamedTuple):
    """An item, and the position of its message in the batch."""

    message: int
    stamped: StampedItem


def batch_ingester(
    settings: Settings, ingest: Ingest, write: Write, refuse: Refuse
) -> Callable[[Event, Any], Event]:
    """Return the handler of a batch of messages."""

    def handler(event: Event, context: Any) -> Event:
        tally, messages = IngestTally(), event["Records"]
        batch = _Batch(messages, tally)
        candidates = list(batch.candidates(settings, ingest))
        batch.write(candidates, ingest, lambda items: write(items, seconds_left(context)))
        failures = batch.settle(refuse, seconds_left(context))
        print(tally.log_line(settings.table.name, context))  # noqa: T201  Lambda's log is stdout
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failures]}

    return handler


def table_writer(client: Any, table: str) -> Write:
    """Return the function that writes items to a table."""
    return lambda items, time_left: write_stamped_items(client, table, items, time_left)


class _Batch:
    """What is known of the messages of one batch, by position."""

    def __init__(self, messages: Sequence[Event], tally: IngestTally) -> None:
        self._messages, self._tally = messages, tally
        self._refused: dict[int, str] = {}  # with the first code
        self._returned: set[int] = set()
        tally.received = len(messages)

    def candidates(self, settings: Settings, ingest: Ingest) -> Iterable[Candidate]:
        """Yield the item of each reading."""
        for number, message in enumerate(self._messages):
            try:
                found = readings_of(message["body"], ingest)
                sent_s = int(message["attributes"]["SentTimestamp"]) // 1000
            except Exception as error:  # noqa: BLE001  one message never fails the others
                self._fail(number, error)
                continue
            for reading, taken in found:
                try:
                    stamped = stamped_item(reading, taken, ingest, settings.table.ttl_attribute, sent_s)
                    yield Candidate(number, stamped)
                except Exception as error:  # noqa: BLE001  one reading never fails the others
                    self._fail(number, error)

    def write(
        self,
        candidates: Sequence[Candidate],
        ingest: Ingest,
        write: Callable[[Sequence[StampedItem]], list[str | None]],
    ) -> None:
        """Write one item of each key; the messages of the others depend on that item too."""
        items = [candidate.stamped for candidate in candidates]
        winners: dict[int, list[int]] = {}
        for positions in same_key(items).values():
            winner = chosen(items, positions, ingest.duplicates)
            if winner is None:
                for position in positions:
                    self._fail(candidates[position].message, RecordError("DuplicateKey"))
            else:
                winners[winner] = positions
        codes = write([items[winner] for winner in winners])
        for (winner, positions), code in zip(winners.items(), codes, strict=True):
            self._count(candidates, winner, positions, code)

    def settle(self, refuse: Refuse, time_left: TimeLeft) -> list[str]:
        """Send what can never be stored to the dead-letter queue; return the ids of returned messages."""
        for number, code in self._refused.items():
            if number in self._returned:
                continue
            # Without an answer of this function, Lambda returns the whole batch, sent messages included.
            if time_left() < LEAST_TIME_LEFT_S or not refuse(self._messages[number], code):
                self._returned.add(number)
        tally = self._tally
        tally.returned = len(self._returned)
        tally.refused = len(self._refused.keys() - self._returned)
        tally.stored = tally.received - tally.returned - tally.refused
        return [self._messages[number]["messageId"] for number in sorted(self._returned)]

    def _count(
        self, candidates: Sequence[Candidate], winner: int, positions: Sequence[int], code: str | None
    ) -> None:
        tally = self._tally
        if code is None:
            tally.readings_stored += 1
            tally.readings_superseded += len(positions) - 1
            return
        message = candidates[winner].message
        tally.fail(self._messages[message]["messageId"], code)
        if code == REFUSED:
            self._refused.setdefault(message, code)
            # Another reading of the key may be legal, so it gets an attempt of its own.
            self._returned |= {candidates[position].message for position in positions} - {message}
        else:
            self._returned |= {candidates[position].message for position in positions}

    def _fail(self, number: int, error: Exception) -> None:
        code = self._tally.fail_by(self._messages[number]["messageId"], error)
        if code == UNEXPECTED:
            self._returned.add(number)
        else:
            self._refused.setdefault(number, code)
