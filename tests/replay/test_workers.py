"""Calls side by side: every item once, never too many at once, and an error stops the rest."""

import time
from collections.abc import Iterator
from threading import Event, Lock

import pytest

from ttl_archive.replay.workers import Threads, in_parallel


def test_every_item_is_called_once() -> None:
    found = in_parallel(Threads(3), lambda item: item * 2, range(50), at_once=3)

    assert sorted(found) == [item * 2 for item in range(50)]


def test_no_more_calls_than_allowed_run_at_once_and_items_are_taken_as_they_are_needed() -> None:
    lock, running, most, taken = Lock(), 0, 0, 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(20):
            taken += 1
            yield item

    def call(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1
        return item

    results = in_parallel(Threads(8), call, items(), at_once=4)
    next(results)

    assert taken <= 8
    list(results)
    assert most <= 4


def test_after_a_stop_no_other_call_begins() -> None:
    stop = Event()

    def call(item: int) -> int:
        stop.set()
        return item

    assert list(in_parallel(Threads(1), call, range(10), at_once=1, stop=stop)) == [0]


def test_an_error_of_a_call_is_raised_and_stops_the_others() -> None:
    stop, called = Event(), []

    def call(item: int) -> int:
        called.append(item)
        return 1 // (item - 2)

    with pytest.raises(ZeroDivisionError):
        list(in_parallel(Threads(1), call, range(100), at_once=1, stop=stop))

    assert stop.is_set()
    assert called == [0, 1, 2]
