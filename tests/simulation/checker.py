"""Reads the bucket and the stream after a history, and says which promise was broken.

It uses nothing of replay: names and fields in the bucket are the contract, and rows are those of the
transform itself. Each finding begins with the promise:

kept         an error object is there with its bytes, or was retired after it was done or waived
claim        what a claim says of the object, of its outputs and of its counts is true; the state is the worst
manifest     a manifest is a copy of what the claim of a done object says
delivered    each record of a judged object that the transform delivers is its row, or was sent; once each
noted        rows in the archive belong to a judged object, or to one whose claim names the file
duplicates   no record is in the archive or in the stream more often than was reported
exclusive    no claim is taken or changed by others before its end
answer       what a command printed is true
settled      when nothing fails any more, a run leaves nothing open
weak         a store that ignores conditions is refused
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from tests.simulation.operators import Answer, World
from tests.simulation.s3_model import BUCKET, Stored
from tests.simulation.samples import (
    BY_DATA,
    TABLE,
    VERSIONS,
    Expected,
    Source,
    Version,
    expected,
    row_marks,
    sources_in,
)

_BY_FINGERPRINT = {version.fingerprint: version for version in VERSIONS}
_RECORDS = f"replay/table={TABLE}/"
_FINAL = ("done", "retired")
_SENT = Expected(row=b"sent")
_WAIVED = Expected(rule="waived")


@dataclass
class ErrorFile:
    """An error object as it was written; somebody may overwrite it."""

    key: str
    body: bytes
    is_overwritten: bool = False


@dataclass(frozen=True)
class Node:
    """An error object with its claim and its manifest, if it has them."""

    key: str
    body: bytes
    is_overwritten: bool
    ident: str
    claim: dict[str, Any] | None
    manifest: dict[str, Any] | None

    @property
    def etag(self) -> str:
        """The ETag that the content has in S3."""
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()

    @cached_property
    def sources(self) -> list[Source]:
        """The records of its lines."""
        return sources_in(self.body)

    @property
    def state(self) -> str:
        """What the claim says."""
        return self.claim["state"] if self.claim else "open"

    @property
    def is_judged(self) -> bool:
        """Whether a run has judged every record, and none has begun again since."""
        return self.state != "open"

    def sent(self) -> set[int]:
        """The positions of the lines whose records went into a stream, as the claim says."""
        ranges = self.claim["progress"].get("sent", {}).values() if self.claim else ()
        return {line - 1 for lines in ranges for first, last in lines for line in range(first, last + 1)}

    def waived(self) -> set[int]:
        """The positions of the lines that an operator has waived."""
        waivers = self.claim["waivers"] if self.claim else ()
        return {int(line) - 1 for each in waivers if not each["undone_by"] for line in each["records"]}

    def verdicts(self) -> list[Expected]:
        """What became of each line of a judged object, if what the claim says is true."""
        assert self.claim
        version, sent, waived = _BY_FINGERPRINT[self.claim["result"]["transform"]], self.sent(), self.waived()
        verdicts = [expected(version, source) for source in self.sources]
        for position in range(len(verdicts)):
            if position in sent:
                verdicts[position] = _SENT
            elif position in waived:
                verdicts[position] = _WAIVED
        return verdicts


class Checker:
    """Compares the bucket and the stream with the error objects that were there in the beginning."""

    def __init__(self, world: World, files: list[ErrorFile]) -> None:
        self.world, self.s3 = world, world.s3
        self.findings: list[str] = []
        self.nodes = [self._node(file) for file in files]
        self.sent = Counter(BY_DATA[data].mark for data in world.stream.taken)
        self.rows = {key: _rows(self.s3.objects[key].body) for key in self.s3.keys("archive/")}

    def check(self, answers: list[Answer], settled_by: Version | None) -> list[str]:
        """Return every broken promise; `settled_by` is the transform of a last run without any fault."""
        for node in self.nodes:
            self._check_kept(node)
            if node.is_judged:
                self._check_claim(node)
                self._check_delivered(node)
                self._check_duplicates(node)
            else:
                self._check_noted(node)
                if settled_by and not node.is_overwritten:
                    self._find("settled", f"{node.key} is still open")
            if settled_by and node.state == "refused" and not node.is_overwritten:
                self._check_judged_by(node, settled_by)
            self._check_exclusive(node)
            if node.manifest:
                self._check_manifest(node, node.manifest)
        self._check_rows()
        for answer in answers:
            self._check_answer(answer)
        return self.findings

    def _check_kept(self, node: Node) -> None:
        stored = self.s3.objects.get(node.key)
        if (stored and stored.body == node.body) or node.is_overwritten:
            return
        retired = self.s3.objects.get(f"{_RECORDS}retired/{node.key}")
        if not (retired and retired.body == node.body and node.state == "retired"):
            self._find("kept", f"{node.key} is gone, and its state is {node.state}")

    def _check_claim(self, node: Node) -> None:
        assert node.claim
        result, verdicts = node.claim["result"], node.verdicts()
        refused = [position for position, each in enumerate(verdicts) if each.code or each == _WAIVED]
        truth = {
            "bytes": len(node.body),
            "sha256": hashlib.sha256(node.body).hexdigest(),
            "lines": len(verdicts),
            "rows": sum(1 for each in verdicts if each.row),
            "dropped": dict(Counter(each.rule for each in verdicts if each.rule and each != _WAIVED)),
            "refused_lines": refused,
        }
        said = result | {"refused_lines": _positions(result["refused_lines"])}
        for name, value in truth.items():
            if said[name] != value:
                self._find("claim", f"{node.key}: {name} is {said[name]}, and in truth {value}")
        if result["refused"] and sum(result["refused"].values()) + result["waived"] != len(refused):
            self._find("claim", f"{node.key}: {len(refused)} lines are refused or waived")
        waived = bool(node.waived())
        worst = "refused" if any(each.code for each in verdicts) else "waived" if waived else "done"
        if node.state != worst and not (node.state == "retired" and worst != "refused"):
            self._find("claim", f"{node.key}: the state is {node.state}, and in truth {worst}")

    def _check_manifest(self, node: Node, manifest: dict[str, Any]) -> None:
        result = node.claim["result"] if node.claim else None
        if node.state not in _FINAL or result is None:
            self._find("manifest", f"{node.key} has a manifest, and its state is {node.state}")
            return
        different = [name for name in result if name != "refused_lines" and manifest[name] != result[name]]
        if different:
            self._find("manifest", f"{node.key}: {', '.join(different)}: not what the claim says")

    def _check_delivered(self, node: Node) -> None:
        """The files that the claim names are there, and hold the right rows, each once, and no others."""
        assert node.claim
        outputs = [output for output in node.claim["result"]["outputs"] if output.get("key")]
        for output in outputs:
            stored = self.s3.objects.get(output["key"])
            if stored is None or hashlib.sha256(stored.body).hexdigest() != output["sha256"]:
                self._find("delivered", f"{node.key}: {output['key']} is not there as the claim has it")
        wanted = Counter[tuple[str, bytes]]()
        for source, verdict in zip(node.sources, node.verdicts(), strict=True):
            if verdict == _SENT:
                if not self.sent[source.mark]:
                    self._find("delivered", f"{node.key}: {source.mark} is said to be sent, and was not")
            elif verdict.row:
                wanted[verdict.date, verdict.row] += 1
        there = Counter((_date(key), line) for key, lines in self._files(node) for line in lines)
        for difference, what in ((wanted - there, "is not there"), (there - wanted, "must not be there")):
            for date, line in difference:
                self._find("delivered", f"{node.key}: the row of {_mark(line)} in {date} {what}")

    def _check_noted(self, node: Node) -> None:
        noted = node.claim["progress"].get("outputs", ()) if node.claim else ()
        for key, lines in self._files(node):
            if lines and key not in noted:
                self._find("noted", f"{key} has rows of {node.key}, whose claim does not name it")

    def _check_judged_by(self, node: Node, version: Version) -> None:
        assert node.claim
        if node.claim["result"]["transform"] != version.fingerprint:
            self._find("settled", f"{node.key}: {version.fingerprint} may deliver what is refused")

    def _check_exclusive(self, node: Node) -> None:
        """Find a claim that was taken or changed before its end, or that ends after the function it is of."""
        before: dict[str, Any] | None = None
        for stored in self._stored_claims(node):
            claim = _document(stored.body)
            if before and before["until"]:
                skew_s = min(self.world.skews_s.values())
                if claim["owner"] != before["owner"]:
                    skew_s = self.world.skews_s[claim["owner"]]
                is_held = stored.modified + timedelta(seconds=skew_s) < datetime.fromisoformat(
                    before["until"]
                )
                is_foreign = claim["owner"] != before["owner"] or claim["waivers"] != before["waivers"]
                if is_held and is_foreign and not self.s3.weakness.forbids_runs:
                    self._find("exclusive", f"{node.key}: the claim of {before['owner']} was not over")
            end = self.world.ends.get(claim["owner"])
            if end and claim["until"] and datetime.fromisoformat(claim["until"]) > end:
                self._find("exclusive", f"{node.key}: the claim of {claim['owner']} goes beyond {end}")
            before = claim

    def _check_rows(self) -> None:
        for key, lines in self.rows.items():
            if any(line not in row_marks() for line in lines):
                self._find("delivered", f"{key} has a row that no transform makes")

    def _check_duplicates(self, node: Node) -> None:
        assert node.claim
        rows = Counter(_mark(line) for _, lines in self._files(node) for line in lines)
        copies = [rows[each.mark] + self.sent[each.mark] for each in node.sources]
        surplus = sum(each - 1 for each in copies if each > 1)
        for source, verdict in zip(node.sources, node.verdicts(), strict=True):
            if not verdict.row and self.sent[source.mark]:
                surplus += 1  # sent, and not counted as sent: the stream has it besides what the claim says
        if surplus > node.claim["result"]["possible_duplicates"]:
            said = node.claim["result"]["possible_duplicates"]
            self._find("duplicates", f"{node.key}: {surplus}, and {said} were reported")

    def _check_answer(self, answer: Answer) -> None:
        """What a command said was true of some version of the claim, and `done` still is."""
        nodes = {(node.key, node.etag): node for node in self.nodes}
        etags = {each.key: each.etag for each in answer.planned}
        for outcome in answer.outcomes:
            node = nodes[outcome.key, etags[outcome.key]]
            if outcome.ending == "done" and not outcome.tally.waived and node.state not in _FINAL:
                self._find("answer", f"{answer.owner}: {node.key} is said to be done, and is {node.state}")
            if outcome.ending in ("done", "refused") and outcome.tally.lines:
                self._check_tally(answer, node, outcome)
            if outcome.ending == "done" and not (outcome.tally.waived or outcome.reason or node.manifest):
                self._find("answer", f"{answer.owner}: {node.key} is said to be done, and has no manifest")
            if outcome.ending == "busy" and {each["owner"] for each in self._claims(node)} == {answer.owner}:
                self._find("answer", f"{answer.owner}: {node.key} is said to be another run's, and is not")
        if answer.summary and answer.summary.exit_code == 0:
            for each in answer.planned:
                claims = self._claims(nodes[each.key, each.etag])
                if not any(claim["state"] in ("done", "waived", "retired") for claim in claims):
                    self._find("answer", f"{answer.owner}: exit code 0, and {each.key} was never done")
        ran, deleted = (
            bool(answer.summary and answer.planned),
            answer.command.kind == "retire" and answer.changed,
        )
        if (ran and self.s3.weakness.forbids_runs) or (deleted and self.s3.weakness.forbids_deletions):
            self._find("weak", f"{answer.owner}: {self.s3.weakness} was not refused")

    def _check_tally(self, answer: Answer, node: Node, outcome: Any) -> None:
        tally = outcome.tally
        said = (tally.lines, tally.rows, dict(tally.dropped), dict(tally.refused), tally.waived)
        names = ("lines", "rows", "dropped", "refused", "waived")
        results = [claim["result"] for claim in self._claims(node) if claim["result"]]
        own = [result for result in results if result["by"] == answer.owner]
        if (*said, outcome.possible_duplicates) not in [
            (*(result[name] for name in names), result["possible_duplicates"]) for result in own
        ]:
            self._find("answer", f"{answer.owner}: {node.key}: said {said}, which no claim says")

    def _claims(self, node: Node) -> list[dict[str, Any]]:
        """Every version of the object's claim."""
        return [_document(stored.body) for stored in self._stored_claims(node)]

    def _stored_claims(self, node: Node) -> list[Stored]:
        key = f"{_RECORDS}claims/{node.key}.{node.ident}.json"
        return [stored for name, stored in self.s3.versions if name == key]

    def _files(self, node: Node) -> list[tuple[str, list[bytes]]]:
        return [(key, lines) for key, lines in self.rows.items() if f"/replay-{node.ident}." in key]

    def _node(self, file: ErrorFile) -> Node:
        key, body = file.key, file.body
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        ident = hashlib.sha256("\0".join((BUCKET, key, etag)).encode()).hexdigest()[:20]
        claim = self.s3.objects.get(f"{_RECORDS}claims/{key}.{ident}.json")
        manifest = self.s3.objects.get(f"{_RECORDS}manifests/{key}.{ident}.json")
        return Node(
            key,
            body,
            file.is_overwritten,
            ident,
            _document(claim.body) if claim else None,
            _document(manifest.body) if manifest else None,
        )

    def _find(self, promise: str, text: str) -> None:
        self.findings.append(f"{promise}: {text}")


def _positions(ranges: list[list[int]]) -> list[int]:
    return [line - 1 for first, last in ranges for line in range(first, last + 1)]


def _mark(line: bytes) -> str:
    return row_marks().get(line, ("what no transform makes",))[0]


def _date(key: str) -> str:
    """The date of a file in the archive, from its folder."""
    return key.split("/")[2].partition("=")[2]


@lru_cache(maxsize=4096)
def _document(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found


@lru_cache(maxsize=4096)
def _rows(body: bytes) -> list[bytes]:
    try:
        return gzip.decompress(body).splitlines(keepends=True)
    except (OSError, EOFError, zlib.error):
        return [body]  # no row, and found to be none
