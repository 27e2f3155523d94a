"""Signed access to private collections on the local cloud, in CloudFront's place: its key pair, and the check."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from chalicelib import storage
from chalicelib.keyring import KeySecret
from cli.local.aws import client
from cli.local.gateway_errors import MEDIA
from cli.local.stack import EMULATOR_KEYS, REGION, Stack
from infra.edge import behaviour_of, is_granted

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_ID = "LOCAL"
"""Id of the public key, as CloudFront gives one."""
RSA_BITS = 2048
"""What CloudFront takes."""
PUBLIC_EXPONENT = 65537
SIGNED_FOR = 60
"""Seconds for which the proxy's own signature of a request to the bucket is valid."""


def jwk_of(key_id: str, pair: RSAPrivateKey) -> dict[str, str]:
    """Return the private key as the secret of keys has it (RFC 7517)."""
    numbers = pair.private_numbers()
    return {"kty": "RSA", "kid": key_id, "n": _base64url(numbers.public_numbers.n), "d": _base64url(numbers.d)}


def _base64url(number: int) -> str:
    body = number.to_bytes((number.bit_length() + 7) // 8)
    return urlsafe_b64encode(body).decode().rstrip("=")


def ensure_key(stack: Stack, secret_id: str) -> str:
    """Put a private key into the stack's secret if it has none, and its public half where the proxy looks.

    Return the key's id.
    """
    vault = client(stack, "secretsmanager")
    secret = KeySecret(vault.get_secret_value(SecretId=secret_id)["SecretString"], None)
    if KEY_ID not in secret.edge_keys():
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  # only the first `up` needs it

        pair = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=RSA_BITS)
        secret = KeySecret(secret.with_edge_key(jwk_of(KEY_ID, pair)), None)
        vault.put_secret_value(SecretId=secret_id, SecretString=secret.text)
    key_file(stack).write_text(f"{secret.edge_keys()[KEY_ID].modulus:x}", encoding="ascii")
    return KEY_ID


def key_file(stack: Stack) -> Path:
    """Return the file with the modulus of the public key, in hexadecimal digits."""
    return stack.folder("run") / "edge-key"


@dataclass(frozen=True)
class SignedAccess:
    """What CloudFront does for the folder `private/`: lets granted requests through to the bucket."""

    base: str
    """Address of the distribution, without a slash at its end."""
    file: Path
    """See `key_file`."""

    def is_wanted(self, target: str) -> bool:
        """Return True if the path, which begins with `/media/`, is answered with signed access only."""
        return behaviour_of(f"/{target.removeprefix(MEDIA).partition('?')[0]}").wants_grant

    def is_granted(self, target: str, cookie: str) -> bool:
        """Return True if the path's query or the Cookie header grants access now."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers  # noqa: PLC0415  # see `ensure_key`

        # In a bucket such parts are letters like others; the emulator could take them for the way to another folder.
        is_odd = {".", ".."} & set(unquote(target.partition("?")[0]).split("/"))
        if is_odd or not self.file.is_file():
            return False
        modulus = int(self.file.read_text(encoding="ascii"), 16)
        keys = {KEY_ID: RSAPublicNumbers(PUBLIC_EXPONENT, modulus).public_key()}
        return is_granted(f"{self.base}/{target.removeprefix(MEDIA)}", cookie, keys, datetime.now(UTC))


def bucket_address(bucket: str, emulator_port: int, target: str, method: str) -> str:
    """Return path and query of the object that a path below `/media/private/` stands for, signed for the bucket."""
    from botocore.auth import S3SigV4QueryAuth  # noqa: PLC0415  # only private pictures need it
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    key = storage.GUARDED + target.removeprefix(f"{MEDIA}{storage.EDGE}").partition("?")[0]
    owner = Credentials(EMULATOR_KEYS["AWS_ACCESS_KEY_ID"], EMULATOR_KEYS["AWS_SECRET_ACCESS_KEY"])
    request = AWSRequest(method=method, url=f"http://127.0.0.1:{emulator_port}/{bucket}/{key}")
    S3SigV4QueryAuth(owner, "s3", REGION, expires=SIGNED_FOR).add_auth(request)
    signed = urlsplit(request.url)
    return f"{signed.path}?{signed.query}"
