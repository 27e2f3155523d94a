"""What AWS asks for, in US dollars without tax, for Frankfurt (eu-central-1).

List prices without free tiers and discounts as they were known in 2025; the pages named here were not read again for
this version. They change seldom and mostly fall; whoever needs a bill to the cent asks https://calculator.aws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REGION = "eu-central-1"
AS_OF = "2025"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit."""

    usd: float
    unit: str
    source: str
    """Page of aws.amazon.com."""


MILLION = 1_000_000

PRICES: Mapping[str, Price] = {
    "lambda_gb_second": Price(0.0000166667, "GB x s, x86", "lambda/pricing"),
    "lambda_call": Price(0.20 / MILLION, "call", "lambda/pricing"),
    "api_request": Price(3.70 / MILLION, "REST API request", "api-gateway/pricing"),
    "sqs_request": Price(0.40 / MILLION, "standard queue request", "sqs/pricing"),
    "dynamodb_write": Price(0.7625 / MILLION, "write unit on demand", "dynamodb/pricing/on-demand"),
    "dynamodb_read": Price(0.1525 / MILLION, "read unit on demand", "dynamodb/pricing/on-demand"),
    "dynamodb_gb": Price(0.306 + 0.2448, "GB a month, with point-in-time recovery", "dynamodb/pricing/on-demand"),
    "s3_put": Price(0.0054 / 1000, "PUT, COPY, POST or LIST", "s3/pricing"),
    "s3_get": Price(0.00043 / 1000, "GET", "s3/pricing"),
    "s3_gb": Price(0.0245, "GB a month, standard", "s3/pricing"),
    "cdn_request": Price(0.0120 / 10_000, "HTTPS request in Europe", "cloudfront/pricing"),
    "cdn_gb": Price(0.085, "GB to Europe, first 10 TB", "cloudfront/pricing"),
    "log_gb": Price(0.63, "GB of logs written", "cloudwatch/pricing"),
    "metric": Price(0.30, "custom metric a month", "cloudwatch/pricing"),
    "alarm": Price(0.10, "alarm a month", "cloudwatch/pricing"),
    "dashboard": Price(3.00, "dashboard a month", "cloudwatch/pricing"),
    "secret": Price(0.40, "secret a month", "secrets-manager/pricing"),
    "database_hour": Price(0.018, "hour of db.t4g.micro, PostgreSQL, one zone", "rds/postgresql/pricing"),
    "database_gb": Price(0.137, "GB a month, gp3", "rds/postgresql/pricing"),
    "nat_hour": Price(0.052, "hour of a NAT gateway", "vpc/pricing"),
    "address_hour": Price(0.005, "hour of a public IPv4 address", "vpc/pricing"),
}
