"""The ledger of the Streams road closes for each seed, whatever fails."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.infra.local.event_source.streams_simulation import Forward, Simulation

FAULTS = {
    "discarded",
    "function killed after the put",
    "function killed before the put",
    "function timed out",
    "mapping killed",
    "no time left",
    "partial refusal",
    "put timed out",
    "refused records",
    "shard end",
    "throttled function",
    "throttled put",
}


def happened(seeds: range) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        simulation = Simulation(seed)
        try:
            simulation.run()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
        found += simulation.happened
    return found


def test_nothing_is_lost_whatever_fails() -> None:
    assert set(happened(range(12))) >= FAULTS


@pytest.mark.slow
def test_nothing_is_lost_in_many_runs() -> None:
    points = {
        f"mapping killed {point}-{what}"
        for point in ("before", "after")
        for what in ("invoke", "destination")
    }

    assert set(happened(range(1_000, 1_300))) >= FAULTS | points


def swallow(forward: Forward) -> Forward:
    """A forwarder that reports no failure."""

    def forget(event: Any, context: Any) -> Any:
        forward(event, context)
        return {"batchItemFailures": []}

    return forget


def report_the_second(forward: Forward) -> Forward:
    """A forwarder that reports the record behind the first that failed."""

    def report(event: Any, context: Any) -> Any:
        answer = forward(event, context)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        late = [numbers[min(numbers.index(each) + 1, len(numbers) - 1)] for each in failed]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in late]}

    return report


@pytest.mark.parametrize("spoil", [swallow, report_the_second])
def test_a_forwarder_that_acknowledges_too_much_is_found(spoil: Any) -> None:
    def is_found(seed: int) -> bool:
        try:
            Simulation(seed, spoil).run()
        except AssertionError:
            return True
        return False

    assert any(map(is_found, range(10)))
