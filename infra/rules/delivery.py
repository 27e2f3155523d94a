"""Rules for what the public sees: the distribution and what it may read."""

from __future__ import annotations

from collections.abc import Iterator

from infra.rules.deployment import Deployment, Json, as_list, text
from infra.rules.rule import Rule
from infra.template import NOT_FOUND_KEY

PUBLISHED = ("renditions/", "manifests/", "errors/")
FOR_BEARERS = "guarded/"
"""What the distribution may read besides, if there are keys for it."""
SIGNED = "signed"
"""The origin whose objects are read by the signature in their address."""
API = "api"
"""The origin that is the API itself."""
REDIRECTING = frozenset({"cdn/*", "i/*", "p/*", "r/*"})
"""Paths that the API answers for the distribution."""
LONGEST_REDIRECT = 300
"""Seconds for which a redirect may be kept."""
KEY_HEADERS = {"Accept"}
KEY_QUERY = ("width", "download", "expires", "signature")
"""All that may tell one copy of an address from another; the edge's function leaves few values of them."""
GUARDED = frozenset({"guarded/*", "trashed/*"})
UNCACHED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""CachingDisabled: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html"""
DOWNLOADS = "renditions/*/download/*"
MISSING = (403, 404)
"""What S3 answers for an object that is not there, without and with the right to list."""
FORGOTTEN_SOON = (403, 404, 500, 502, 503, 504)
SECURITY = ("ContentTypeOptions", "ContentSecurityPolicy", "FrameOptions", "ReferrerPolicy", "StrictTransportSecurity")


def _https(it: Deployment) -> Iterator[str]:
    yield from (
        f"{name}: {behaviour.get('PathPattern', 'default')}"
        for name, behaviour in _behaviours(it)
        if behaviour.get("ViewerProtocolPolicy") != "https-only"
    )


def _signed_reads(it: Deployment) -> Iterator[str]:
    for name, access in it.of("AWS::CloudFront::OriginAccessControl").items():
        how = access["OriginAccessControlConfig"]
        if (how["SigningBehavior"], how["SigningProtocol"]) != ("always", "sigv4"):
            yield name
    for name, found in _distributions(it):
        own = (one for one in _origins(found) if one["Id"] != SIGNED and "S3OriginConfig" in one)
        yield from (f"{name}: {one['Id']}" for one in own if "OriginAccessControlId" not in one)


def _published_only(it: Deployment) -> Iterator[str]:
    for where, statement in it.allowed():
        if statement.get("Principal") != {"Service": "cloudfront.amazonaws.com"}:
            continue
        for one in as_list(statement["Resource"]):
            condition, resource, _ = one.get("Fn::If", ["", one, ""]) if isinstance(one, dict) else ("", one, "")
            place = text(resource).removeprefix("${Bucket.Arn}/")
            if not place.startswith((*PUBLISHED, FOR_BEARERS) if condition == "WithKeys" else PUBLISHED):
                yield f"{where}: {place}"
        if statement["Action"] != "s3:GetObject" or "AWS:SourceArn" not in str(statement.get("Condition")):
            yield where


def _errors_forgotten(it: Deployment) -> Iterator[str]:
    for name, found in _distributions(it):
        kept = {one["ErrorCode"]: one["ErrorCachingMinTTL"] for one in found.get("CustomErrorResponses", [])}
        yield from (f"{name}: {code}" for code in FORGOTTEN_SOON if kept.get(code, 10) > 1)


def _missing_in_our_shape(it: Deployment) -> Iterator[str]:
    for name, found in _distributions(it):
        said = {one["ErrorCode"]: one for one in found.get("CustomErrorResponses", [])}
        for code in MISSING:
            shown = said.get(code, {})
            if (shown.get("ResponseCode"), shown.get("ResponsePagePath")) != (404, f"/{NOT_FOUND_KEY}"):
                yield f"{name}: {code}"


def _security_headers(it: Deployment) -> Iterator[str]:
    for name, policy in it.of("AWS::CloudFront::ResponseHeadersPolicy").items():
        headers = policy["ResponseHeadersPolicyConfig"].get("SecurityHeadersConfig", {})
        yield from (f"{name}: {one}" for one in SECURITY if one not in headers)
        if "sandbox" not in str(headers.get("ContentSecurityPolicy")):
            yield f"{name}: sandbox"
    yield from (name for name, behaviour in _behaviours(it) if "ResponseHeadersPolicyId" not in behaviour)


def _plain_cache_key(it: Deployment) -> Iterator[str]:
    for name, policy in it.of("AWS::CloudFront::CachePolicy").items():
        key = policy["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
        headers, query = key["HeadersConfig"], key["QueryStringsConfig"]
        if key["CookiesConfig"]["CookieBehavior"] != "none":
            yield f"{name}: cookies"
        if headers["HeaderBehavior"] != "none" and set(headers.get("Headers", ())) != KEY_HEADERS:
            yield f"{name}: headers"
        if query["QueryStringBehavior"] != "none" and not 0 < len(query.get("QueryStrings", ())) <= len(KEY_QUERY):
            yield f"{name}: query"
        yield from (f"{name}: {one}" for one in query.get("QueryStrings", ()) if one not in KEY_QUERY)


def _redirects_only(it: Deployment) -> Iterator[str]:
    """What the distribution asks the API for."""
    policies = it.of("AWS::CloudFront::CachePolicy")
    for name, found in _distributions(it):
        for origin in (one for one in _origins(found) if one["Id"] == API):
            if origin.get("CustomOriginConfig", {}).get("OriginProtocolPolicy") != "https-only":
                yield f"{name}: https"
    asked = [one for _, one in _behaviours(it) if one["TargetOriginId"] == API]
    yield from sorted(REDIRECTING ^ {str(one.get("PathPattern")) for one in asked})
    for behaviour in asked:
        pattern = behaviour["PathPattern"]
        if [one["EventType"] for one in behaviour.get("FunctionAssociations", ())] != ["viewer-request"]:
            yield f"{pattern}: function"
        if "OriginRequestPolicyId" in behaviour:  # it could forward Host, cookies or Authorization
            yield f"{pattern}: forwards"
        policy = policies.get(behaviour["CachePolicyId"].get("Ref"), {"CachePolicyConfig": {"MinTTL": 1}})
        kept = policy["CachePolicyConfig"]
        if kept["MinTTL"] or kept["DefaultTTL"] or kept["MaxTTL"] > LONGEST_REDIRECT:
            yield f"{pattern}: kept too long"


def _bearers_only(it: Deployment) -> Iterator[str]:
    guarded = [one for _, one in _behaviours(it) if one.get("PathPattern") == "private/*"]
    if not guarded or any("TrustedKeyGroups" not in one for one in guarded):
        yield "private/*"


def _signatures_reach_the_bucket(it: Deployment) -> Iterator[str]:
    for name, found in _distributions(it):
        # An origin that the CDN signs for would show it to whoever asks.
        yield from (name for one in _origins(found) if one["Id"] == SIGNED and "OriginAccessControlId" in one)
    signed = [one for _, one in _behaviours(it) if one["TargetOriginId"] == SIGNED]
    yield from sorted(GUARDED ^ {str(one.get("PathPattern")) for one in signed})
    yield from (one["PathPattern"] for one in signed if one["CachePolicyId"] != UNCACHED)
    for name, policy in it.of("AWS::CloudFront::OriginRequestPolicy").items():
        passed = policy["OriginRequestPolicyConfig"]
        kinds = (passed["QueryStringsConfig"]["QueryStringBehavior"], passed["CookiesConfig"]["CookieBehavior"])
        if (*kinds, passed["HeadersConfig"]["HeaderBehavior"]) != ("all", "none", "none"):
            yield name


def _saved_under_a_name(it: Deployment) -> Iterator[str]:
    saving = [one for _, one in _behaviours(it) if one.get("PathPattern") == DOWNLOADS]
    found = [{each["EventType"] for each in one.get("FunctionAssociations", ())} for one in saving]
    if found != [{"viewer-request", "viewer-response"}]:
        yield DOWNLOADS
    yield from (name for name, one in it.of("AWS::CloudFront::Function").items() if one.get("AutoPublish") is not True)


def _modern_tls(it: Deployment) -> Iterator[str]:
    for name, found in _distributions(it):
        if "TLSv1.2_2021" not in str(found.get("ViewerCertificate")):
            yield name


def _origins(distribution: Json) -> Iterator[Json]:
    for origin in distribution["Origins"]:
        yield origin.get("Fn::If", ["", origin])[1]


def _distributions(it: Deployment) -> Iterator[tuple[str, Json]]:
    for name, found in it.of("AWS::CloudFront::Distribution").items():
        yield name, found["DistributionConfig"]


def _behaviours(it: Deployment) -> Iterator[tuple[str, Json]]:
    for name, found in _distributions(it):
        yield name, found["DefaultCacheBehavior"]
        for behaviour in found.get("CacheBehaviors", []):
            yield name, behaviour.get("Fn::If", ["", behaviour])[1]


RULES = (
    Rule("pictures are served over HTTPS only", "whoever is on the way sees and changes nothing", _https),
    Rule("the CDN signs what it reads", "the bucket is private, and stays so", _signed_reads),
    Rule("the CDN reads what is published", "never an original, an upload or the quarantine", _published_only),
    Rule("the CDN forgets errors at once", "not there yet must not become not there for minutes", _errors_forgotten),
    Rule("the CDN says 404 as the API does", "S3 says 403 in XML, which no client reads", _missing_in_our_shape),
    Rule("pictures can do no harm", "an upload that is also a script must not run on our domain", _security_headers),
    Rule(
        "strangers cannot make copies in the cache",
        "any query or header would be a new object to fetch",
        _plain_cache_key,
    ),
    Rule(
        "the CDN asks the API for redirects only",
        "no token, cookie or picture passes, and where a name leads is asked again soon",
        _redirects_only,
    ),
    Rule("private pictures want a signature", "an address alone is no permission", _bearers_only),
    Rule(
        "signed addresses are checked by the bucket",
        "who has none reads nothing, and no cache answers for it",
        _signatures_reach_the_bucket,
    ),
    Rule("downloads have a name", "without the function the address leads to nothing", _saved_under_a_name),
    Rule("our own domain speaks modern TLS", "older versions are broken", _modern_tls),
)
