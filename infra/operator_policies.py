"""Managed policies for the people who run the commands: for replay, restore, giving up, and auditing.

policy    commands                                     deletes
Replay    replay list, inspect, plan, run; backfill    nothing
Restore   restore                                      nothing; writes items into tables
Resolve   replay waive, retire, and all of Replay      retired error objects, of which a copy is kept
Audit     verify, report, doctor (audit_policy)        nothing; writes seals, which no other policy may

Of exports, backfill may read those in the archive's bucket; others are their owner's to allow.
"""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from ttl_archive.infra import roles
from ttl_archive.infra.audit_policy import audit_policy
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.nag import acknowledge_wildcards
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings


class OperatorPolicies(Construct):
    """The four managed policies: `replay`, `restore`, `resolve` and `audit`."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        settings: Settings,
        deploy: Deploy,
        bucket: s3.IBucket,
        stream: kinesis.IStream | None,
        failures: s3.IBucket | None,
        machines: Sequence[sfn.StateMachine],
        delivery_streams: Sequence[str],
        results: s3.IBucket,
    ) -> None:
        super().__init__(scope, id)
        self._settings, self._deploy, self._bucket = settings, deploy, bucket
        self._machines, self._failures = machines, failures
        replaying = [
            *self._replaying(),
            *(roles.stream_sending(stream, deploy) if stream else []),
            *self._distributing(),
        ]
        self.replay = self._policy("Replay", "replay list, inspect, plan and run, and backfill", replaying)
        self.restore = self._policy("Restore", "restore", self._restoring())
        self.resolve = self._policy(
            "Resolve", "replay waive and retire", [*self._replaying(), *self._resolving()]
        )
        self.audit = audit_policy(
            self,
            settings=settings,
            deploy=deploy,
            bucket=bucket,
            failures=failures,
            results=results,
            delivery_streams=delivery_streams,
        )

    def _policy(self, id: str, commands: str, statements: list[iam.PolicyStatement]) -> iam.ManagedPolicy:  # noqa: A002
        policy = iam.ManagedPolicy(
            self,
            id,
            description=f"ttl-archive {commands}, for the archive in {Stack.of(self).stack_name}",
            statements=statements,
        )
        acknowledge_wildcards(
            policy,
            [
                *(self._bucket.arn_for_objects(f"{folder}*") for folder in self._folders()),
                *self._discarded(),
                self._tables(),
                *self._executions(),
            ],
            "Object names are not known beforehand, and a restore may write to another table.",
        )
        return policy

    def _folders(self) -> tuple[str, ...]:
        return (
            layout.archive_folder(self._settings),
            layout.errors_folder(self._settings),
            layout.source_folder(self._settings),
            layout.records_folder(self._settings.table.name),
            *self._exports(),
        )

    def _exports(self) -> list[str]:
        return [layout.exports_folder(self._settings)] if self._settings.table.backfilled else []

    def _objects(self, *folders: str) -> list[str]:
        return [self._bucket.arn_for_objects(f"{folder}*") for folder in folders]

    def _replaying(self) -> list[iam.PolicyStatement]:
        archive, errors, _, own, *exports = self._folders()
        return [
            roles.allow(["s3:ListBucket"], [self._bucket.bucket_arn]),
            roles.allow(["s3:GetObject"], self._objects(archive, errors, own, *exports)),
            roles.allow(["s3:PutObject"], self._objects(archive, own)),
            *([roles.allow(["s3:ListBucket"], [self._failures.bucket_arn])] if self._failures else []),
            *([roles.allow(["s3:GetObject"], self._discarded())] if self._failures else []),
            *roles.bucket_key_use(self._deploy),
        ]

    def _discarded(self) -> list[str]:
        """Return the batches that Lambda gave up, on the Streams road."""
        return [self._failures.arn_for_objects(f"{layout.ON_FAILURE}*")] if self._failures else []

    def _restoring(self) -> list[iam.PolicyStatement]:
        archive = layout.archive_folder(self._settings)
        return [
            roles.allow(["s3:ListBucket"], [self._bucket.bucket_arn]),
            roles.allow(["s3:GetObject", "s3:RestoreObject"], self._objects(archive)),
            roles.allow(
                ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:PutItem"],
                [self._tables()],
            ),
            *roles.bucket_key_reading(self._deploy),
        ]

    def _resolving(self) -> list[iam.PolicyStatement]:
        _, errors, _, own, *_ = self._folders()
        return [roles.allow(["s3:DeleteObject"], [*self._objects(errors, own), *self._discarded()])]

    def _distributing(self) -> list[iam.PolicyStatement]:
        """Allow --distributed: start the state machines and follow their maps."""
        machines = [machine.state_machine_arn for machine in self._machines]
        return [
            roles.allow(["states:StartExecution"], machines),
            roles.allow(
                ["states:DescribeExecution", "states:DescribeMapRun", "states:ListMapRuns"],
                self._executions(),
            ),
        ]

    def _executions(self) -> list[str]:
        """Step Functions chooses the names of executions and map runs."""
        return [
            Stack.of(self).format_arn(
                service="states",
                resource=resource,
                resource_name=f"{machine.state_machine_name}{separator}*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for machine in self._machines
            for resource, separator in (("execution", ":"), ("mapRun", "/"))
        ]

    def _tables(self) -> str:
        """Return the ARN of every table: a restore may write to a new one, whose name is not known yet."""
        return Stack.of(self).format_arn(service="dynamodb", resource="table", resource_name="*")
