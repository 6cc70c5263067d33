"""Reads the bucket and the stream after a history, and says what is not as it was promised.

It uses nothing of replay: names in the bucket are the contract, and rows are those of the transform itself.
Each finding begins with the name of the promise that is broken:

kept         an error object is there with its bytes, or it was retired after it was done or waived
claim        what a claim says of the object, of its outputs and of its counts is true
manifest     a manifest says what the claim of a done object says
delivered    each record of a done object is a row of the right transform, or was sent into the stream
noted        a row in the archive belongs to a judged object, or to an open one whose claim names the file
duplicates   no record is in the archive or in the stream more often than was reported
refused      a refused record is named by the claim, whose state is refused
answer       what a command printed is true
settled      once nothing fails any more, a run finishes everything
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from tests.simulation.operators import Answer
from tests.simulation.s3_model import BUCKET, S3Model
from tests.simulation.samples import BY_DATA, BY_RAW, TABLE, VERSIONS, Source, expected, row_marks
from ttl_archive.transform import layout

_BY_FINGERPRINT = {version.fingerprint: version for version in VERSIONS}


@dataclass(frozen=True)
class Node:
    """An error object, with what is recorded of it."""

    key: str
    body: bytes
    manifest: dict[str, Any] | None
    claim: dict[str, Any] | None
    ident: str

    @property
    def result(self) -> dict[str, Any] | None:
        """How the object was judged to the end, as its claim says; None while it is open."""
        return self.claim["result"] if self.claim else None

    @property
    def sent(self) -> set[int]:
        """The lines that a stream has confirmed, as the claim says."""
        ranges = (
            [each for lines in self.claim["progress"]["sent"].values() for each in lines]
            if self.claim
            else []
        )
        return {line for first, last in ranges for line in range(first, last + 1)}

    @cached_property
    def sources(self) -> list[Source]:
        """The records of its lines."""
        body = gzip.decompress(self.body) if self.body.startswith(b"\x1f\x8b") else self.body
        return [BY_RAW[json.loads(line)["rawData"]] for line in body.splitlines()]


class Checker:
    """Compares the bucket and the stream with the error objects that were there in the beginning."""

    def __init__(self, s3: S3Model, taken: list[bytes], originals: dict[str, bytes]) -> None:
        self.s3 = s3
        self.originals = originals
        self.findings: list[str] = []
        self.nodes = [self._node(key, body) for key, body in originals.items()]
        self.sent = Counter(BY_DATA[data].mark for data in taken)
        self.rows = {key: _rows(s3.objects[key].body) for key in s3.keys(layout.ARCHIVE)}

    def check(self, answers: list[Answer]) -> list[str]:
        """Return every broken promise."""
        for node in self.nodes:
            self._check_kept(node)
            if node.manifest:
                self._check_manifest(node, node.manifest)
            if node.result:
                self._check_claim(node, node.result)
                self._check_delivered(node, node.result)
            else:
                self._check_noted(node)
        self._check_rows()
        self._check_duplicates()
        for answer in answers:
            self._check_answer(answer)
        return self.findings

    def check_settled(self) -> list[str]:
        """Return what is still open, though a run without faults has ended."""
        for node in self.nodes:
            if node.result is None:
                self._find("settled", f"{node.key} is still open")
        return self.findings

    def _check_kept(self, node: Node) -> None:
        if node.key not in self.originals:
            return
        stored = self.s3.objects.get(node.key)
        retired = self.s3.objects.get(layout.retired_folder(TABLE) + node.key)
        if stored and stored.body == node.body:
            return
        if not (retired and retired.body == node.body):
            self._find("kept", f"{node.key} is gone")
        elif (
            node.claim is None
            or node.claim["state"] != "retired"
            or (node.result or {"refused": 1})["refused"]
        ):
            self._find("kept", f"{node.key} was retired before it was done")

    def _check_manifest(self, node: Node, manifest: dict[str, Any]) -> None:
        if node.claim is None or node.claim["state"] not in ("done", "retired") or not node.result:
            self._find("manifest", f"{node.key} has a manifest, and is not done")
            return
        for name, value in manifest.items():
            if name in node.result and node.result[name] != value:
                self._find(
                    "manifest", f"{node.key}: {name} is {value}, and its claim has {node.result[name]}"
                )

    def _check_claim(self, node: Node, result: dict[str, Any]) -> None:
        version, sent = _BY_FINGERPRINT[result["transform"]], node.sent
        verdicts = [
            expected(version, source) for line, source in enumerate(node.sources, 1) if line not in sent
        ]
        truth = {
            "bytes": len(node.body),
            "sha256": hashlib.sha256(node.body).hexdigest(),
            "lines": len(node.sources),
            "rows": len(sent) + sum(1 for each in verdicts if each.row),
            "dropped": dict(Counter(each.rule for each in verdicts if each.rule)),
            "refused": dict(Counter(each.code for each in verdicts if each.code)),
        }
        for name, value in truth.items():
            if result[name] != value:
                self._find("claim", f"{node.key}: {name} is {result[name]}, and in truth {value}")
        for output in result["outputs"]:
            if key := output.get("key"):
                stored = self.s3.objects.get(key)
                if stored is None or hashlib.sha256(stored.body).hexdigest() != output["sha256"]:
                    self._find("claim", f"{node.key}: {key} is not there as the claim has it")
        state = node.claim["state"] if node.claim else ""
        if truth["refused"] and state != "refused":
            self._find("refused", f"{node.key}: some records are refused, and the state is {state}")

    def _check_delivered(self, node: Node, result: dict[str, Any]) -> None:
        """Every deliverable record is a row under the object's own name, or in the stream."""
        version = _BY_FINGERPRINT[result["transform"]]
        wanted = {each.mark: expected(version, each) for each in node.sources if expected(version, each).row}
        own = Counter[str]()
        for key, lines in self._files(node):
            for line in lines:
                mark, _ = row_marks().get(line, ("?", frozenset()))
                own[mark] += 1
                verdict = wanted.get(mark)
                if verdict is None or verdict.row != line or f"={verdict.date}/" not in key:
                    self._find("delivered", f"{node.key}: {key} has a row of {mark} that is not right")
        for mark in wanted:
            if not own[mark] and not self.sent[mark]:
                self._find("delivered", f"{node.key} is done, and {mark} is nowhere")

    def _check_noted(self, node: Node) -> None:
        noted = node.claim["progress"]["outputs"] if node.claim else []
        for key, lines in self._files(node):
            if lines and key not in noted:
                self._find("noted", f"{key} has rows of {node.key}, whose claim does not name it")

    def _check_rows(self) -> None:
        for key, lines in self.rows.items():
            for line in lines:
                if line not in row_marks():
                    self._find("delivered", f"{key} has a row that no transform makes")

    def _check_duplicates(self) -> None:
        """Once every object of a record is done, its copies are counted."""
        copies = Counter(self.sent)
        for lines in self.rows.values():
            copies.update(row_marks()[line][0] for line in lines if line in row_marks())
        reported = Counter[str]()
        surplus = Counter[str]()
        for root in self.originals:
            node = next(node for node in self.nodes if node.key == root)
            if node.result:
                marks = {source.mark for source in node.sources}
                surplus[root] = sum(copies[mark] - 1 for mark in marks if copies[mark] > 1)
                reported[root] = node.result["possible_duplicates"]
            if surplus[root] > reported[root]:
                self._find("duplicates", f"{root}: {surplus[root]}, and {reported[root]} were reported")

    def _check_answer(self, answer: Answer) -> None:
        summary = answer.summary
        if summary is None:
            return
        nodes = {node.key: node for node in self.nodes}
        for outcome in answer.outcomes:
            node = nodes.get(outcome.key)
            if outcome.ending not in ("done", "refused", "settled before") or node is None:
                continue
            if node.claim is None or (node.result is None and outcome.ending == "done"):
                self._find(
                    "answer", f"{answer.owner}: {outcome.key} is said to be {outcome.ending}, and is open"
                )
            elif outcome.ending == "done" and node.result:
                result, tally = node.result, outcome.tally
                said = (tally.lines, tally.rows, dict(tally.dropped), dict(tally.refused))
                truth = tuple(result[name] for name in ("lines", "rows", "dropped", "refused"))
                if said != truth or outcome.possible_duplicates != result["possible_duplicates"]:
                    self._find("answer", f"{answer.owner}: {outcome.key}: said {said}, and in truth {truth}")
        if summary.exit_code == 0:
            for each in answer.planned:
                node = nodes.get(each.key)
                if node and (node.result is None or node.result["refused"]):
                    self._find("answer", f"{answer.owner}: exit code 0, and {each.key} is not delivered")

    def _files(self, node: Node) -> list[tuple[str, list[bytes]]]:
        return [(key, lines) for key, lines in self.rows.items() if f"/replay-{node.ident}." in key]

    def _node(self, key: str, body: bytes) -> Node:
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        ident = hashlib.sha256("\0".join((BUCKET, key, etag)).encode()).hexdigest()[:20]
        return Node(
            key,
            body,
            self._json(f"{layout.manifests_folder(TABLE)}{key}.{ident}.json"),
            self._json(f"{layout.claims_folder(TABLE)}{key}.{ident}.json"),
            ident,
        )

    def _json(self, key: str) -> dict[str, Any] | None:
        stored = self.s3.objects.get(key)
        return json.loads(stored.body) if stored else None

    def _find(self, promise: str, text: str) -> None:
        self.findings.append(f"{promise}: {text}")


@lru_cache(maxsize=4096)
def _rows(body: bytes) -> list[bytes]:
    return gzip.decompress(body).splitlines(keepends=True)
