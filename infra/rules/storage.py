"""Rules for what keeps data: bucket, table, database."""

from __future__ import annotations

from collections.abc import Iterator

from infra.rules.deployment import BUCKET, TABLE, Deployment, as_list, text
from infra.rules.rule import Rule

INSTANCE, GROUP = "AWS::RDS::DBInstance", "AWS::EC2::SecurityGroup"
KEEPS = {BUCKET: "RetainExceptOnCreate", TABLE: "RetainExceptOnCreate", INSTANCE: "Snapshot"}
BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
WATCHED = "incoming/"
MAY_WRITE_THERE = ("ApiRole",)  # it takes uploads, and puts what came from there back out of quarantine

PURGED = ("originals/*", "renditions/*", "guarded/*", "trashed/*")
"""Where single images lie, whose versions a purge deletes."""


def _private(it: Deployment) -> Iterator[str]:
    for name, bucket in it.of(BUCKET).items():
        blocked = bucket.get("PublicAccessBlockConfiguration", {})
        yield from (f"{name}: {block}" for block in BLOCKS if blocked.get(block) is not True)


def _owned(it: Deployment) -> Iterator[str]:
    for name, bucket in it.of(BUCKET).items():
        if bucket.get("OwnershipControls", {}).get("Rules") != [{"ObjectOwnership": "BucketOwnerEnforced"}]:
            yield name


def _encrypted(it: Deployment) -> Iterator[str]:
    yield from (name for name, bucket in it.of(BUCKET).items() if "BucketEncryption" not in bucket)


def _tls(it: Deployment) -> Iterator[str]:
    for name in it.of(BUCKET):
        whole = it.refuses_plain_http({"Fn::GetAtt": [name, "Arn"]})
        if not whole or not it.refuses_plain_http({"Fn::Sub": f"${{{name}.Arn}}/*"}):
            yield name


def _versioned(it: Deployment) -> Iterator[str]:
    for name, bucket in it.of(BUCKET).items():
        if bucket.get("VersioningConfiguration") != {"Status": "Enabled"}:
            yield name


def _forgets(it: Deployment) -> Iterator[str]:
    for name, bucket in it.of(BUCKET).items():
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        for needed in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
            if not any(needed in rule and not rule.get("Prefix") for rule in rules):
                yield f"{name}: {needed}"


def _replaced(it: Deployment) -> Iterator[str]:
    for name, bucket in it.of(BUCKET).items():
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        found = [rule.get("NoncurrentVersionExpiration") for rule in rules if rule.get("Prefix") == "manifests/"]
        if {"NoncurrentDays": 1} not in found:
            yield name


def _leftovers(it: Deployment) -> Iterator[str]:
    for name, bucket in it.of(BUCKET).items():
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        days = {rule.get("Prefix"): rule.get("ExpirationInDays", 0) for rule in rules}
        # Clean-up promises a week in quarantine; what is in incoming/ has no other end.
        yield from (f"{name}: {prefix}" for prefix in (WATCHED, "quarantine/") if days.get(prefix) != 7)  # noqa: PLR2004


def _outlives(it: Deployment) -> Iterator[str]:
    for name, found in it.resources.items():
        if found["Type"] in KEEPS and found.get("DeletionPolicy") != KEEPS[found["Type"]]:
            yield name


def _announces(it: Deployment) -> Iterator[str]:
    for name, bucket in it.of(BUCKET).items():
        for rule in bucket["NotificationConfiguration"]["QueueConfigurations"]:
            filters = rule.get("Filter", {}).get("S3Key", {}).get("Rules", [])
            if {"Name": "prefix", "Value": WATCHED} not in filters:
                yield name


def _recursion(it: Deployment) -> Iterator[str]:
    for where, statement in it.allowed():
        writes = "s3:PutObject" in as_list(statement["Action"])
        if writes and where.split("/")[0] not in MAY_WRITE_THERE:
            yield from (where for one in as_list(statement["Resource"]) if WATCHED in text(one))


def _purged_by_one(it: Deployment) -> Iterator[str]:
    for where, statement in it.allowed():
        if "s3:DeleteObjectVersion" not in as_list(statement["Action"]):
            continue
        places = [text(one).removeprefix("${Bucket.Arn}/") for one in as_list(statement["Resource"])]
        if not where.startswith("MaintenanceRole/"):
            yield where
        yield from (f"{where}: {place}" for place in places if place not in PURGED)


def _recoverable(it: Deployment) -> Iterator[str]:
    for name, table in it.of(TABLE).items():
        if table.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
            yield name


def _expires(it: Deployment) -> Iterator[str]:
    for name, table in it.of(TABLE).items():
        if table.get("TimeToLiveSpecification") != {"AttributeName": "expires_at", "Enabled": True}:
            yield name


