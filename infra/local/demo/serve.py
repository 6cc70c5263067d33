"""A demo that is left running: what expires is delivered within seconds, and Enter lets a month pass."""

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

from rich.console import Console

from ttl_archive.infra.local.demo import story
from ttl_archive.infra.local.demo.ask import environment_lines, how_to_reach
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.replay.commands.show import plural

_STEP = timedelta(seconds=2)


def serve(console: Console, pipeline: Pipeline, keys: Mapping[str, str], env_file: Path | None) -> None:
    """Print how to reach the demo, and let time pass until Ctrl-C. `keys` are those of the table.

    With `env_file` the environment is written there. Raises OSError.
    """
    if env_file:
        env_file.write_text(environment_lines(pipeline), encoding="utf-8")
    month = Event()
    Thread(target=_watch_enter, args=(month,), daemon=True).start()
    try:
        text = how_to_reach(pipeline, keys, env_file)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        while True:
            if month.wait(_STEP.total_seconds()):
                month.clear()
                _let_a_month_pass(console, pipeline)
            story.live_through(pipeline, _STEP)
    except KeyboardInterrupt:
        console.print("Stopped.")


def _watch_enter(month: Event) -> None:
    """Set the event for each line of standard input.

    A process in the background is stopped when it reads from its terminal, so it does not read.
    """
    if sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
        return
    for _ in sys.stdin:
        month.set()


def _let_a_month_pass(console: Console, pipeline: Pipeline) -> None:
    pipeline.clock.advance(story.GLACIER_AFTER)
    moved = len(pipeline.apply_lifecycle())
    console.print(
        f"{pipeline.clock.now():%Y-%m-%d}: the lifecycle moved {plural(moved, 'object')} to GLACIER"
    )
