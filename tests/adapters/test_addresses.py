"""Which host S3 is asked at: what AWS decides by host is shown without an endpoint override, which would hide it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from chalicelib.adapters import aws
from chalicelib.adapters.s3 import S3Bucket

BUCKET, DOTTED = "wallify-prod-123456789012", "media.example.org"
QUARTER = timedelta(minutes=15)
HOSTS = {
    # regions of every age, and every partition
    "us-east-1": "s3.us-east-1.amazonaws.com",
    "eu-central-1": "s3.eu-central-1.amazonaws.com",
    "eu-west-1": "s3.eu-west-1.amazonaws.com",
    "eu-south-1": "s3.eu-south-1.amazonaws.com",
    "me-south-1": "s3.me-south-1.amazonaws.com",
    "ap-southeast-3": "s3.ap-southeast-3.amazonaws.com",
    "il-central-1": "s3.il-central-1.amazonaws.com",
    "cn-north-1": "s3.cn-north-1.amazonaws.com.cn",
    "cn-northwest-1": "s3.cn-northwest-1.amazonaws.com.cn",
    "us-gov-west-1": "s3.us-gov-west-1.amazonaws.com",
    "us-gov-east-1": "s3.us-gov-east-1.amazonaws.com",
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


def addresses(name: str) -> set[str]:
    """Where a form is posted to and where a link leads, without what is signed."""
    bucket = S3Bucket(name, lambda: aws.client("s3"))
    form = bucket.presigned_post("incoming/a/b/upload", content_type="image/png", limit=9, lasts=QUARTER).url
    link = urlsplit(bucket.presigned_url("guarded/a b.jpg", lasts=QUARTER, disposition="attachment"))
    return {form, f"{link.scheme}://{link.netloc}{link.path.removesuffix('guarded/a%20b.jpg')}"}


@pytest.mark.parametrize(("region", "host"), HOSTS.items())
def test_forms_and_links_name_the_regions_own_host(monkeypatch: pytest.MonkeyPatch, region: str, host: str) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert addresses(BUCKET) == {f"https://{BUCKET}.{host}/"}


@pytest.mark.parametrize(("region", "host"), HOSTS.items())
def test_a_bucket_with_dots_in_its_name_is_in_the_path(monkeypatch: pytest.MonkeyPatch, region: str, host: str) -> None:
    # The certificate of *.s3.REGION stands for one label in front of it and no more.
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert {url.removesuffix("/") for url in addresses(DOTTED)} == {f"https://{host}/{DOTTED}"}


OVERRIDES = (
    "http://127.0.0.1:4566",
    "http://localhost:4566",
    "http://localhost.localstack.cloud:4566",
    "https://bucket.vpce-1a2b-3c4d.s3.eu-central-1.vpce.amazonaws.com",
    "https://s3.eu-central-1.example.org",
)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize("endpoint", OVERRIDES)
def test_an_endpoint_of_ones_own_keeps_its_host(monkeypatch: pytest.MonkeyPatch, endpoint: str, variable: str) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv(variable, endpoint)
    assert {url.removesuffix("/") for url in addresses(BUCKET)} == {f"{endpoint}/{BUCKET}"}


def test_what_the_sdk_asks_itself_goes_to_the_same_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-south-1")
    client, asked = aws.client("s3"), []

    def note(request: object, **_: object) -> None:
        asked.append(urlsplit(request.url).netloc)  # type: ignore[attr-defined]  # botocore has no types
        raise InterruptedError  # nothing is sent

    client.meta.events.register("before-send.s3", note)
    with pytest.raises(InterruptedError):
        client.head_object(Bucket=BUCKET, Key="a")
    assert asked == [f"{BUCKET}.s3.eu-south-1.amazonaws.com"]
