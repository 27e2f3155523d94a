"""Rules for queues and whoever takes from them."""

from __future__ import annotations

from collections.abc import Iterator

from infra import stage
from infra.concurrency import QUEUES, UNRESERVED, WAITS, fit
from infra.rules.deployment import QUEUE, Deployment, Json
from infra.rules.rule import Rule

TWO_WEEKS = 14 * 24 * 3600  # seconds, the longest SQS keeps anything
TRIES = 5
QUOTAS = (10, 50, 100, 116, 1_000, 3_000)
"""Concurrent executions of accounts, from a new one to a large one."""
MOST_AT_ONCE = 1_000  # of AWS, and of the setting; a stage that chooses many has to raise the account's concurrency


def _dead_letters(it: Deployment) -> Iterator[str]:
    for name, queue in it.work_queues.items():
        redrive = queue.get("RedrivePolicy", {})
        if redrive.get("deadLetterTargetArn") != {"Fn::GetAtt": [_dead(name), "Arn"]}:
            yield name
        elif redrive.get("maxReceiveCount") != TRIES:
            yield f"{name}: {redrive.get('maxReceiveCount')} tries"


def _kept(it: Deployment) -> Iterator[str]:
    for name in it.work_queues:
        if it.of(QUEUE).get(_dead(name), {}).get("MessageRetentionPeriod") != TWO_WEEKS:
            yield _dead(name)


def _named(it: Deployment) -> Iterator[str]:
    for name, queue in it.work_queues.items():
        dead = it.of(QUEUE).get(_dead(name), {}).get("QueueName", {})
        if dead != {"Fn::Sub": f"{queue['QueueName']['Fn::Sub']}-dead"}:
            yield _dead(name)


def _encrypted(it: Deployment) -> Iterator[str]:
    yield from (name for name, queue in it.of(QUEUE).items() if queue.get("SqsManagedSseEnabled") is not True)


def _tls(it: Deployment) -> Iterator[str]:
    yield from (name for name in it.of(QUEUE) if not it.refuses_plain_http({"Fn::GetAtt": [name, "Arn"]}))


def _hidden_long_enough(it: Deployment) -> Iterator[str]:
    computed = stage.parameters(it.config, "prod")
    for name, queue in it.work_queues.items():
        parameter = queue.get("VisibilityTimeout", {}).get("Ref", "")
        function = stage.VISIBILITY_OF.get(parameter, "")
        needed = 6 * it.config["lambda_functions"].get(function, {}).get("lambda_timeout", 10**6)
        default = it.foundation["Parameters"].get(parameter, {}).get("Default", 0)
        if min(default, int(computed.get(parameter, 0))) < needed:
            yield name


def _one_at_a_time(it: Deployment) -> Iterator[str]:
    for name, source in _sources(it):
        if source.get("BatchSize") != 1 and source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield name


def _capped(it: Deployment) -> Iterator[str]:
    for name, source in _sources(it):
        most = source.get("ScalingConfig", {}).get("MaximumConcurrency")
        if not isinstance(most, int) or not 2 <= most <= MOST_AT_ONCE:  # noqa: PLR2004 - AWS takes no less
            yield name


def _reserved_enough(it: Deployment) -> Iterator[str]:
    for name, source in _sources(it):
        reserved = it.functions[name].get("ReservedConcurrentExecutions")
        if reserved is not None and reserved < source.get("ScalingConfig", {}).get("MaximumConcurrency", MOST_AT_ONCE):
            yield name


def _room_in_every_account(it: Deployment) -> Iterator[str]:
    for name in it.stages:
        for quota in QUOTAS:
            caps = fit(it.config, name, quota)
            unreserved = quota - QUEUES * caps.reserved
            waits = not set(WAITS) <= {key for key, value in caps.variables.items() if value == "0"}
            if caps.reserved and unreserved < UNRESERVED:
                yield f"{name}: {unreserved} of {quota} stay unreserved"
            elif waits and not caps.reserved:
                yield f"{name}: requests wait in the workers' room where {quota} functions may run"


def _one_worker_each(it: Deployment) -> Iterator[str]:
    taken = [str(source["Queue"]) for _, source in _sources(it)]
    if len(set(taken)) != len(taken):
        yield "a queue has two workers"
    if len(taken) != len(it.work_queues):
        yield f"{len(it.work_queues)} queues and {len(taken)} workers"


def _from_our_bucket(it: Deployment) -> Iterator[str]:
    for where, statement in it.allowed():
        if statement.get("Principal") == {"Service": "s3.amazonaws.com"}:
            conditions = statement.get("Condition", {})
            account = conditions.get("StringEquals", {}).get("aws:SourceAccount") == {"Ref": "AWS::AccountId"}
            if not account or "aws:SourceArn" not in conditions.get("ArnEquals", {}):
                yield where


def _sources(it: Deployment) -> Iterator[tuple[str, Json]]:
    for name, function in it.functions.items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                yield name, event["Properties"]


def _dead(queue: str) -> str:
    return f"{queue.removesuffix('Queue')}DeadLetters"


RULES = (
    Rule("work that fails is kept", "after five tries, in a queue of its own (F21)", _dead_letters),
    Rule("dead letters are kept for two weeks", "somebody has to come back from holiday first (F23)", _kept),
    Rule("dead letters are named after their queue", "functions find them by that name", _named),
    Rule("queues are encrypted", "messages name collections and files", _encrypted),
    Rule("queues refuse plain HTTP", "as the bucket does", _tls),
    Rule(
        "messages stay hidden for six timeouts",
        "or two workers hold the same one (F16, AWS's own rule)",
        _hidden_long_enough,
    ),
    Rule("a worker takes one message", "without partial answers SQS deletes the failed ones too (F17)", _one_at_a_time),
    Rule("workers are capped", "a flood of uploads must not take the account's whole concurrency", _capped),
    Rule("reserved room covers the workers", "Lambda throws back what is beyond, and counts it", _reserved_enough),
    Rule(
        "requests leave the workers their room",
        "or those that wait keep out what they wait for",
        _room_in_every_account,
    ),
    Rule("each queue has one worker", "mass work never waits in front of uploads", _one_worker_each),
    Rule("only our bucket announces", "another account's bucket of that name could fill our queue", _from_our_bucket),
)
