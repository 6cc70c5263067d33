"""One seeded scheduler: it runs one task at a time and decides at every point which one goes on.

A process is one run of a command; its tasks are its main line and its workers, as greenlets. Time is virtual:
it moves by a little at each point, and jumps when every task sleeps. The same seed makes the same decisions.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from types import TracebackType
from typing import Any, Self

from greenlet import getcurrent, greenlet

START = datetime(2026, 11, 21, tzinfo=UTC)
_STEP_S = 0.05  # what a call or a look at the clock takes
DISTURBANCES = ("stall", "stall", "stall", "stall", "kill", "kill", "interrupt")
# Less than the lease of 15 minutes; more; and more even for a clock that is ten minutes behind.
STALLS_S = (120, 480, 960, 960, 1560, 1860)
_MOST_STEPS = 20_000  # a history of some hundred points that takes so many does not end


class KilledError(BaseException):
    """The process was killed: nothing of it runs after this, except what frees local resources."""


class EndlessError(Exception):
    """The history does not end."""


@dataclass(eq=False)
class Process:
    """One run of a command, with its own clock. `faults` numbers the points at which a fault happens."""

    name: str
    skew_s: float
    faults: frozenset[int] = frozenset()
    alive: bool = True
    points: int = 0
    sleeps_until: float = 0.0
    interrupt: Callable[[], None] = lambda: None
    on_kill: Callable[[], None] = lambda: None  # closes what a killed process cannot write any more
    tasks: list[Task] = field(default_factory=list)


@dataclass(eq=False)
class Task:
    """A line of work of a process."""

    process: Process
    line: greenlet
    waits_for: set[Task] = field(default_factory=set)
    waiters: list[Task] = field(default_factory=list)
    ended: bool = False


@dataclass(frozen=True)
class Step:
    """One entry of the history: when, who, what happened, and with what result."""

    at_s: float
    who: str
    what: str
    result: str


class Scheduler:
    """Runs processes to their end. `sticks` is how probable it is that the same task goes on at a point."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now_s = 0.0
        self.sticks = self.chance.choice((0.0, 0.5, 0.9))
        self.refusing = self.chance.choice(
            (0.0, 0.0, 0.3)
        )  # how probable it is that a put is refused in part
        self.steps: list[Step] = []
        self.faults: Counter[str] = Counter()
        self._points = 0
        self._ready: list[Task] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._main = getcurrent()
        self._current: Task | None = None

    @property
    def current(self) -> Process:
        """The process that runs."""
        return self._own().process

    def note(self, what: str, result: str = "", who: str = "") -> None:
        """Write an entry into the history."""
        who = who or (self._current.process.name if self._current else "")
        self.steps.append(Step(self.now_s, who, what, result))

    def at(self, time_s: float, action: Callable[[], None]) -> None:
        """Call the action at that time, or now when the time is over."""
        self._number += 1
        heapq.heappush(self._timers, (time_s, self._number, action))

    def start(self, process: Process, call: Callable[[], None]) -> Task:
        """Begin a task of the process."""
        task = Task(process, greenlet(lambda: self._run_task(task, call), self._main))
        process.tasks.append(task)
        self._ready.append(task)
        return task

    def run(self) -> None:
        """Run until nothing is left to do. Raises EndlessError, or what a task raised unexpectedly."""
        while True:
            while self._timers and (self._timers[0][0] <= self.now_s or not self._ready):
                time_s, _, action = heapq.heappop(self._timers)
                self.now_s = max(self.now_s, time_s)
                action()
            if not self._ready:
                return
            task = self._ready.pop(self._choose())
            if task.process.sleeps_until > self.now_s:
                self._wake_at(task, task.process.sleeps_until)
                continue
            self._current = task
            task.line.switch()

    def point(self) -> bool:
        """Let another task go on, or not. Return whether a fault happens here. Raises KilledError."""
        task = self._own()
        self._points += 1
        if self._points > _MOST_STEPS:
            raise EndlessError
        self.now_s += _STEP_S
        process = task.process
        process.points += 1
        if self._ready or self._timers:
            self._ready.append(task)
            self._main.switch()
            self._check_alive(process)
        return process.points in process.faults

    def sleep(self, seconds: float) -> None:
        """Stop this task for some time. Raises KilledError."""
        task = self._own()
        self._wake_at(task, self.now_s + seconds)
        self._main.switch()
        self._check_alive(task.process)

    def stall(self, seconds: float) -> None:
        """Stop the whole process for some time. Raises KilledError."""
        process = self._own().process
        process.sleeps_until = self.now_s + seconds
        self.sleep(seconds)

    def kill(self) -> None:
        """Kill the process of the current task. Raises KilledError."""
        process = self._own().process
        process.alive = False
        process.on_kill()
        for task in process.tasks:
            if task is not self._current:
                self.at(self.now_s, lambda task=task: self._throw(task))  # type: ignore[misc]
        raise KilledError

    def wait_for(self, tasks: set[Task]) -> None:
        """Stop this task until one of those has ended."""
        own = self._own()
        if not own.process.alive or any(task.ended for task in tasks):
            return
        for task in tasks:
            task.waiters.append(own)
        own.waits_for = tasks
        self._main.switch()
        self._check_alive(own.process)

    def clock(self, process: Process) -> Callable[[], datetime]:
        """Return the process's clock; each look at it is a point."""

        def now() -> datetime:
            if self._current and self._current.process is process and self.point():
                self.disturb()
            return START + timedelta(seconds=self.now_s + process.skew_s)

        return now

    def disturb(self, how: str = "") -> None:
        """Stall past the lease, or for less, kill, or interrupt as Ctrl-C does. Raises KilledError."""
        how = how or self.chance.choice(DISTURBANCES)
        self.faults[how] += 1
        if how == "kill":
            self.note("killed")
            self.kill()
        if how == "interrupt":
            self.note("interrupted")
            self._own().process.interrupt()
            return
        seconds = self.chance.choice(STALLS_S)
        self.note(f"stalls for {seconds} s")
        if self.chance.random() < 0.8:
            self.stall(seconds)
        else:
            self.sleep(seconds)

    def _choose(self) -> int:
        last = len(self._ready) - 1
        if last <= 0:
            return 0
        # The task that was running comes last.
        if self._ready[last] is self._current and self.chance.random() < self.sticks:
            return last
        return int(self.chance.random() * (last + 1))

    def _own(self) -> Task:
        assert self._current is not None
        self._check_alive(self._current.process)
        return self._current

    def _wake_at(self, task: Task, time_s: float) -> None:
        def wake() -> None:
            if not task.ended and task.process.alive:
                self._ready.append(task)

        self.at(time_s, wake)

    def _throw(self, task: Task) -> None:
        if task in self._ready:
            self._ready.remove(task)
        if task.ended:
            return
        if not task.line:  # it has not begun
            task.ended = True
            return
        self._current = task
        task.line.throw(KilledError)

    def _check_alive(self, process: Process) -> None:
        if not process.alive:
            raise KilledError

    def _run_task(self, task: Task, call: Callable[[], None]) -> None:
        try:
            call()
        except KilledError:
            pass
        except Exception:
            if task.process.alive:
                raise
            # What a killed process meets while its resources are freed, nobody sees.
        finally:
            task.ended = True
            for waiter in task.waiters:
                if task in waiter.waits_for and waiter.process.alive:
                    waiter.waits_for = set()
                    self._ready.append(waiter)


