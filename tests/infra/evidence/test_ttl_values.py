"""The kinds of TTL values, and that they agree with the local TTL process, which is written apart."""

import pytest

from ttl_archive.infra.evidence.ttl_values import TtlEvidence, TtlKind, ttl_kind, ttl_sentences
from ttl_archive.infra.local.dynamodb.ttl import has_expired

NOW_S = 1_790_000_000
FIVE_YEARS_S = 157_680_000  # DDB: five years of 365 days


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, TtlKind.MISSING),
        ({"N": str(NOW_S + 10)}, TtlKind.EPOCH_SECONDS),
        ({"N": str(NOW_S - FIVE_YEARS_S)}, TtlKind.EPOCH_SECONDS),
        ({"N": str(NOW_S - FIVE_YEARS_S - 1)}, TtlKind.LONG_PAST),
        ({"N": "0"}, TtlKind.LONG_PAST),
        ({"N": "-5"}, TtlKind.LONG_PAST),
        ({"N": "99999999999"}, TtlKind.EPOCH_SECONDS),
        ({"N": "100000000000"}, TtlKind.MILLISECONDS),
        ({"N": "1793883200000"}, TtlKind.MILLISECONDS),
        ({"N": "1793883200000000"}, TtlKind.FINER),
        ({"N": "1.793883200E+18"}, TtlKind.FINER),
        ({"S": "1793883200"}, TtlKind.NUMBER_IN_TEXT),
        ({"S": "2026-01-01"}, TtlKind.DATE_IN_TEXT),
        ({"S": "2026-01-01T00:00:00+02:00"}, TtlKind.DATE_IN_TEXT),
        ({"S": "never"}, TtlKind.OTHER_TYPE),
        ({"NULL": True}, TtlKind.OTHER_TYPE),
        ({"B": "AA=="}, TtlKind.OTHER_TYPE),
    ],
)
def test_a_value_has_a_kind_and_only_epoch_seconds_ever_expire(value, kind):
    item = {} if value is None else {"ttl": value}
    centuries_us = 5_000 * 365 * 86_400 * 1_000_000
    end_us = NOW_S * 1_000_000 + centuries_us if kind is not TtlKind.EPOCH_SECONDS else None

    assert ttl_kind(value, NOW_S) is kind
    if kind is TtlKind.EPOCH_SECONDS:
        assert has_expired(item, "ttl", max(NOW_S, int(value["N"])) * 1_000_000)
    elif kind not in (TtlKind.MILLISECONDS, TtlKind.FINER):
        assert not has_expired(item, "ttl", NOW_S * 1_000_000)
        assert not has_expired(item, "ttl", end_us)


def test_sentences_say_which_items_never_expire_and_what_to_do():
    ttl = TtlEvidence("expires", NOW_S)
    for value in [{"N": str(NOW_S)}, {"N": str(NOW_S * 1000)}, {"S": "2026-01-01"}, None]:
        ttl.add({"expires": value} if value else {})

    first, *others = ttl_sentences(ttl)

    assert first.startswith("Values of expires: epoch seconds in 25 %, milliseconds in 25 %")
    assert [text.partition(",")[0] for text in others] == ["25 % of the items never expire"] * 2
    assert "divide by 1,000" in others[0]
