"""DynamoDB's own count of TTL deletions, in the emulator's CloudWatch, as `ttl-archive verify` reads it.

Source: DynamoDB Developer Guide, metrics-dimensions (TimeToLiveDeletedItemCount).
"""

from datetime import datetime
from typing import Any


def publish_deletions(cloudwatch: Any, table: str, deleted: int, when: datetime) -> None:
    """Put the number of items that a sweep has removed; nothing is emitted for none."""
    if not deleted:
        return
    datum = {
        "MetricName": "TimeToLiveDeletedItemCount",
        "Dimensions": [{"Name": "TableName", "Value": table}],
        "Timestamp": when,
        "Value": deleted,
        "Unit": "Count",
    }
    cloudwatch.put_metric_data(Namespace="AWS/DynamoDB", MetricData=[datum])
