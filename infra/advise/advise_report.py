"""What `ttl-archive advise` prints."""

from typing import Any

import click

from ttl_archive.infra import costs
from ttl_archive.infra.advise.advice import Advice
from ttl_archive.infra.advise.alternatives import alternative_costs
from ttl_archive.infra.advise.size_tables import TableLines, usd
from ttl_archive.infra.advise.storage_choices import CLASSES, RETENTION_YEARS, kept_cost
from ttl_archive.infra.advise.unverified import marked
from ttl_archive.infra.function_cost import function_assumption
from ttl_archive.infra.prices import prices, unverified_prices
from ttl_archive.infra.road_costs import STREAMS
from ttl_archive.replay.commands import show

_WIDTH = 12


def print_advice(found: Advice) -> None:
    """Print the volumes, the objects, the cost of each road, and the alternatives."""
    rates, volume, days = found.rates, found.rates.volume(), costs.DAYS
    show.field("changes", f"{rates.changes:,} a month, {rates.expiries:,} of them expiries", _WIDTH)
    record_bytes, row_bytes = volume.changes * volume.record_bytes, rates.expiries * rates.row_bytes
    text = f"{int(rates.changes / days):,}, {show.size(int(record_bytes / days))} of change records"
    show.field("a day", text, _WIDTH)
    text = f"{int(rates.expiries / days):,} rows, {show.size(int(row_bytes / days))} before compression"
    show.field("", text, _WIDTH)
    objects = f"{int(found.objects.count / days):,} a day, {show.size(found.objects.size_bytes)} each"
    show.field("objects", objects, _WIDTH)
    show.field("buffers", f"buffer_mb = {found.buffer_mb}, buffer_s = {found.buffer_s}", _WIDTH)
    show.field("lifecycle", _lifecycle(found), _WIDTH)
    click.echo()
    print_lines(_road_lines(found))
    click.echo()
    print_lines(_storage_lines(found))
    click.echo()
    print_lines(_alternative_lines(found))
    click.echo()
    show.field("cheapest", _choice(found), _WIDTH)
    print_sources()


def print_lines(lines: TableLines) -> None:
    """Print a table whose first column is text and whose others are amounts, to the right."""
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    for first, *amounts in lines:
        cells = [first.ljust(widths[0]), *(a.rjust(w) for a, w in zip(amounts, widths[1:], strict=True))]
        click.echo("  ".join(cells))


def print_sources() -> None:
    """Print what the prices are, and what is not in the costs."""
    show.paragraph(
        "List prices of us-east-1 without free tiers, in US dollars: infra/prices.toml has the source and "
        "the date of each."
    )
    show.paragraph(function_assumption())
    show.paragraph(f"* with a price that is UNVERIFIED. All of these: {', '.join(unverified_prices())}.")


def advice_document(found: Advice) -> dict[str, Any]:
    """Return the advice as JSON has it; amounts are texts in US dollars, with all their digits."""
    rates = found.rates
    kept = {
        storage: {
            str(years): str(kept_cost(prices(), found.objects, storage, years)) for years in RETENTION_YEARS
        }
        for storage in CLASSES
    }
    return {
        "changes": rates.changes,
        "expiries": rates.expiries,
        "item_bytes": rates.item_bytes,
        "objects": found.objects.count,
        "object_bytes": found.objects.size_bytes,
        "is_moved": found.objects.are_moved,
        "shards": found.shards,
        "deploy": {"buffer_mb": found.buffer_mb, "buffer_s": found.buffer_s},
        "roads": {
            road: {"total": str(cost.total), "stored": str(cost.stored)}
            | {"parts": {name: str(amount) for name, amount in cost.parts.items()}}
            for road, cost in found.roads.items()
        },
        "storage_by_years": kept,
        "alternatives": {n: str(a) for n, a in alternative_costs(prices(), rates).items()},
        "cheapest": found.cheapest,
        "unverified_prices": unverified_prices(),
    }


def _lifecycle(found: Advice) -> str:
    if not found.objects.count:
        return "nothing expires, so there is nothing to move."
    if found.objects.are_moved:
        return "moves these objects: they are larger than 128 KiB."
    return (
        "moves none of these objects, because they are smaller than 128 KiB: they stay in STANDARD. There "
        "they cost less than in GLACIER, with its 40 KB for each object."
    )


def _road_lines(found: Advice) -> TableLines:
    names = list(dict.fromkeys(name for cost in found.roads.values() for name in cost.parts))
    roads = (road.removeprefix("kinesis, ") for road in found.roads)
    lines: TableLines = [("a month, by Kinesis or Streams", *roads)]
    for name in names:
        amounts = (cost.parts.get(name) for cost in found.roads.values())
        lines.append((marked(name), *("-" if amount is None else usd(amount) for amount in amounts)))
    lines.append(("rows of a year, stored", *(usd(cost.stored) for cost in found.roads.values())))
    lines.append((marked("total"), *(usd(cost.total) for cost in found.roads.values())))
    return lines


def _storage_lines(found: Advice) -> TableLines:
    years = [f"{n} year" + ("s" if n > 1 else "") for n in RETENTION_YEARS]
    lines: TableLines = [("rows kept for", *years)]
    for storage in CLASSES:
        amounts = (kept_cost(prices(), found.objects, storage, n) for n in RETENTION_YEARS)
        lines.append((storage, *map(usd, amounts)))
    return lines


def _alternative_lines(found: Advice) -> TableLines:
    amounts = alternative_costs(prices(), found.rates)
    return [
        ("instead of an archive", "a month"),
        *((marked(name), usd(amount)) for name, amount in amounts.items()),
    ]


def _choice(found: Advice) -> str:
    total = usd(found.roads[found.cheapest].total)
    if found.cheapest == STREAMS:
        return (
            f'{total} a month, with [deploy] source = "streams". A Kinesis data stream keeps changes for '
            "days instead of 24 hours."
        )
    return f"{found.cheapest}, {total} a month."
