"""What the page may load, by region: no endpoint override, which would put every host into one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from chalicelib.adapters import aws
from chalicelib.adapters.s3 import S3Bucket
from chalicelib.monitor.routes import content_policy

BUCKET, CDN = "wallify-prod-123456789012-x", "https://d111111abcdef8.cloudfront.net"
HOSTS = {
    "us-east-1": f"https://{BUCKET}.s3.us-east-1.amazonaws.com",
    "eu-central-1": f"https://{BUCKET}.s3.eu-central-1.amazonaws.com",
    "me-south-1": f"https://{BUCKET}.s3.me-south-1.amazonaws.com",
    "il-central-1": f"https://{BUCKET}.s3.il-central-1.amazonaws.com",
    "cn-north-1": f"https://{BUCKET}.s3.cn-north-1.amazonaws.com.cn",
    "us-gov-west-1": f"https://{BUCKET}.s3.us-gov-west-1.amazonaws.com",
}


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account that no file and no variable of this machine says anything about."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_S3_ADDRESSING_STYLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    aws.forget_clients()
    yield
    aws.forget_clients()


def rules(bucket: str, cdn_url: str = CDN) -> Mapping[str, list[str]]:
    """The policy's directives, each with what it allows."""
    policy = content_policy(S3Bucket(bucket, lambda: aws.client("s3")), cdn_url)
    return {name: sources for name, *sources in (rule.split() for rule in policy.split("; "))}


@pytest.mark.parametrize(("region", "host"), HOSTS.items())
def test_private_pictures_and_uploads_may_go_to_the_buckets_own_host(
    monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    found = rules(BUCKET)
    assert found["img-src"] == ["'self'", "blob:", CDN, host]
    assert found["connect-src"] == ["'self'", host]


def test_a_bucket_with_dots_is_named_by_its_path_and_only_the_host_is_let_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert rules("media.example.org")["img-src"][-1] == "https://s3.eu-west-1.amazonaws.com"


def test_the_local_clouds_host_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    aws.forget_clients()
    found = rules("wallify-local", "http://127.0.0.1:7545/media")
    assert found["img-src"] == ["'self'", "blob:", "http://127.0.0.1:7545", "http://127.0.0.1:4566"]


def test_without_a_cdn_the_page_still_has_its_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert rules(BUCKET, "")["img-src"] == ["'self'", "blob:", f"https://{BUCKET}.s3.eu-west-1.amazonaws.com"]
