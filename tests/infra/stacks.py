"""The matrix of configurations for the infra tests, synthesised in one app and one process.

    python -m tests.infra.stacks FOLDER     writes FOLDER/cdk.out and FOLDER/NAME.json, the plain templates

The pytest process never starts Node. The zips are dummies, because test_package.py tests their content.
"""

import json
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from ttl_archive.infra import deploy_settings, node
from ttl_archive.infra.assets import Assets
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.package import write_zip
from ttl_archive.infra.synth import plain
from ttl_archive.transform.settings import Settings, parse

COLUMNS = """
[[columns]]
name = "device_id"
path = "deviceID"
[[columns]]
name = "temperature"
type = "decimal(5,1)"
[[columns]]
name = "seen"
type = "timestamp"
[[columns]]
name = "place"
type = "json"
[[columns]]
name = "order"
type = "bigint"
"""
TABLE = '[table]\nname = "{name}"\nttl_attribute = "expiredAt"\n'
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OLD_KEY_ARN = KEY_ARN.replace("1234abcd", "00000000")
REPLICA_KEY_ARN = KEY_ARN.replace("us-east-1", "eu-west-1")
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:report-readers"
OPERATIONS_KEY_ARN = KEY_ARN.replace("1234abcd", "11111111")

# Name of the case -> its archive.toml after [table].
CASES: dict[str, str] = {
    "defaults": COLUMNS,
    "csv-by-event": f"""
        [output]
        format = "csv"
        partition_by = "event"
        overflow = "fail"
        date_column = "day"
        [deploy]
        stream_mode = "provisioned"
        shards = 4
        object_lock = "governance"
        object_lock_days = 400
        access_logs = true
        glacier_small_objects = true
        expire_years = 7
        error_days = 400
        alarm_email = "ops@example.org"
        [export]
        kind = "full"
        every_minutes = 43200
        keep_days = 30
        [ingest]
        keys = {{ deviceID = "{{device}}", readingTime = "{{time}}" }}
        time = "time"
        retention_days = 365
        [[reports]]
        name = "lost-values"
        query = "misfits"
        parameters = ["{{first_day}}", "{{last_day}}"]
        every = "week"
        at = "05:30"
        {COLUMNS}""",
    "parquet-with-backup": f"""
        [deploy]
        table = "create"
        partition_key = "deviceID"
        sort_key = "readingTime"
        parquet = true
        source_backup = true
        kms_key_arn = "{KEY_ARN}"
        storage_class = "DEEP_ARCHIVE"
        architecture = "x86_64"
        {COLUMNS}""",
    "envelope-in-shared-bucket": """
        [select]
        changes = "all"
        [output]
        row = "envelope"
        image = false
        [deploy]
        bucket = "the-shared-bucket"
        attach = false
        log_retention_days = 30
        memory_mb = 256
        [[reports]]
        name = "changes"
        query = "changes_per_day"
        """,
    "every-option": f"""
        [deploy]
        handler = "fast"
        kms_key_arn = "{KEY_ARN}"
        kms_previous_key_arns = ["{OLD_KEY_ARN}"]
        operations_key_arn = "{OPERATIONS_KEY_ARN}"
        replica_bucket_arn = "arn:aws:s3:::the-replica"
        replica_key_arn = "{REPLICA_KEY_ARN}"
        reader_account_ids = ["210987654321"]
        permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
        tags = ["team=data"]
        object_lock = "governance"
        max_record_kib = 2048
        [export]
        [ingest]
        keys = {{ deviceID = "{{device}}#{{time}}" }}
        time = "time"
        retention_days = 365
        [[reports]]
        name = "by-device"
        sql = '''
        SELECT device_id, count(*) AS expired FROM archive_unique
        WHERE dt BETWEEN ? AND ? AND device_id <> ? GROUP BY 1 ORDER BY 1
        '''
        parameters = ["{{first_day}}", "{{last_day}}", "it's a test"]
        topic = "{TOPIC_ARN}"
        [[reports]]
        name = "failed"
        query = "errors_by_code"
        every = "day"
        {COLUMNS}""",
    "streams": f"""
        [deploy]
        source = "streams"
        batch_records = 10000
        batch_window_s = 300
        batches_per_shard = 10
        batch_retries = 100
        record_age_s = 3600
        error_days = 400
        {COLUMNS}""",
    "both-roads": f"""
        [select]
        changes = "all"
        [deploy]
        source = "both"
        table = "create"
        partition_key = "deviceID"
        kms_key_arn = "{KEY_ARN}"
        operations_key_arn = "{OPERATIONS_KEY_ARN}"
        {COLUMNS}""",
    "streams-in-shared-bucket": """
        [select]
        changes = "all-but-ttl-removals"
        [output]
        format = "csv"
        [deploy]
        source = "streams"
        bucket = "the-shared-bucket"
        attach = false
        [[columns]]
        name = "device_id"
        """,
    "longest-name": COLUMNS,
    "created-by-event": f"""
        [output]
        partition_by = "event"
        nested = "flatten"
        image = false
        [deploy]
        table = "create"
        partition_key = "deviceID"
        object_lock = "compliance"
        storage_class = "GLACIER_IR"
        stream_retention_days = 30
        {COLUMNS}""",
}

