"""What a retrieval from GLACIER costs, and how long it takes. An estimate, with prices of us-east-1."""

from collections.abc import Sequence
from dataclasses import dataclass

from ttl_archive.replay.errors import MisuseError
from ttl_archive.replay.restore.archive_listing import ArchivedObject

TIERS = ("Standard", "Bulk", "Expedited")
_GB = 1e9
# A retrieved copy is billed as STANDARD storage, US dollars per GB-month.
# Source: PRICES, s3_bucket_test.
_STANDARD_GB_MONTH = 0.023


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per GB and per 1,000 requests in us-east-1, and how long a retrieval takes."""

    per_gb: float
    per_1000_requests: float
    takes: str


# Prices: infracost's s3_bucket_test golden file, 2024-07-01; Bulk from GLACIER is free: S3 User Guide,
# restoring-objects-retrieval-options. For Standard's requests infracost has 0.03, other references 0.05: the
# higher one, because an estimate must not be too low. Times: S3 User Guide, archive retrieval options.
PRICES: dict[tuple[str, str], Price] = {
    ("GLACIER", "Expedited"): Price(0.03, 10.0, "1 to 5 minutes"),
    ("GLACIER", "Standard"): Price(0.01, 0.05, "3 to 5 hours"),
    ("GLACIER", "Bulk"): Price(0.0, 0.0, "5 to 12 hours"),
    ("DEEP_ARCHIVE", "Standard"): Price(0.02, 0.10, "12 hours"),
    ("DEEP_ARCHIVE", "Bulk"): Price(0.0025, 0.025, "48 hours"),
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a retrieval would cost, about, and how long it would take. `size` is in bytes."""

    objects: int
    size: int
    usd: float
    takes: str


def estimate(objects: Sequence[ArchivedObject], tier: str, days: int) -> Estimate:
    """Return the cost of retrieving objects in GLACIER, with their copies kept for so many days.

    Raises MisuseError when a storage class does not have the tier.
    """
    usd = 0.0
    takes = []
    for storage_class in sorted({each.storage_class for each in objects}):
        price = PRICES.get((storage_class, tier))
        if price is None:
            raise MisuseError(f"--tier {tier} is not offered for {storage_class}. Use Standard or Bulk")
        sizes = [each.size for each in objects if each.storage_class == storage_class]
        usd += sum(sizes) / _GB * price.per_gb + len(sizes) / 1000 * price.per_1000_requests
        usd += sum(sizes) / _GB * _STANDARD_GB_MONTH * days / 30
        takes.append(price.takes)
    return Estimate(len(objects), sum(each.size for each in objects), usd, " and ".join(takes))
