"""The one logger: JSON lines with request and task ids, and numbers as CloudWatch embedded metrics."""

from __future__ import annotations

from aws_lambda_powertools import Logger

log = Logger(service="wallify", use_rfc3339=True, json_default=str)
