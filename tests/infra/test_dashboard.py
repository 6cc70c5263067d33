"""The dashboard: the whole flow is on it, under metrics that exist."""

import json

from tests.infra.templates import Template
from ttl_archive.transform import metrics


def shown(template: Template) -> list[tuple[str, str]]:
    """Namespace and name of every metric on the dashboard; a query is shown as it is."""
    body = json.loads(template.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    lines = [line for widget in body["widgets"] for line in widget["properties"].get("metrics", [])]
    return [
        (line[0], line[1]) if isinstance(line[0], str) else ("query", line[0]["expression"]) for line in lines
    ]


def test_the_flow_is_shown_from_table_to_bucket(defaults: Template) -> None:
    spaces = {namespace for namespace, _ in shown(defaults)}

    assert spaces >= {"AWS/DynamoDB", "AWS/Kinesis", "AWS/Lambda", "AWS/Firehose", "AWS/Events", "TtlArchive"}


def test_drops_are_shown_by_rule(defaults: Template) -> None:
    own = {name for namespace, name in shown(defaults) if namespace == metrics.NAMESPACE}

    assert own >= {"DroppedNotRemoval", "DroppedUserRemoval", "DroppedTtlRemoval"}


def test_every_own_metric_is_one_that_the_transform_logs_and_all_are_shown(
    kinesis_template: Template,
) -> None:
    own = {name for namespace, name in shown(kinesis_template) if namespace == metrics.NAMESPACE}

    assert own == set(metrics.BatchTally().metrics())
