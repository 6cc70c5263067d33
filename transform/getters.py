"""Several attributes or items of an object in one call, always as a tuple."""

from collections.abc import Callable, Sequence
from typing import Any


def tuple_getter(getter: Callable[..., Any], keys: Sequence[Any]) -> Callable[[Any], Sequence[Any]]:
    """Return `getter` for the keys, an `attrgetter` or an `itemgetter`, that returns a tuple.

    Without this, one key makes them return the value itself, and no key is an error.
    """
    if len(keys) > 1:
        return getter(*keys)  # type: ignore[no-any-return]
    if keys:
        get_value = getter(*keys)
        return lambda source: (get_value(source),)
    return lambda _: ()
