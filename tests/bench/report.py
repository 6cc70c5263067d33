"""The measured figures as tables, for the terminal and the README alike: Markdown."""

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

from formats import NAMES
from markdown import replaced, table
from table_counts import ratios_table

Results = dict[str, Any]

_METHOD = """\
Every figure is CPU time (`process_time`), or a ratio of two. Floor: what the Lambda runtime does around any
handler, simplejson both ways, and one base64 round trip by the fastest codec. Baseline: Powertools' Firehose
data classes, boto3's TypeDeserializer and json or csv; its rows lose digits. Each candidate runs in its own
process, in turn, {rounds} rounds; the floor runs right before every sample; ratios are medians of such pairs.
An event holds {raw_mb:.2f} MB of source data from a Kinesis stream, whose feed encodes binary twice (iot10k,
nested). The format jsonl+image is the default. Every row is compared, value for value, with an independent
flattening before anything is measured.

{machine}; Python {python}; {versions}. Measured on {date}."""


def tables(results: Results) -> str:
    """Everything: method, summary, the workloads of each format, and what else the function costs."""
    parts = [method(results), summary(results)]
    for name in _formats(results):
        parts += [f"**{name}**", _workloads([case for case in results["cases"] if case["format"] == name])]
    parts += [overflow(results), learned(results), costs(results), _prices(results)]
    return "\n\n".join(parts)


def in_document(document: str, results: Results) -> str:
    """Return a document in which the summary and the table of learned shapes are those of the results."""
    for made in (summary(results), ratios_table(results["tables"])):
        document = replaced(document, made)
    return document


def method(results: Results) -> str:
    """How it was measured, on what, and when."""
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return _METHOD.format(**results | {"versions": versions, "raw_mb": results["raw_bytes"] / 1e6})


def summary(results: Results) -> str:
    """Geometric means, and the worst workload in brackets: a line for each format."""
    rows = []
    for name in _formats(results):
        cases = [case for case in results["cases"] if case["format"] == name]
        rows += [[name + words, *_means(cases, key)] for key, words in _WITH.items() if key in cases[0]]
    rows.append([f"{NAMES[0]}, overflow", *_means(results["overflow"], "handler")])
    whole_base = _mean_and_worst((case["baseline"]["whole_x_floor"] for case in results["cases"]), max)
    rows.append(["baseline, all formats", whole_base, "1", "1"])
    return table(["geometric mean (worst)", *_RATIOS.values()], rows)


def overflow(results: Results) -> str:
    """Return the events whose rows do not all fit into the response, as a table."""
    head = [f"{NAMES[0]}, overflow", "records", "put back", *_RATIOS.values(), "rows"]
    rows = []
    for case in results["overflow"]:
        figures = [f"{case['handler'][key]:.2f}" for key in _RATIOS]
        rows.append([case["workload"], f"{case['records']}", f"{case['put_back']}", *figures, case["rows"]])
    return f"{table(head, rows)}\n\n{_OVERFLOW}"


def learned(results: Results) -> str:
    """Return what learned shapes cost and save on ordinary tables, as a table."""
    if not results["tables"]:
        return "Learned shapes: not counted. A whole run counts them where valgrind is installed."
    return f"{ratios_table(results['tables'])}\n\n{_LEARNED}"


def costs(results: Results) -> str:
    """Throughput of what is dropped, memory, cold start, package."""
    dropping = [case for case in results["cases"] if case["workload"].endswith(":0.05")]
    slowest = min((case["handler"]["mb_s"] for case in dropping if case["format"] == "jsonl"), default=0)
    rows = [["source data at 5 % TTL share, slowest kind", f"{slowest:.0f} MB/s"]]
    rows += [[f"peak memory, {way}", f"{mb:.0f} MB"] for way, mb in results["peak_memory_mb"].items()]
    rows += [[f"import of {name}", f"{ms:.0f} ms"] for name, ms in results["import_ms"].items()]
    rows += [[f"package {name}", f"{size / 1e6:.2f} MB"] for name, size in results["package_bytes"].items()]
    return table(["what", "cost"], rows)


def _workloads(cases: Sequence[dict[str, Any]]) -> str:
    has_hook = "marshaller" in cases[0]
    head = ["workload", "records", "floor ms", "whole × floor", *(["with hook"] if has_hook else [])]
    head += ["baseline × floor", "handler × faster", "records/s", "MB/s", "rows"]
    rows = []
    for case in cases:
        ours, base = case["handler"], case["baseline"]
        hook = [f"{case['marshaller']['whole_x_floor']:.2f}"] if has_hook else []
        rows.append(
            [
                case["workload"],
                f"{case['records']}",
                f"{ours['floor_ms']:.1f}",
                f"{ours['whole_x_floor']:.2f}",
                *hook,
                f"{base['whole_x_floor']:.2f}",
                f"{ours['handler_x_faster']:.2f}",
                f"{case['records'] / ours['handler_ms'] * 1000:,.0f}",
                f"{ours['mb_s']:.0f}",
                case["rows"],
            ]
        )
    return table(head, rows)


def _prices(results: Results) -> str:
    head = ["memory", "one event takes", "USD per million records"]
    rows = [
        [f"{row['memory_mb']} MB", f"{row['event_s']:.3f} s", f"{row['usd_per_million']:.5f}"]
        for row in results["prices"]
    ]
    return f"{table(head, rows)}\n\n{_WHY_EQUAL}"


_WHY_EQUAL = """\
Time of `iot1k:0.5` on this machine's CPU, whole invocation; list prices of us-east-1 for arm64 (infracost,
2024-07-01); CPU in proportion to memory, one vCPU at 1,769 MB (Lambda Developer Guide). That an arm64 vCPU is
as fast as this machine's is UNVERIFIED. Up to 1,769 MB every size costs the same, because what is billed is
CPU time times a constant; above it, one thread cannot use what is paid for. Time spent waiting is billed by
size too: so 128 MB is the cheapest, by little, and 256 MB computes at the same price in half the time."""
_OVERFLOW = """\
The rows of these events exceed the limit of the response. The records whose rows do not fit are put back into
a data stream, a live endpoint over HTTP in another process; the baseline does it as AWS's blueprint does."""
_LEARNED = """\
Instructions counted by valgrind: for one record on the general path with the image on, and then, with
learned shapes, as multiples of the general path's. Cold: the first 1,000 records of a table. Warm: 500 after
2,000, and after 12,000 for types-20."""
_RATIOS = {
    "whole_x_floor": "whole × floor",
    "handler_x_faster": "handler × faster",
    "whole_x_faster": "whole × faster",
}
_WITH = {"handler": "", "marshaller": ", marshaller hook"}


def _formats(results: Results) -> list[str]:
    return list(dict.fromkeys(case["format"] for case in results["cases"]))


def _means(cases: Sequence[dict[str, Any]], candidate: str) -> list[str]:
    def of(key: str, worst: Callable[[Iterable[float]], float]) -> str:
        return _mean_and_worst((case[candidate][key] for case in cases), worst)

    return [of("whole_x_floor", max), of("handler_x_faster", min), of("whole_x_faster", min)]


def _mean_and_worst(values: Iterable[float], worst: Callable[[Iterable[float]], float]) -> str:
    found = list(values)
    return f"{prod(found) ** (1 / len(found)):.2f} ({worst(found):.2f})"
