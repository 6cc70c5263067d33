"""The prompt of `ttl-archive query`: queries over several lines, with history and completion of names.

A query ends with a semicolon. This module needs the extra [sql].
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from ttl_archive.replay.commands import show

_WORDS = ("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "count(*)", "BETWEEN", "LIKE")
_LEAVE = ("exit", "quit")
_HELP = "help"


def run_prompt(
    ask: Callable[[str], None], relations: Mapping[str, Sequence[str]], history: Path, **terminal: Any
) -> None:
    """Read queries, and call `ask` with each, until the user leaves. `terminal` replaces stdin and stdout."""
    names = sorted({*relations, *(name for columns in relations.values() for name in columns)})
    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(history)),
        completer=WordCompleter([*_WORDS, *names], ignore_case=True),
        complete_while_typing=False,
        multiline=True,
        key_bindings=_bindings(),
        prompt_continuation="     > ",
        **terminal,
    )
    show.note(
        'A query ends with ";". "help" shows the columns, "exit" or Ctrl-D leaves, Ctrl-C stops a query.'
    )
    while True:
        try:
            text = session.prompt("query> ").strip().removesuffix(";").strip()
        except KeyboardInterrupt:
            continue  # it only empties the line, as in a shell
        except EOFError:
            return
        if text.lower() in _LEAVE:
            return
        if text.lower() == _HELP:
            for relation, columns in relations.items():
                show.field(relation, ", ".join(columns))
        elif text:
            ask(text)


def _bindings() -> KeyBindings:
    """Return the keys: Enter ends a query that is complete, and else begins a new line."""
    bindings = KeyBindings()

    @bindings.add("enter")
    def enter(event: KeyPressEvent) -> None:
        text = event.current_buffer.text.strip()
        if text.endswith(";") or text.lower() in ("", _HELP, *_LEAVE):
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.insert_text("\n")

    return bindings
