"""A planted breach of each rule: the smallest change that a hurried hand might make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from infra.rules import Deployment

Json = dict[str, Any]
Plant = Callable[[Deployment], object]

S3_ANYWHERE = {"Sid": "Planted", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"]}
OPEN = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIp": "0.0.0.0/0"}


def plant(it: Deployment, rule: str) -> Deployment:
    """The deployment with a breach of that rule in it."""
    PLANTS[rule](it)
    return it


def _of(it: Deployment, name: str) -> Json:
    """A resource's properties, wherever it is made."""
    for template in (it.foundation, it.database, it.gateway, it.observing, it.package):
        if name in template["Resources"]:
            properties: Json = template["Resources"][name]["Properties"]
            return properties
    raise KeyError(name)


def _without(name: str, *path: str | int) -> Plant:
    """Something is missing."""

    def change(it: Deployment) -> None:
        part: Any = _of(it, name)
        for step in path[:-1]:
            part = part[step]
        del part[path[-1]]

    return change


def _with(name: str, *path: str | int, to: object) -> Plant:
    """Something is otherwise."""

    def change(it: Deployment) -> None:
        part: Any = _of(it, name)
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = to

    return change


def _allowed(role: str, **otherwise: object) -> Plant:
    """A role has one more statement."""

    def change(it: Deployment) -> None:
        _of(it, role)["Policies"][0]["PolicyDocument"]["Statement"].append(S3_ANYWHERE | otherwise)

    return change


def _without_policy(name: str) -> Plant:
    return lambda it: it.foundation["Resources"].pop(name)


def _more_variables(**variables: str) -> Plant:
    return lambda it: _of(it, "Sweep")["Environment"]["Variables"].update(variables)


def _public_by_policy(it: Deployment) -> None:
    statement = {"Sid": "Planted", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "x"}
    _of(it, "BucketPolicy")["PolicyDocument"]["Statement"].append(statement)


def _loses_data(it: Deployment) -> None:
    it.foundation["Resources"]["Table"]["DeletionPolicy"] = "Delete"


def _unprotected(it: Deployment) -> None:
    it.stages["prod"] = replace(it.stages["prod"], parameters={})


def _unthrottled(it: Deployment) -> None:
    it.stages["prod"] = replace(it.stages["prod"], requests_per_second=0)


def _shared_role(it: Deployment) -> None:
    it.foundation["Outputs"]["SweepRoleArn"] = it.foundation["Outputs"]["ApiRoleArn"]


def _run_under_anothers_role(it: Deployment) -> None:
    _of(it, "Sweep")["Role"] = _of(it, "APIHandler")["Role"]


def _forgotten_exception(it: Deployment) -> None:
    statements = _of(it, "DatabaseAccess")["PolicyDocument"]["Statement"]
    statements[:] = [one for one in statements if one["Sid"] != "SeeTheNetwork"]


def _longer_work(it: Deployment) -> None:
    it.foundation["Parameters"]["ImagesVisibility"]["Default"] = 300


def _second_worker(it: Deployment) -> None:
    _of(it, "Sweep")["Events"] |= _of(it, "ProcessImage")["Events"]


def _too_large(it: Deployment) -> None:
    it.foundation["Metadata"] = "x" * 40_000


def _source(function: str) -> str:
    return f"{function}SqsEventSource"


STATEMENT = ("PolicyDocument", "Statement")
BINARY = "x-amazon-apigateway-binary-media-types"
CDN = ("Distribution", "DistributionConfig")

