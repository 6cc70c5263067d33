"""Reads the bucket and the stream after a history, and says what is not as it was promised.

It uses nothing of replay: names in the bucket are the contract, and rows are those of the transform itself.
Each finding begins with the name of the promise that is broken:

kept         an error object is there with its bytes, or it was retired after it was done
manifest     what a manifest says of the object, of its outputs and of its counts is true
delivered    each record of a done object is a row of the right transform, or was sent into the stream
noted        a row in the archive belongs to a done object, or to an open one whose claim names the file
duplicates   no record is in the archive or in the stream more often than was reported
quarantine   a refused record is a line of a quarantine object
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
from tests.simulation.samples import BY_DATA, BY_RAW, VERSIONS, Source, expected, row_marks
from ttl_archive.transform import layout

_BY_FINGERPRINT = {version.fingerprint: version for version in VERSIONS}


@dataclass(frozen=True)
class Node:
    """An error object or a quarantine object, with what is recorded of it."""

    key: str
    body: bytes
    manifest: dict[str, Any] | None
    claim: dict[str, Any] | None
    ident: str

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
        for key in s3.keys(layout.QUARANTINE):
            self.nodes.append(self._node(key, s3.objects[key].body))
        for key in s3.keys(layout.RETIRED + layout.QUARANTINE):
            if key.removeprefix(layout.RETIRED) not in s3.objects:
                self.nodes.append(self._node(key.removeprefix(layout.RETIRED), s3.objects[key].body))
        self.sent = Counter(BY_DATA[data].mark for data in taken)
        self.rows = {key: _rows(s3.objects[key].body) for key in s3.keys(layout.ARCHIVE)}

    def check(self, answers: list[Answer]) -> list[str]:
        """Return every broken promise."""
        for node in self.nodes:
            self._check_kept(node)
            if node.manifest:
                self._check_manifest(node, node.manifest)
                self._check_delivered(node, node.manifest)
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
            if node.manifest is None and not node.key.startswith(layout.QUARANTINE):
                self._find("settled", f"{node.key} is still open")
        return self.findings

    def _check_kept(self, node: Node) -> None:
        if node.key not in self.originals:
            return
        stored = self.s3.objects.get(node.key)
        retired = self.s3.objects.get(layout.RETIRED + node.key)
        if stored and stored.body == node.body:
            return
        if not (retired and retired.body == node.body):
            self._find("kept", f"{node.key} is gone")
        elif node.manifest is None:
            self._find("kept", f"{node.key} was retired before it was done")

    def _check_manifest(self, node: Node, manifest: dict[str, Any]) -> None:
        verdicts = [expected(_BY_FINGERPRINT[manifest["transform"]], source) for source in node.sources]
        truth = {
            "object": node.key,
            "bytes": len(node.body),
            "sha256": hashlib.sha256(node.body).hexdigest(),
            "lines": len(verdicts),
            "rows": sum(1 for each in verdicts if each.row),
            "dropped": dict(Counter(each.rule for each in verdicts if each.rule)),
            "refused": dict(Counter(each.code for each in verdicts if each.code)),
        }
        for name, value in truth.items():
            if manifest[name] != value:
                self._find("manifest", f"{node.key}: {name} is {manifest[name]}, and in truth {value}")
        outputs = [output for output in (*manifest["outputs"], manifest["quarantine"]) if output]
        for output in outputs:
            if "key" in output:
                stored = self.s3.objects.get(output["key"]) or self.s3.objects.get(
                    layout.RETIRED + output["key"]
                )
                if stored is None or hashlib.sha256(stored.body).hexdigest() != output["sha256"]:
                    self._find("manifest", f"{node.key}: {output['key']} is not there as the manifest has it")
        if truth["refused"] and not manifest["quarantine"]:
            self._find("quarantine", f"{node.key}: refused records are in no quarantine object")
        elif truth["refused"]:
            self._check_quarantine(node, manifest["quarantine"]["key"], manifest["transform"])

    def _check_quarantine(self, node: Node, key: str, transform: str) -> None:
        version = _BY_FINGERPRINT[transform]
        refused = Counter(each.mark for each in node.sources if expected(version, each).code)
        found = next((each for each in self.nodes if each.key == key), None)
        if found is None or Counter(each.mark for each in found.sources) != refused:
            self._find("quarantine", f"{node.key}: {key} does not hold what {transform} refused")

    def _check_delivered(self, node: Node, manifest: dict[str, Any]) -> None:
        """Every deliverable record is a row under the object's own name, or in the stream."""
        version = _BY_FINGERPRINT[manifest["transform"]]
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
            group = [node for node in self.nodes if _origin(node.key) == root]
            if all(node.manifest for node in group if _deliverable(node)):
                marks = {source.mark for node in group for source in node.sources}
                surplus[root] = sum(copies[mark] - 1 for mark in marks if copies[mark] > 1)
                reported[root] = sum(node.manifest["possible_duplicates"] for node in group if node.manifest)
            if surplus[root] > reported[root]:
                self._find("duplicates", f"{root}: {surplus[root]}, and {reported[root]} were reported")

    def _check_answer(self, answer: Answer) -> None:
        summary = answer.summary
        if summary is None:
            return
        nodes = {node.key: node for node in self.nodes}
        for outcome in answer.outcomes:
            node = nodes.get(outcome.key)
            if outcome.status not in ("done", "already") or node is None:
                continue
            manifest = node.manifest
            if manifest is None:
                self._find(
                    "answer", f"{answer.owner}: {outcome.key} is said to be {outcome.status}, and is open"
                )
            elif outcome.status == "done":
                tally = outcome.tally
                said = (tally.lines, tally.rows, dict(tally.dropped), dict(tally.refused))
                truth = tuple(manifest[name] for name in ("lines", "rows", "dropped", "refused"))
                if said != truth or outcome.possible_duplicates != manifest["possible_duplicates"]:
                    self._find("answer", f"{answer.owner}: {outcome.key}: said {said}, and in truth {truth}")
        if summary.exit_code == 0 and not answer.command.held:
            for each in answer.planned:
                node = nodes.get(each.key)
                if node and (node.manifest is None or node.manifest["refused"]):
                    self._find("answer", f"{answer.owner}: exit code 0, and {each.key} is not delivered")

    def _files(self, node: Node) -> list[tuple[str, list[bytes]]]:
        return [(key, lines) for key, lines in self.rows.items() if f"/replay-{node.ident}." in key]

    def _node(self, key: str, body: bytes) -> Node:
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        ident = hashlib.sha256("\0".join((BUCKET, key, etag)).encode()).hexdigest()[:20]
        return Node(
            key,
            body,
            self._json(f"{layout.MANIFESTS}{key}.{ident}.json"),
            self._json(f"{layout.CLAIMS}{key}.{ident}.json"),
            ident,
        )

    def _json(self, key: str) -> dict[str, Any] | None:
        stored = self.s3.objects.get(key)
        return json.loads(stored.body) if stored else None

    def _find(self, promise: str, text: str) -> None:
        self.findings.append(f"{promise}: {text}")


def _origin(key: str) -> str:
    """The error object that a quarantine object came from."""
    return key.removeprefix(layout.QUARANTINE).split(".")[0] if key.startswith(layout.QUARANTINE) else key


def _deliverable(node: Node) -> bool:
    return bool(node.sources)


@lru_cache(maxsize=4096)
def _rows(body: bytes) -> list[bytes]:
    return gzip.decompress(body).splitlines(keepends=True)