# More keys of [table], for the cases whose exports are archived, and that keep a history.
TABLE_KEYS = {
    "every-option": 'keys = ["deviceID"]\nbackfilled = true\n',
    "both-roads": 'keys = ["deviceID"]\n',
}


def table_of(case: str) -> str:
    """The name of a case's table: the case's own, but for the longest name that DynamoDB allows."""
    return "long." * 51 if case == "longest-name" else case


def settings_of(case: str) -> Settings:
    """The settings of a case."""
    return parse(_document(case), f"{case}.toml")


def deploy_of(case: str) -> Deploy:
    """The [deploy] section of a case."""
    return deploy_settings.parse(_document(case).get("deploy", {}), settings_of(case))


def _document(case: str) -> dict[str, Any]:
    return tomllib.loads(TABLE.format(name=table_of(case)) + TABLE_KEYS.get(case, "") + CASES[case])


def main(folder: Path) -> None:
    """Synthesise every case in one app, and write the plain templates."""
    node.use_wheel()
    from ttl_archive.infra.app import archive_app

    zips = {part: folder / f"{part}.zip" for part in ("transform", "replay", "attachment")}
    for part, file in zips.items():
        write_zip(file, {f"{part}.txt": part.encode()})
    archives = [(settings_of(case), deploy_of(case)) for case in CASES]
    cdk_out = folder / "cdk.out"
    archive_app(archives, Assets(**zips), cdk_out).synth()
    for case, (_, deploy) in zip(CASES, archives, strict=True):
        template = json.loads((cdk_out / f"{deploy.stack_name}.template.json").read_text())
        (folder / f"{case}.json").write_text(json.dumps(plain(template)[0], indent=1))
    _synthesise_bare(Assets(**zips), folder / "bare")
    _synthesise_own(Assets(**zips), folder)


def _synthesise_bare(assets: Assets, folder: Path) -> None:
    """Synthesise a bucket that breaks rules: its report shows that cdk-nag is applied."""
    from aws_cdk import Stack
    from aws_cdk import aws_s3 as s3

    from ttl_archive.infra.app import archive_app

    app = archive_app([], assets, folder)
    s3.Bucket(Stack(app, "bare"), "Bucket")
    with suppress(RuntimeError):
        app.synth()


def _synthesise_own(assets: Assets, folder: Path) -> None:
    """Synthesise the construct in a stack of a user's, with their own bucket, stream and grantees."""
    from aws_cdk import App, CfnOutput, Stack
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kinesis as kinesis
    from aws_cdk import aws_s3 as s3

    from ttl_archive.infra.archive import TtlArchive

    app = App(outdir=str(folder / "own"), analytics_reporting=False)
    stack = Stack(app, "own")
    bucket, stream = s3.Bucket(stack, "Rows"), kinesis.Stream(stack, "Changes")
    settings, deploy = settings_of("defaults"), deploy_of("defaults")
    archive = TtlArchive(
        stack, "Archive", settings=settings, deploy=deploy, assets=assets, bucket=bucket, stream=stream
    )
    for id, grant in (("Reader", archive.grant_read), ("Analyst", archive.grant_query)):  # noqa: A001
        grant(iam.Role(stack, id, assumed_by=iam.AccountRootPrincipal()))
    metrics = [
        archive.metric_delivered_records(),
        archive.metric_data_freshness(),
        archive.metric_error_objects(),
        archive.metric_failed_records(),
        archive.metric_expired_items(),
    ]
    names = ",".join(f"{metric.namespace}/{metric.metric_name}" for metric in metrics)
    CfnOutput(stack, "Metrics", value=names)
    app.synth()
    template = json.loads((folder / "own" / "own.template.json").read_text())
    (folder / "own.json").write_text(json.dumps(plain(template)[0]))
    _refuse_two_buckets(assets)


def _refuse_two_buckets(assets: Assets) -> None:
    """A bucket object beside [deploy] bucket is an error, which only a process with Node can show."""
    from aws_cdk import App, Stack
    from aws_cdk import aws_s3 as s3

    from ttl_archive.infra.archive import TtlArchive

    stack = Stack(App(analytics_reporting=False), "two")
    case = "envelope-in-shared-bucket"
    try:
        TtlArchive(
            stack,
            "Archive",
            settings=settings_of(case),
            deploy=deploy_of(case),
            assets=assets,
            bucket=s3.Bucket(stack, "Rows"),
        )
    except ValueError as error:
        print(f"refused: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
