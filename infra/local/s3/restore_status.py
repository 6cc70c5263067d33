"""RestoreStatus in the listing of a bucket, which moto leaves out.

Source: S3 API Reference, ListObjectsV2, OptionalObjectAttributes; RestoreStatus.
"""

from collections.abc import Callable
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from ttl_archive.infra.local.s3.retrievals import RestoreStatus

HEADER = "x-amz-optional-object-attributes"
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def add_restore_status(listing: bytes, status_of: Callable[[str], RestoreStatus | None]) -> bytes:
    """Return a listing with the RestoreStatus of every object that has one. `status_of` takes a key.

    As in S3, an object that was never restored has none, nor has one whose copy expired.
    """
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(listing)  # noqa: S314 - the emulator writes it
    is_quoted = root.findtext("{*}EncodingType") == "url"
    for contents in root.findall("{*}Contents"):
        key = contents.findtext("{*}Key") or ""
        if status := status_of(unquote_plus(key) if is_quoted else key):
            contents.append(_element(status))
    result: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return result


def _element(status: RestoreStatus) -> ElementTree.Element:
    element = ElementTree.Element(f"{{{_NAMESPACE}}}RestoreStatus")
    members = {"IsRestoreInProgress": str(status.in_progress).lower()}
    if not status.in_progress:
        members["RestoreExpiryDate"] = status.expires.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    for name, text in members.items():
        ElementTree.SubElement(element, f"{{{_NAMESPACE}}}{name}").text = text
    return element
