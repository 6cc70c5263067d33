"""Which statements lead from one set of views to another, in their order.

A view may read those before it. So views are created in their order, and dropped in the opposite one, after
every other view has been replaced. Statements can be repeated: a rollback runs them with the views of before.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping

Views = Mapping[str, str]  # the name of each view and its SELECT, in the order of creation


def encode_views(views: Views) -> str:
    """Return the views as a property of a custom resource, compressed.

    The SQL of a hundred columns has 200 KB. CloudFormation sends old and new properties in one event, which
    may have 256 KB in all. Source: LDG, Lambda quotas, asynchronous invocation.
    """
    return b64encode(zlib.compress(json.dumps(dict(views)).encode(), 9)).decode()


def decode_views(text: str) -> dict[str, str]:
    """Return the views that `encode_views` has encoded."""
    views: dict[str, str] = json.loads(zlib.decompress(b64decode(text)))
    return views


def creations(views: Views) -> list[str]:
    """Return the statements that create or replace the views."""
    return [f"CREATE OR REPLACE VIEW {name} AS\n{sql}" for name, sql in views.items()]


def removals(views: Iterable[str], kept: Iterable[str] = ()) -> list[str]:
    """Return the statements that drop the views that are not kept."""
    kept = set(kept)
    return [f"DROP VIEW IF EXISTS {name}" for name in reversed(list(views)) if name not in kept]
