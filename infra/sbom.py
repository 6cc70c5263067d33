"""The software bill of materials of a function's zip: a CycloneDX document with the same bytes every time.

It names the zip with its hash, and each wheel in it with version, hash and licence. Written without a library
because it is one small JSON object, and because a library adds a time and a random serial number.
Source: https://cyclonedx.org/docs/1.6/json/.
"""

import json
import uuid
import zipfile
from collections.abc import Sequence
from email.parser import BytesParser
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ttl_archive.infra.lambda_wheels import sha256

_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"


def write_sbom(zip_file: Path, wheels: Sequence[Path]) -> Path:
    """Write the bill of materials beside the zip, as NAME.cdx.json, and return its path."""
    file = zip_file.with_suffix(".cdx.json")
    file.write_text(json.dumps(bill_of_materials(zip_file, wheels), indent=1) + "\n", encoding="utf-8")
    return file


def bill_of_materials(zip_file: Path, wheels: Sequence[Path]) -> dict[str, Any]:
    """Return the document for a zip that has these wheels unpacked in it."""
    function = {"type": "application", "bom-ref": zip_file.name, "name": zip_file.name}
    function |= {"version": version("ttl-archive"), **_hash_and_licence(zip_file, "Apache-2.0")}
    libraries = [_library(wheel) for wheel in wheels]
    references = [library["bom-ref"] for library in libraries]
    return {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, sha256(zip_file))}",
        "version": 1,
        "metadata": {"component": function},
        "components": libraries,
        "dependencies": [
            {"ref": zip_file.name, "dependsOn": references},
            *({"ref": reference} for reference in references),
        ],
    }


def _library(wheel: Path) -> dict[str, Any]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = BytesParser().parsebytes(archive.read(name))
    reference = f"pkg:pypi/{metadata['Name']}@{metadata['Version']}"
    return {
        "type": "library",
        "bom-ref": reference,
        "name": metadata["Name"],
        "version": metadata["Version"],
        "purl": reference,
        **_hash_and_licence(wheel, metadata["License-Expression"]),
    }


def _hash_and_licence(file: Path, licence: str) -> dict[str, Any]:
    return {
        "hashes": [{"alg": "SHA-256", "content": sha256(file)}],
        "licenses": [{"expression": licence}],
    }
