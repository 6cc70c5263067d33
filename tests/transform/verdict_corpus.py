"""The golden corpus of verdicts, and the command that records it.

tests/golden/verdicts.json has the verdict version, the identity of the transform with each configuration, and
the verdict of each configuration on every line of each error object. The command refuses to record another
verdict on a case that was recorded before unless transform/verdict_version.py has another number.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.transform.verdict_inputs import CONFIGURATIONS, error_line, layouts, records
from ttl_archive.replay.error_objects.error_lines import read_lines
from ttl_archive.replay.verdict import Refused, Verdict, judge
from ttl_archive.transform.convert import Drop
from ttl_archive.transform.verdict_version import VERDICT_VERSION, transform_identity

RECORDED = Path(__file__).parents[1] / "golden/verdicts.json"
COMMAND = "python -m tests.transform.verdict_corpus"
EVERY = "every configuration"


def cases() -> dict[str, bytes]:
    """Error objects by name and a hash of the bytes: a case that is built in another way is another case."""
    found = [*layouts(), *((name, error_line(data)) for name, data in records())]
    named = {f"{name} {sha256(data).hexdigest()[:8]}": data for name, data in found}
    assert len(named) == len(found), "two cases have the same name and bytes"
    return named


def verdicts() -> dict[str, dict[str, list[str]]]:
    """The verdict on each line of each case: {case: {names of configurations: verdicts}}."""
    judges = {name: judge(config) for name, config in CONFIGURATIONS.items()}
    found = {}
    for case, data in cases().items():
        lines = list(read_lines([data]))
        by_verdict: dict[tuple[str, ...], list[str]] = {}
        for name, verdict_on in judges.items():
            texts = tuple(_text(verdict_on(line)) for line in lines)
            by_verdict.setdefault(texts, []).append(name)
        found[case] = {
            EVERY if len(names) == len(judges) else ", ".join(names): list(texts)
            for texts, names in by_verdict.items()
        }
    return found


def _text(verdict: Verdict) -> str:
    if isinstance(verdict, Refused):
        return f"refuse {verdict.code}"
    if isinstance(verdict, Drop):
        return f"drop {verdict.rule}"
    return f"deliver {verdict.event_us} {verdict.line.decode()}"


def problem(recorded: dict[str, Any], current: dict[str, Any], version: int = VERDICT_VERSION) -> str | None:
    """Return what a developer has to do when the corpus does not match the verdicts, or None."""
    before, after = recorded["verdicts"], current
    changed = [case for case in before if case in after and before[case] != after[case]]
    if changed and version == recorded["version"]:
        case = changed[0]
        return (
            f"{len(changed)} verdicts changed and VERDICT_VERSION is still {version}, for example of case "
            f"'{case}':\n  recorded {before[case]}\n  now      {after[case]}\nRestore the earlier verdicts, "
            f"or raise VERDICT_VERSION in transform/verdict_version.py and run {COMMAND}"
        )
    if changed or version != recorded["version"]:
        return (
            f"The corpus was recorded for verdict version {recorded['version']}, not {version}. Run {COMMAND}"
        )
    if unrecorded := before.keys() ^ after.keys():
        return f"{len(unrecorded)} cases are new or gone, for example '{min(unrecorded)}'. Run {COMMAND}"
    return None


def recorded_corpus() -> dict[str, Any]:
    """The corpus as it was recorded."""
    corpus: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return corpus


def identities() -> dict[str, str]:
    """The identity of the transform with each configuration."""
    return {name: transform_identity(config) for name, config in CONFIGURATIONS.items()}


def main() -> int:
    """Record the corpus; return 1 when it has verdicts that changed without a new version."""
    current = verdicts()
    if RECORDED.exists() and "VERDICT_VERSION is still" in (
        what := problem(recorded_corpus(), current) or ""
    ):
        print(what, file=sys.stderr)
        return 1
    corpus = {"version": VERDICT_VERSION, "identities": identities(), "verdicts": current}
    RECORDED.write_text(json.dumps(corpus, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{RECORDED.name}: {len(current)} cases of verdict version {VERDICT_VERSION}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
