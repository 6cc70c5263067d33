"""The bucket in the template."""

from typing import Any

import pytest

from tests.infra.stacks import CASES, KEY_ARN, REPLICA_KEY_ARN, deploy_of
from tests.infra.templates import Template

OWN = [case for case in CASES if not deploy_of(case).bucket]
BUCKET = "StorageBucket"


def bucket(templates: dict[str, Template], case: str) -> dict[str, Any]:
    return templates[case].one("AWS::S3::Bucket", BUCKET)


def rules(templates: dict[str, Template], case: str) -> dict[str, dict[str, Any]]:
    found = bucket(templates, case)["LifecycleConfiguration"]["Rules"]
    return {rule["Id"]: rule for rule in found}


def test_every_bucket_is_retained(template: Template) -> None:
    for name in template.ids("AWS::S3::Bucket"):
        resource = template.resources[name]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_every_bucket_is_encrypted_and_not_public_and_has_one_owner(template: Template) -> None:
    for properties in template.every("AWS::S3::Bucket").values():
        assert all(properties["PublicAccessBlockConfiguration"].values())
        assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_every_bucket_denies_requests_without_tls(template: Template) -> None:
    policies = template.every("AWS::S3::BucketPolicy").values()
    denied = {
        policy["Bucket"]
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Action"] == "s3:*"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }

    assert denied == {name.lower()[:60] for name in template.ids("AWS::S3::Bucket")}


def test_the_policy_of_a_retained_bucket_is_retained_with_it(template: Template) -> None:
    for name in template.ids("AWS::S3::BucketPolicy"):
        resource = template.resources[name]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_other_accounts_may_read_rows_and_nothing_else(templates: dict[str, Template]) -> None:
    policy = templates["every-option"].one("AWS::S3::BucketPolicy", BUCKET)["PolicyDocument"]
    name = templates["every-option"].ids("AWS::S3::Bucket", BUCKET)[0].lower()[:60]
    given = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]

    assert {statement["Principal"]["AWS"] for statement in given} == {"arn:aws:iam::210987654321:root"}
    assert {statement["Action"]: statement["Resource"] for statement in given} == {
        "s3:GetObject": f"arn:aws:s3:::{name}/archive/*",
        "s3:ListBucket": f"arn:aws:s3:::{name}",
    }
    (listing,) = [statement for statement in given if statement["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "archive/*"}}


def test_the_replica_gets_every_new_object_and_no_deletion(templates: dict[str, Template]) -> None:
    template = templates["every-option"]
    replication = template.one("AWS::S3::Bucket", BUCKET)["ReplicationConfiguration"]
    (rule,) = replication["Rules"]

    assert rule["Filter"] == {"Prefix": ""}
    assert rule["DeleteMarkerReplication"] == {"Status": "Disabled"}
    assert rule["Destination"]["Bucket"] == "arn:aws:s3:::the-replica"
    assert rule["Destination"]["EncryptionConfiguration"] == {"ReplicaKmsKeyID": REPLICA_KEY_ARN}
    assert rule["SourceSelectionCriteria"] == {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    allowed = template.actions("ReplicationRole")
    assert {"s3:ReplicateObject", "s3:GetObjectVersionForReplication", "kms:Encrypt"} <= allowed
    assert not [action for action in allowed if "Delete" in action]


@pytest.mark.parametrize("case", OWN)
def test_the_archive_has_versions(templates: dict[str, Template], case: str) -> None:
    assert bucket(templates, case)["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize("case", OWN)
def test_new_objects_are_announced_to_eventbridge(templates: dict[str, Template], case: str) -> None:
    enabled = bucket(templates, case)["NotificationConfiguration"]["EventBridgeConfiguration"]

    assert enabled == {"EventBridgeEnabled": True}


@pytest.mark.parametrize(
    ("case", "storage_class"),
    [("defaults", "GLACIER"), ("parquet-with-backup", "DEEP_ARCHIVE"), ("created-by-event", "GLACIER_IR")],
)
def test_the_archive_moves_to_the_storage_class(
    templates: dict[str, Template], case: str, storage_class: str
) -> None:
    rule = rules(templates, case)["archive"]

    assert rule["Transitions"] == [{"StorageClass": storage_class, "TransitionInDays": 30}]
    assert rule["Prefix"] == "archive/"
    assert rule["Status"] == "Enabled"


@pytest.mark.parametrize("case", OWN)
def test_only_the_archive_moves_to_a_colder_class(templates: dict[str, Template], case: str) -> None:
    moving = [name for name, rule in rules(templates, case).items() if "Transitions" in rule]

    assert moving == ["archive"]


def test_by_default_only_backups_and_old_versions_expire(templates: dict[str, Template]) -> None:
    expiring = {name: rule.get("ExpirationInDays") for name, rule in rules(templates, "defaults").items()}

    assert {name: days for name, days in expiring.items() if days} == {"source": 365}


def test_archive_and_errors_expire_after_their_own_times(templates: dict[str, Template]) -> None:
    found = rules(templates, "csv-by-event")

    assert (found["archive"]["ExpirationInDays"], found["errors"]["ExpirationInDays"]) == (7 * 365, 400)


@pytest.mark.parametrize("case", OWN)
def test_old_versions_and_incomplete_uploads_expire(templates: dict[str, Template], case: str) -> None:
    found = rules(templates, case)
    whole = found.pop("uploads-and-markers")

    assert all(rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30} for rule in found.values())
    assert whole["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert whole["ExpiredObjectDeleteMarker"] is True


def test_the_minimum_size_for_transitions_is_always_stated(templates: dict[str, Template]) -> None:
    said = {
        case: bucket(templates, case)["LifecycleConfiguration"]["TransitionDefaultMinimumObjectSize"]
        for case in ("defaults", "csv-by-event")
    }

    assert said == {"defaults": "all_storage_classes_128K", "csv-by-event": "varies_by_storage_class"}


@pytest.mark.parametrize(
    ("case", "mode", "days"), [("csv-by-event", "GOVERNANCE", 400), ("created-by-event", "COMPLIANCE", 365)]
)
def test_object_lock_by_choice(templates: dict[str, Template], case: str, mode: str, days: int) -> None:
    found = bucket(templates, case)

    assert found["ObjectLockEnabled"] is True
    assert found["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {"Mode": mode, "Days": days}


def test_no_object_lock_by_default(templates: dict[str, Template]) -> None:
    assert "ObjectLockEnabled" not in bucket(templates, "defaults")


def test_access_logs_by_choice(templates: dict[str, Template]) -> None:
    assert "LoggingConfiguration" not in bucket(templates, "defaults")
    assert bucket(templates, "csv-by-event")["LoggingConfiguration"]["DestinationBucketName"]


def test_the_customer_key_encrypts_the_archive(templates: dict[str, Template]) -> None:
    (rule,) = bucket(templates, "parquet-with-backup")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]

    assert rule["ServerSideEncryptionByDefault"] == {"KMSMasterKeyID": KEY_ARN, "SSEAlgorithm": "aws:kms"}
    assert rule["BucketKeyEnabled"] is True


def test_a_shared_bucket_is_not_created(templates: dict[str, Template]) -> None:
    template = templates["envelope-in-shared-bucket"]
    delivery = template.one("AWS::KinesisFirehose::DeliveryStream")["ExtendedS3DestinationConfiguration"]

    assert template.ids("AWS::S3::Bucket", BUCKET) == []
    assert delivery["BucketARN"] == "arn:aws:s3:::the-shared-bucket"


@pytest.mark.parametrize("case", OWN)
def test_no_rule_expires_a_seal_or_an_old_version_of_one(templates: dict[str, Template], case: str) -> None:
    covering = [
        rule for rule in rules(templates, case).values() if "audit/".startswith(rule.get("Prefix", ""))
    ]

    assert covering
    assert {name for rule in covering for name in rule} <= {
        "AbortIncompleteMultipartUpload",
        "ExpiredObjectDeleteMarker",
        "Id",
        "Status",
    }
