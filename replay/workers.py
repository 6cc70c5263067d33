"""Workers that run calls side by side: threads, or what a simulation puts in their place."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(Protocol):
    """A context manager; leaving it waits for every call that was submitted."""

    def __enter__(self) -> Self:
        """Return the workers, ready for calls."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the calls that still run."""

    def submit(self, call: Callable[..., Result], *arguments: Any) -> "Future[Result]":
        """Start a call as soon as a worker is free."""

    def wait(self, running: "set[Future[Result]]") -> "tuple[set[Future[Result]], set[Future[Result]]]":
        """Wait until at least one call has ended; return those that ended and those that still run."""


class Threads:
    """Workers that are threads of this process."""

    def __init__(self, number: int) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="replay")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def submit(self, call: Callable[..., Result], *arguments: Any) -> "Future[Result]":
        """Start a call in a thread."""
        return self._pool.submit(call, *arguments)

    def wait(self, running: "set[Future[Result]]") -> "tuple[set[Future[Result]], set[Future[Result]]]":
        """Wait until at least one call has ended."""
        ended, left = wait(running, return_when=FIRST_COMPLETED)
        return ended, left


def in_parallel(
    workers: Workers,
    call: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    at_once: int,
    stop: Event | None = None,
) -> Iterator[Result]:
    """Call `call` with each item, at most `at_once` at a time; yield the results as the calls end.

    Items are taken from the iterable only when there is room for them, and none once `stop` is set. The first
    error of a call is raised, and sets `stop`.
    """
    waiting = iter(items)
    stop = stop or Event()
    with workers as pool:
        running: set[Future[Result]] = set()
        try:
            while True:
                while len(running) < at_once and not stop.is_set():
                    try:
                        item = next(waiting)
                    except StopIteration:
                        break
                    running.add(pool.submit(call, item))
                if not running:
                    return
                ended, running = pool.wait(running)
                for future in ended:
                    yield future.result()
        except BaseException:
            stop.set()
            raise
