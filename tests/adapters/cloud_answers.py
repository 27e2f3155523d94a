"""CloudWatch's answers in its own shape (moto knows no percentiles), and a distribution of CloudFront."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.cloudwatch import CloudWatchMetrics
from tests.builders import FrozenClock

Points = list[tuple[datetime, float]]


@dataclass
class Cloud:
    """CloudWatch and Lambda at once: numbers by (metric, statistic, last dimension)."""

    known: dict[tuple[str, str, str], Points] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False

    def get_metric_data(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  # boto3's words
        self.asked.append(request)
        if self.broken:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetMetricData")
        return {"MetricDataResults": [self._result(query) for query in request["MetricDataQueries"]]}

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803  # boto3's word
        return {"MemorySize": 2048 if "image" in FunctionName else 512, "Timeout": 60}

    def _result(self, query: dict[str, Any]) -> dict[str, Any]:
        stat = query["MetricStat"]
        metric = stat["Metric"]
        key = (metric["MetricName"], stat["Stat"], metric["Dimensions"][-1]["Value"])
        points = self.known.get(key, [])
        return {"Id": query["Id"], "Timestamps": [at for at, _ in points], "Values": [value for _, value in points]}


def meter(cloud: Cloud, clock: FrozenClock | None = None) -> CloudWatchMetrics:
    connect: Callable[[], Cloud] = lambda: cloud  # noqa: E731  # both clients are the same one
    return CloudWatchMetrics(
        "wallify-prod", {"images": "wallify-prod-images"}, connect, connect, (clock or FrozenClock()).now
    )


DISTRIBUTION = {
    "CallerReference": "tests",
    "Comment": "",
    "Enabled": True,
    "Origins": {
        "Quantity": 1,
        "Items": [
            {"Id": "bucket", "DomainName": "media.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
        ],
    },
    "DefaultCacheBehavior": {"TargetOriginId": "bucket", "ViewerProtocolPolicy": "https-only"},
}
