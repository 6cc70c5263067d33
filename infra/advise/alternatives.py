"""Other ways to keep expired items, and what a month costs after a year of them.

alternative                  what it is here
one GLACIER object an item   a function puts each expired item into GLACIER: a request and 40 KB for each
monthly backups              twelve on-demand backups of the table in warm storage, as AWS Backup keeps them
monthly exports              point-in-time recovery, one full export a month, and a year of them in GLACIER

Backups and exports hold what is in the table at that moment: an item that is written and expires between two
of them is in none. Both are computed for a table that holds one month of items.
"""

from collections.abc import Mapping
from decimal import Decimal

from ttl_archive.infra import costs
from ttl_archive.infra.advise.table_rates import TableRates

OBJECT_PER_ITEM, BACKUPS, EXPORTS = "one GLACIER object an item", "monthly backups", "monthly exports"
_MONTHS = 12
# An export is gzip, with the item once: as for rows, see table_rates.
_EXPORT_COMPRESSION = 4


def alternative_costs(price: Mapping[str, Decimal], rates: TableRates) -> dict[str, Decimal]:
    """Return the cost of a month of each alternative."""
    table_gb = Decimal(rates.expiries) * rates.item_bytes / costs.GIB
    exports = table_gb * (
        price["dynamodb_pitr_gb_month"]
        + price["dynamodb_export_gb"]
        + _MONTHS * price["glacier_gb_month"] / _EXPORT_COMPRESSION
    )
    return {
        OBJECT_PER_ITEM: _object_per_item(price, rates),
        BACKUPS: _MONTHS * table_gb * price["dynamodb_backup_gb_month"],
        EXPORTS: exports,
    }


def _object_per_item(price: Mapping[str, Decimal], rates: TableRates) -> Decimal:
    puts = Decimal(rates.expiries) / 1000 * price["glacier_put_1000"]
    kept = _MONTHS * rates.expiries
    return puts + costs.glacier_month(price, kept, kept * rates.item_bytes)
