"""`wallify keys`: list and rotate the keys that sign sessions, links and cursors of a stage."""

from __future__ import annotations

import argparse
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.keyring import LASTS, KeySecret, Purpose
from cli.commands import connection
from cli.commands.deploy import add_stage
from cli.commands.parser import Commands, add_command, add_verbs
from cli.errors import CommandError
from cli.local.signed_access import PUBLIC_EXPONENT, RSA_BITS, jwk_of
from cli.output import Column, print_list, print_result

if TYPE_CHECKING:
    from cli.deploy.target import StageTarget

PURPOSES = ("sessions", "links", "cursors", "edge")
EDGE = "edge"


@dataclass(frozen=True)
class KeyState:
    """Public facts of one key, without the key itself."""

    purpose: str
    key_id: str
    state: str
    """`next` (not in use yet), `sealing` (signs), or `checking` (only verifies older signatures)."""
    since: str | None


COLUMNS: tuple[Column[KeyState], ...] = (
    ("purpose", lambda key: key.purpose),
    ("key", lambda key: key.key_id),
    ("state", lambda key: key.state),
    ("since", lambda key: key.since),
)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "keys",
        "list and rotate the signing keys of a stage",
        "keys list --stage prod",
        "keys rotate links --stage prod",
        "keys rotate sessions --stage prod --at-once",
    )
    connection.add_json(parser)
    verbs = add_verbs(parser, None)
    listing = add_command(verbs, "list", "list the keys without their secrets", "keys list --stage prod")
    _add_common(listing)
    listing.set_defaults(run=run_list)
    _add_rotate(verbs)


def _add_rotate(verbs: Commands) -> None:
    rotate = add_command(
        verbs,
        "rotate",
        "add a new key; what older keys have signed stays valid until it expires",
        "keys rotate links --stage prod",
        "keys rotate links --stage prod --at-once",
        "keys rotate edge --stage prod",
    )
    rotate.add_argument("purpose", choices=PURPOSES, help="what the key signs")
    rotate.add_argument("--at-once", action="store_true", help="invalidate older signatures within a minute")
    _add_common(rotate)
    rotate.set_defaults(run=run_rotate)


def _add_common(verb: argparse.ArgumentParser) -> None:
    add_stage(verb)
    connection.add_json(verb, below=True)


def run_list(given: argparse.Namespace) -> int:
    """List them."""
    from cli.deploy.target import StageTarget  # noqa: PLC0415  # boto3 takes its time, and other commands need none

    return print_list(given, states(StageTarget(given.stage)), COLUMNS, none="No keys.")


def run_rotate(given: argparse.Namespace) -> int:
    """Rotate one."""
    from cli.deploy.target import StageTarget  # noqa: PLC0415  # as above

    if given.purpose == EDGE:
        return _rotate_edge(given)
    purpose = Purpose(given.purpose)
    rotate(StageTarget(given.stage), purpose, at_once=given.at_once)
    effect = "ends within a minute" if given.at_once else f"stays valid for up to {lasting(purpose)}"
    done = {"stage": given.stage, "purpose": given.purpose, "at_once": given.at_once}
    print_result(given, f"New key for {given.purpose} of {given.stage}. What older keys have signed {effect}.", done)
    return 0


def _rotate_edge(given: argparse.Namespace) -> int:
    """Make a key pair for signed access to private collections."""
    from cli.deploy.target import StageTarget  # noqa: PLC0415  # as above

    if given.at_once:
        raise CommandError(
            "Keys of the edge cannot be rotated at once.",
            "Remove the older keys from DeliveryKeys in infra/stages.toml, and deploy.",
        )
    key_id = rotate_edge(StageTarget(given.stage))
    words = f"New key {key_id}. Put it first in DeliveryKeys of {given.stage} in infra/stages.toml, and deploy."
    print_result(given, words, {"stage": given.stage, "purpose": EDGE, "key_id": key_id})
    return 0


BYTES = 32


def states(target: StageTarget) -> tuple[KeyState, ...]:
    """Return every key whose signatures are accepted. Raises CommandError if the stage has no keys."""
    secret, now = _read(target), datetime.now(UTC)
    return tuple(one for purpose in Purpose for one in _states(secret, purpose, now))


def rotate(target: StageTarget, purpose: Purpose, *, at_once: bool = False) -> None:
    """Create a new key for the purpose; `at_once` invalidates the signatures of older keys."""
    secret = _read(target)
    text = secret.rotated(purpose, secrets.token_bytes(BYTES), now=datetime.now(UTC), at_once=at_once)
    _vault(target).put_secret_value(SecretId=_name(target), SecretString=text)


def rotate_edge(target: StageTarget) -> str:
    """Make an RSA key pair; CloudFront gets the public key, the secret the private one. Return the key's id."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  # as above
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    secret, pair = _read(target), rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=RSA_BITS)
    public = pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    name = f"{target.name}-{secrets.token_hex(4)}"
    config = {"CallerReference": name, "Name": name, "EncodedKey": public}
    key_id: str = target.client("cloudfront").create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]
    text = secret.with_edge_key(jwk_of(key_id, pair))
    _vault(target).put_secret_value(SecretId=_name(target), SecretString=text)
    return key_id


def lasting(purpose: Purpose) -> str:
    """Return the lifetime of the purpose's signatures, as text."""
    hours = int(LASTS[purpose].total_seconds() // 3600)
    return f"{hours // 24} days" if hours > 24 else f"{hours} hours"  # noqa: PLR2004 - hours of a day


def _states(secret: KeySecret, purpose: Purpose, now: datetime) -> list[KeyState]:
    ring = secret.keyring(purpose)
    sealing = ring.signing_key(now)
    found = []
    for key in ring.accepted_keys(now):
        waits = key.since is not None and key.since > now
        state = "sealing" if key == sealing else "next" if waits else "checking"
        found.append(KeyState(purpose, key.key_id, state, key.since.isoformat() if key.since else None))
    return found


def _read(target: StageTarget) -> KeySecret:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # as above

    from cli.deploy.target import NOT_FOUND  # noqa: PLC0415  # as above
    from cli.local import aws  # noqa: PLC0415  # as above

    try:
        found = _vault(target).get_secret_value(SecretId=_name(target))
        secret = KeySecret(str(found["SecretString"]), found.get("CreatedDate"))
        secret.keyring(Purpose.LINKS)
    except (BotoCoreError, ClientError) as refusal:
        if not isinstance(refusal, ClientError) or refusal.response["Error"]["Code"] not in NOT_FOUND:
            raise aws.explained(refusal) from refusal
        advice = f"Deploy the stage first: `./wallify deploy --stage {target.stage}`."
        raise CommandError(f"{_name(target)} cannot be read.", advice, evidence=str(refusal)) from refusal
    except ValueError as wrong:
        raise CommandError(
            f"{_name(target)} is not a valid key ring.", "Restore its previous version (docs/operations/keys.md)."
        ) from wrong
    return secret


def _name(target: StageTarget) -> str:
    return f"wallify/{target.stage}/keys"


def _vault(target: StageTarget) -> Any:  # noqa: ANN401 - a boto3 client
    return target.client("secretsmanager")