def _on_demand(it: Deployment) -> Iterator[str]:
    yield from (name for name, table in it.of(TABLE).items() if table.get("BillingMode") != "PAY_PER_REQUEST")


def _protected(it: Deployment) -> Iterator[str]:
    ours = {"Fn::If": ["Protected", True, False]}
    yield from (n for n, table in it.of(TABLE).items() if table.get("DeletionProtectionEnabled") != ours)
    yield from (n for n, server in it.of(INSTANCE).items() if server.get("DeletionProtection") != ours)
    if not it.stages["prod"].protected:
        yield "stage prod"


def _hidden(it: Deployment) -> Iterator[str]:
    wanted = {"PubliclyAccessible": False, "StorageEncrypted": True}
    for name, server in it.of(INSTANCE).items():
        yield from (f"{name}: {key}" for key, value in wanted.items() if server.get(key) is not value)


def _backed_up(it: Deployment) -> Iterator[str]:
    if it.database["Parameters"]["DatabaseBackupDays"]["Default"] < 7:  # noqa: PLR2004 - a week
        yield "DatabaseBackupDays"
    ours = {"Ref": "DatabaseBackupDays"}
    yield from (n for n, server in it.of(INSTANCE).items() if server.get("BackupRetentionPeriod") != ours)


def _spoken_to_by_functions(it: Deployment) -> Iterator[str]:
    for rule in it.of(GROUP)["DatabaseGroup"].get("SecurityGroupIngress", []):
        if rule.get("SourceSecurityGroupId") != {"Ref": "FunctionsGroup"} or rule.get("ToPort") != 5432:  # noqa: PLR2004
            yield f"DatabaseGroup: {rule.get('CidrIp', rule)}"
    yield from (f"{name} lets somebody in" for name in it.of(GROUP) if name != "DatabaseGroup" and _open(it, name))


def _open(it: Deployment, group: str) -> bool:
    return bool(it.of(GROUP)[group].get("SecurityGroupIngress"))


def _encrypted_on_the_way(it: Deployment) -> Iterator[str]:
    settings = it.of("AWS::RDS::DBParameterGroup")
    yield from (name for name, found in settings.items() if found["Parameters"].get("rds.force_ssl") != "1")
    for name, secret in it.of("AWS::SecretsManager::Secret").items():
        address = text(secret.get("SecretString", ""))
        if address.startswith("postgresql:") and "sslmode=require" not in address:
            yield name


def _major_version(it: Deployment) -> Iterator[str]:
    families = {name: found["Family"] for name, found in it.of("AWS::RDS::DBParameterGroup").items()}
    for name, database in it.of(INSTANCE).items():
        major = str(database.get("EngineVersion", ""))
        family = families.get(database.get("DBParameterGroupName", {}).get("Ref"))
        if not major.isdigit() or family != f"postgres{major}" or database.get("AutoMinorVersionUpgrade") is not True:
            yield name


RULES = (
    Rule("the bucket is private", "pictures reach the public through the CDN, originals never", _private),
    Rule("the bucket knows no ACLs", "an ACL could open one object behind the policy's back", _owned),
    Rule("the bucket is encrypted", "at rest, whoever gets hold of a disk", _encrypted),
    Rule("the bucket refuses plain HTTP", "tokens and pictures travel encrypted", _tls),
    Rule("the bucket keeps versions", "what was deleted by mistake can be brought back", _versioned),
    Rule("the bucket forgets in time", "old versions and broken uploads cost for ever otherwise", _forgets),
    Rule("replaced manifests go after a day", "each change of a collection leaves a version", _replaced),
    Rule("leftovers go after a week", "incoming/ and quarantine/ are no archives", _leftovers),
    Rule("data outlives its stack", "a stack deleted by mistake must not take the pictures along", _outlives),
    Rule("only uploads are announced", "what a function writes could start functions (F61)", _announces),
    Rule("no function writes where uploads are announced", "it would start itself for ever (F61)", _recursion),
    Rule("versions are deleted by purges only", "what else is deleted by mistake can be brought back", _purged_by_one),
    Rule("the table can be restored", "to any second of the last 35 days", _recoverable),
    Rule("the table forgets by itself", "the history ends after 30 or 90 days", _expires),
    Rule("the table is paid by use", "bursts of uploads would be throttled by any capacity set beforehand", _on_demand),
    Rule("production is protected from deletion", "table and database, with the stack or without", _protected),
    Rule("the database is hidden", "not on the internet, encrypted at rest", _hidden),
    Rule("the database is backed up", "for a week at least", _backed_up),
    Rule("only functions speak to the database", "a network rule, whatever the password is", _spoken_to_by_functions),
    Rule("the database insists on TLS", "and its clients do", _encrypted_on_the_way),
    Rule(
        "the database follows its major version",
        "AWS retires minor versions, and a new stage could not be made with one",
        _major_version,
    ),
)