PLANTS: Mapping[str, Plant] = {
    "the bucket is private": _with("Bucket", "PublicAccessBlockConfiguration", "BlockPublicPolicy", to=False),
    "the bucket knows no ACLs": _without("Bucket", "OwnershipControls"),
    "the bucket is encrypted": _without("Bucket", "BucketEncryption"),
    "the bucket refuses plain HTTP": _with("BucketPolicy", *STATEMENT, 0, "Resource", to=[]),
    "the bucket keeps versions": _without("Bucket", "VersioningConfiguration"),
    "the bucket forgets in time": _without("Bucket", "LifecycleConfiguration", "Rules", 3),
    "replaced manifests go after a day": _without("Bucket", "LifecycleConfiguration", "Rules", 4),
    "leftovers go after a week": _with("Bucket", "LifecycleConfiguration", "Rules", 2, "ExpirationInDays", to=1),
    "data outlives its stack": _loses_data,
    "only uploads are announced": _without("Bucket", "NotificationConfiguration", "QueueConfigurations", 0, "Filter"),
    "no function writes where uploads are announced": _allowed(
        "ProcessImageRole", Action=["s3:PutObject"], Resource=[{"Fn::Sub": "${Bucket.Arn}/incoming/*"}]
    ),
    "versions are deleted by purges only": _allowed(
        "MaintenanceRole", Action=["s3:DeleteObjectVersion"], Resource=[{"Fn::Sub": "${Bucket.Arn}/incoming/*"}]
    ),
    "the table can be restored": _without("Table", "PointInTimeRecoverySpecification"),
    "the table forgets by itself": _with("Table", "TimeToLiveSpecification", "Enabled", to=False),
    "the table is paid by use": _with("Table", "BillingMode", to="PROVISIONED"),
    "production is protected from deletion": _unprotected,
    "the database is hidden": _with("Database", "PubliclyAccessible", to=True),
    "the database is backed up": _with("Database", "BackupRetentionPeriod", to=0),
    "only functions speak to the database": lambda it: _of(it, "DatabaseGroup")["SecurityGroupIngress"].append(OPEN),
    "the database insists on TLS": _with("ServerSettings", "Parameters", "rds.force_ssl", to="0"),
    "the database follows its major version": _with("Database", "EngineVersion", to="17.6"),
    "work that fails is kept": _without("ImagesQueue", "RedrivePolicy"),
    "dead letters are kept for two weeks": _with("ImagesDeadLetters", "MessageRetentionPeriod", to=345600),
    "dead letters are named after their queue": _with("ImagesDeadLetters", "QueueName", to={"Fn::Sub": "x-${Stage}"}),
    "queues are encrypted": _with("ImagesQueue", "SqsManagedSseEnabled", to=False),
    "queues refuse plain HTTP": _without_policy("ThumbnailsDeadLettersPolicy"),
    "messages stay hidden for six timeouts": _longer_work,
    "a worker takes one message": _with(
        "ProcessImage", "Events", _source("ProcessImage"), "Properties", "BatchSize", to=10
    ),
    "workers are capped": _without("ProcessImage", "Events", _source("ProcessImage"), "Properties", "ScalingConfig"),
    "reserved room covers the workers": lambda it: _of(it, "ProcessImage").update(ReservedConcurrentExecutions=1),
    "requests leave the workers their room": lambda it: it.config["environment_variables"].update(
        WALLIFY_SYNC_WAIT_SECONDS="22"
    ),
    "each queue has one worker": _second_worker,
    "only our bucket announces": _without("ImagesQueuePolicy", *STATEMENT, 0, "Condition", "StringEquals"),
    "every function has a role of its own": _shared_role,
    "every function runs under its role": _run_under_anothers_role,
    "actions are named one by one": _allowed("SweepRole", Action=["s3:*"], Resource=["arn:aws:s3:::x/*"]),
    "resources are named": _allowed("SweepRole"),
    "no exception outlives its need": _forgotten_exception,
    "nobody is everybody": _public_by_policy,
    "only Lambda takes a role up": _with(
        "SweepRole", "AssumeRolePolicyDocument", "Statement", 0, "Principal", to={"AWS": "arn:aws:iam::1:root"}
    ),
    "no policy is Amazon's": _with("SweepRole", "ManagedPolicyArns", to=["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
    "no function can widen its rights": _allowed("SweepRole", Action=["iam:PassRole"], Resource=["arn:aws:iam::1:x"]),
    "every permission says what for": _without("SweepRole", "Policies", 0, "PolicyDocument", "Statement", 0, "Sid"),
    "functions end in time": _with("APIHandler", "Timeout", to=60),
    "the sweeper ends before it begins again": _with("Sweep", "Timeout", to=60),
    "variables fit": _more_variables(WALLIFY_EXTRA="x" * 4096),
    "no secret is a variable": _more_variables(WALLIFY_DATABASE_URL="postgresql://wallify:hunter2@db/wallify"),
    "the runtime has wheels": _with("Sweep", "Runtime", to="python3.11"),
    "every function goes through app.py": _with("Sweep", "Handler", to="chalicelib.sweep"),
    "logs end": _without("SweepLogs", "RetentionInDays"),
    "uploads pass the gateway unharmed": _without(
        "RestAPI", "DefinitionBody", "x-amazon-apigateway-binary-media-types"
    ),
    "the gateway's errors have our shape": lambda it: it.gateway["Resources"].pop("TooLarge"),
    "the gateway is throttled": _unthrottled,
    "pictures are served over HTTPS only": _with(*CDN, "DefaultCacheBehavior", "ViewerProtocolPolicy", to="allow-all"),
    "the CDN signs what it reads": _without(*CDN, "Origins", 0, "OriginAccessControlId"),
    "the CDN reads what is published": _with(
        "BucketPolicy", *STATEMENT, 1, "Resource", to=[{"Fn::Sub": "${Bucket.Arn}/*"}]
    ),
    "the CDN says 404 as the API does": _with(*CDN, "CustomErrorResponses", 0, "ResponseCode", to=403),
    "the CDN forgets errors at once": _with(*CDN, "CustomErrorResponses", 1, "ErrorCachingMinTTL", to=300),
    "pictures can do no harm": _without(
        "PictureHeaders", "ResponseHeadersPolicyConfig", "SecurityHeadersConfig", "ContentTypeOptions"
    ),
    "strangers cannot make copies in the cache": _with(
        "CachePolicy",
        "CachePolicyConfig",
        "ParametersInCacheKeyAndForwardedToOrigin",
        "QueryStringsConfig",
        "QueryStringBehavior",
        to="all",
    ),
    "the CDN asks the API for redirects only": _with(
        *CDN, "CacheBehaviors", 3, "Fn::If", 1, "OriginRequestPolicyId", to="b689b0a8-53d0-40ab-baf2-68738e2966ac"
    ),
    "private pictures want a signature": _without(*CDN, "CacheBehaviors", 2, "Fn::If", 1, "TrustedKeyGroups"),
    "signed addresses are checked by the bucket": _with(
        *CDN, "Origins", 1, "OriginAccessControlId", to={"Ref": "OriginAccess"}
    ),
    "downloads have a name": _without("Downloads", "AutoPublish"),
    "our own domain speaks modern TLS": _with(*CDN, "ViewerCertificate", to={"MinimumProtocolVersion": "TLSv1"}),
    "dead letters wake somebody": lambda it: it.observing["Resources"].pop("ImagesDeadLettersAlarm"),
    "waiting work wakes somebody": _with("ImagesQueue", "QueueName", to={"Fn::Sub": "wallify-${Stage}-uploads"}),
    "a run that ends PARTIAL wakes somebody": lambda it: it.observing["Resources"].pop("JobUnfinishedAlarm"),
    "an alarm says what to do": _without("ImagesDeadLettersAlarm", "AlarmDescription"),
    "an alarm tells somebody": _without("ImagesDeadLettersAlarm", "AlarmActions"),
    "an address is enough to be told": _with("Subscription", "Endpoint", to="you@example.org"),
    "stages live side by side": _with("Table", "TableName", to="wallify"),
    "a bill can be divided": lambda it: (
        it.config["stages"].setdefault("prod", {}).update(lambda_functions={"optimizer": {"tags": {"stage": "nights"}}})
    ),
    "the bucket's name is nobody else's": _with("Bucket", "BucketName", to={"Fn::Sub": "wallify-${Stage}"}),
    "templates can be handed over": _too_large,
}
