"""Who runs the commands and what they may do; the stack and its drift; quotas near their limits."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ttl_archive.infra.doctor.finding import Finding, Health
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings

NEAR = 0.8  # of a quota
_PERMISSIONS, _STACK, _DRIFT, _QUOTA = "permissions", "stack", "drift", "quota"
_ROLE = re.compile(r"arn:([a-z-]+):sts::(\d+):assumed-role/([^/]+)/")


def check_identity(sts: Any) -> Iterator[Finding]:
    """Say whose credentials are used."""
    yield Finding("identity", Health.OK, sts.get_caller_identity()["Arn"])


def check_permissions(sts: Any, iam: Any, bucket_arn: str, settings: Settings) -> Iterator[Finding]:
    """Simulate what the commands need. Policies of the bucket and of its key are not part of it.

    Source: IAM API Reference, SimulatePrincipalPolicy.
    """
    arn = str(sts.get_caller_identity()["Arn"])
    principal = _principal(iam, arn)
    if principal is None:
        yield Finding(_PERMISSIONS, Health.NOT_CHECKED, f"IAM cannot simulate {arn}")
        return
    denied = []
    for resource, actions in _needed(bucket_arn, settings).items():
        answer = iam.simulate_principal_policy(
            PolicySourceArn=principal, ActionNames=actions, ResourceArns=[resource]
        )
        denied += [
            f"{result['EvalActionName']} on {resource}"
            for result in answer["EvaluationResults"]
            if result["EvalDecision"] != "allowed"
        ]
    if denied:
        remedy = "Attach the managed policies in the outputs of the stack: ReplayPolicy, AuditPolicy"
        yield Finding(_PERMISSIONS, Health.PROBLEM, f"not allowed: {', '.join(denied)}", remedy)
    else:
        yield Finding(_PERMISSIONS, Health.OK, f"{principal} may run replay and verify, as IAM simulates it")


def _principal(iam: Any, arn: str) -> str | None:
    """Return the user, or the role behind a session; None for what cannot be simulated, as root."""
    if found := _ROLE.match(arn):
        return str(iam.get_role(RoleName=found[3])["Role"]["Arn"])  # with its path, which the session lacks
    return arn if ":user/" in arn else None


def _needed(bucket_arn: str, settings: Settings) -> Mapping[str, list[str]]:
    archive, errors = layout.archive_folder(settings), layout.errors_folder(settings)
    return {
        bucket_arn: ["s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketVersions"],
        f"{bucket_arn}/{archive}*": ["s3:GetObject", "s3:PutObject"],
        f"{bucket_arn}/{errors}*": ["s3:GetObject"],
        f"{bucket_arn}/{layout.records_folder(settings.table.name)}*": ["s3:GetObject", "s3:PutObject"],
        f"{bucket_arn}/{layout.seals_folder(settings.table.name)}*": ["s3:GetObject"],
        "*": ["cloudwatch:GetMetricData"],
    }


def check_stack(stack: Mapping[str, Any]) -> Iterator[Finding]:
    """Check the state of the stack, and what CloudFormation's last drift detection found."""
    status = str(stack["StackStatus"])
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"):
        yield Finding(_STACK, Health.OK, f"{stack['StackName']} is {status}")
    else:
        yield Finding(_STACK, Health.PROBLEM, f"{stack['StackName']} is {status}", "See the stack's events")
    drift = stack.get("DriftInformation", {}).get("StackDriftStatus", "NOT_CHECKED")
    detect = f"aws cloudformation detect-stack-drift --stack-name {stack['StackName']}"
    if drift == "IN_SYNC":
        yield Finding(_DRIFT, Health.OK, "the resources were as deployed when CloudFormation looked last")
    elif drift == "DRIFTED":
        remedy = f"aws cloudformation describe-stack-resource-drifts --stack-name {stack['StackName']}"
        yield Finding(_DRIFT, Health.WARNING, "resources were changed by hand since the deployment", remedy)
    else:
        yield Finding(_DRIFT, Health.NOT_CHECKED, "CloudFormation has not looked yet", detect)


def check_quotas(kinesis: Any, lambda_client: Any) -> Iterator[Finding]:
    """Compare shards, streams on demand and concurrent executions with the quotas of the account."""
    limits = kinesis.describe_limits()
    yield _quota("Kinesis shards", limits["OpenShardCount"], limits["ShardLimit"])
    streams, most = limits["OnDemandStreamCount"], limits["OnDemandStreamCountLimit"]
    yield _quota("Kinesis streams on demand", streams, most)
    account = lambda_client.get_account_settings()["AccountLimit"]
    total = account["ConcurrentExecutions"]
    yield _quota("reserved Lambda concurrency", total - account["UnreservedConcurrentExecutions"], total)


def _quota(name: str, count: int, limit: int) -> Finding:
    text = f"{count:,} of {limit:,} {name}"
    if count >= NEAR * limit:
        return Finding(_QUOTA, Health.WARNING, text, "Request a higher quota in Service Quotas")
    return Finding(_QUOTA, Health.OK, text)
