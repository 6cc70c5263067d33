"""The entry of `handler` in a runtime client with a faster JSON codec; see `marshaller`."""

from ttl_archive.transform.handler import handler
from ttl_archive.transform.marshaller import install

__all__ = ["handler"]

install()