class SimFuture(Future[Any]):
    """A future whose hash is its number, so that a set of futures has the same order in each run."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._hash = number

    def __hash__(self) -> int:
        return self._hash


class SimWorkers:
    """A process's workers: greenlets in the place of threads."""

    def __init__(self, scheduler: Scheduler, process: Process, number: int) -> None:
        self._scheduler = scheduler
        self._process = process
        self._number = number
        self._tasks: dict[Future[Any], Task] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._process.alive and (left := {task for task in self._tasks.values() if not task.ended}):
            self._scheduler.wait_for(left)

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a call as a task of the process, of which there are never more than workers."""
        assert sum(1 for task in self._tasks.values() if not task.ended) < self._number
        future = SimFuture(len(self._tasks))

        def work() -> None:
            try:
                result = call(*arguments)
            except KilledError:
                raise
            except BaseException as error:  # noqa: BLE001  it belongs to who asks for the result
                future.set_exception(error)
            else:
                future.set_result(result)

        self._tasks[future] = self._scheduler.start(self._process, work)
        return future

    def wait(self, running: set[Future[Any]]) -> tuple[set[Future[Any]], set[Future[Any]]]:
        """Wait until at least one call has ended."""
        self._scheduler.wait_for({self._tasks[future] for future in running})
        ended = {future for future in running if future.done()}
        return ended, running - ended


class SimEvent(Event):
    """The stop of a run: waiting for it is virtual."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep in virtual time; return whether the event is set."""
        self._scheduler.sleep(timeout or 0.0)
        return self.is_set()
