"""The bucket: that it can be listed, keeps old versions, and that its lifecycle moves objects."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from ttl_archive.infra.costs import LEAST_MOVED_BYTES
from ttl_archive.infra.doctor.finding import Finding, Health
from ttl_archive.replay.aws import error_code
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

_LIFECYCLE = "lifecycle"
_DEPLOY = "Deploy the stack again, or add the rule"
# Of these, every object moves. Source: S3U, lifecycle transitions.
_BY_CLASS = "varies_by_storage_class"


def check_bucket(s3: Any, bucket: str) -> Iterator[Finding]:
    """Check that the bucket keeps old versions, by which `verify` finds overwritten objects."""
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled":
        yield Finding("bucket", Health.OK, f"{bucket} keeps old versions")
    else:
        text = f"{bucket} keeps no old versions, so an overwritten object is lost"
        remedy = (
            f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
        )
        yield Finding("bucket", Health.WARNING, text, remedy)


def check_lifecycle(s3: Any, bucket: str, settings: Settings) -> Iterator[Finding]:
    """Check that a rule moves the table's objects, and that a sample of them is large enough for it."""
    try:
        found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    except ClientError as error:
        if error_code(error) != "NoSuchLifecycleConfiguration":
            raise
        yield Finding(
            _LIFECYCLE, Health.PROBLEM, f"{bucket} has no rule, so nothing moves to GLACIER", _DEPLOY
        )
        return
    folder = layout.archive_folder(settings)
    if not any(_moves(rule, folder) for rule in found["Rules"]):
        text = f"no enabled rule moves objects below {folder}"
        yield Finding(_LIFECYCLE, Health.PROBLEM, text, _DEPLOY)
        return
    sizes = [each["Size"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", [])]
    small = sum(size < LEAST_MOVED_BYTES for size in sizes)
    moves_all = found.get("TransitionDefaultMinimumObjectSize") == _BY_CLASS
    if sizes and small == len(sizes) and not moves_all:
        text = f"the rule moves none of {small:,} sampled objects, because they are under 128 KiB"
        remedy = "Use larger buffers, or leave them: in GLACIER such objects cost more than in STANDARD"
        yield Finding(_LIFECYCLE, Health.WARNING, text, remedy)
    else:
        yield Finding(_LIFECYCLE, Health.OK, f"a rule moves objects below {folder}")


def _moves(rule: Mapping[str, Any], folder: str) -> bool:
    """Whether the rule is on, has a transition, and covers the whole folder."""
    chosen = rule.get("Filter", {})
    prefix = chosen.get("Prefix", chosen.get("And", {}).get("Prefix", rule.get("Prefix", "")))
    has_tag = "Tag" in chosen or chosen.get("And", {}).get("Tags")
    covers = folder.startswith(prefix) and not has_tag
    return bool(rule["Status"] == "Enabled" and rule.get("Transitions") and covers)
