"""The tables of the README: what each road, and each alternative, costs for three sizes of table."""

from decimal import Decimal

from ttl_archive.infra.advise.advice import advise_on
from ttl_archive.infra.advise.alternatives import BACKUPS, EXPORTS, OBJECT_PER_ITEM, alternative_costs
from ttl_archive.infra.advise.storage_choices import CLASSES, kept_cost
from ttl_archive.infra.advise.table_rates import TableRates
from ttl_archive.infra.advise.unverified import marked
from ttl_archive.infra.prices import prices
from ttl_archive.infra.road_costs import ON_DEMAND, PROVISIONED, STREAMS

ITEM_BYTES = 1000
# Changes in a month; one in twenty is an expiry.
SIZES = {"1 M": 1_000_000, "100 M": 100_000_000, "10 G": 10_000_000_000}
_EXPIRY_SHARE = 20
_SEVEN_YEARS = 7
TableLines = list[tuple[str, ...]]


def size_tables() -> tuple[TableLines, TableLines]:
    """Return two tables, each with its header: a month of the roads, and seven years of rows by class."""
    rates = [TableRates(changes, changes // _EXPIRY_SHARE, ITEM_BYTES) for changes in SIZES.values()]
    found, price = [advise_on(each) for each in rates], prices()
    header = tuple(f"{size} changes" for size in SIZES)
    roads: TableLines = [("a month costs, with", *header)]
    for road in (STREAMS, PROVISIONED, ON_DEMAND):
        roads.append((marked(road), *(usd(advice.roads[road].total) for advice in found)))
    others = [alternative_costs(price, each) for each in rates]
    for name in (OBJECT_PER_ITEM, BACKUPS, EXPORTS):
        roads.append((marked(name), *(usd(each[name]) for each in others)))
    kept: TableLines = [("seven years of rows, a month", *header)]
    for storage in CLASSES:
        amounts = (kept_cost(price, each.objects, storage, _SEVEN_YEARS) for each in found)
        kept.append((storage, *map(usd, amounts)))
    return roads, kept


def usd(amount: Decimal) -> str:
    """Return an amount as the tables have it: whole dollars from $100 on, else with cents."""
    return f"${amount:,.0f}" if amount >= 100 else f"${amount:,.2f}"
