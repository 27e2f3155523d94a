"""What the foundation does by choice; what it must keep whatever is chosen is in `infra/rules`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.keyring import KeySecret, Purpose
from infra import stages
from infra.template import DATABASE, FOUNDATION, read
from tests.infra.template import resources_of

TEMPLATE = read()
CHOICES = {
    "WithDatabase": {"DatabaseAccess"},
    "WithKeys": {"GuardedFolder", "SigningKeys"},
}


def test_the_first_token_is_made_by_aws_and_stands_nowhere_in_the_template() -> None:
    secrets = resources_of("AWS::SecretsManager::Secret")

    assert secrets.keys() == {"BootstrapToken", "Keys"}
    assert not [name for name, secret in secrets.items() if "SecretString" in secret]
    assert all(secret["GenerateSecretString"]["PasswordLength"] >= 43 for secret in secrets.values())
    assert not [name for name in TEMPLATE["Parameters"] if "token" in name.lower() or "password" in name.lower()]


def test_what_aws_makes_is_a_ring_of_keys() -> None:
    made = resources_of("AWS::SecretsManager::Secret")["Keys"]["GenerateSecretString"]
    text = json.dumps(json.loads(made["SecretStringTemplate"]) | {made["GenerateStringKey"]: "x" * 43})

    assert all(KeySecret(text, None).keyring(purpose).keys for purpose in Purpose)


def test_nobody_chooses_the_databases_password() -> None:
    template = read(DATABASE)
    password = template["Resources"]["Password"]["Properties"]

    assert password["GenerateSecretString"] == {"PasswordLength": 43, "ExcludePunctuation": True}
    assert "resolve:secretsmanager" in str(template["Resources"]["Database"]["Properties"]["MasterUserPassword"])
    assert not [name for name in template["Parameters"] if "password" in name.lower()]


@pytest.mark.parametrize(("condition", "resources"), CHOICES.items())
def test_what_is_made_by_choice_is_made_under_its_condition(condition: str, resources: set[str]) -> None:
    made = {name for name, found in TEMPLATE["Resources"].items() if found.get("Condition") == condition}

    assert made == resources


def test_every_choice_is_off_unless_a_stage_takes_it() -> None:
    parameters = {name: found.get("Default") for name, found in TEMPLATE["Parameters"].items()}

    assert parameters["State"] == "dynamodb"
    assert (parameters["DeliveryKeys"], parameters["DeliveryDomain"]) == ("", "")
    assert parameters["DeletionProtection"] == "false"


def test_every_function_gets_at_the_database_where_there_is_one() -> None:
    roles: list[dict[str, Any]] = TEMPLATE["Resources"]["DatabaseAccess"]["Properties"]["Roles"]

    assert sorted(role["Ref"] for role in roles) == sorted(resources_of("AWS::IAM::Role"))


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_stage_chooses_among_parameters_that_there_are(name: str) -> None:
    known = {parameter for path in (FOUNDATION, DATABASE) for parameter in read(path)["Parameters"]} | {"AlarmTopic"}

    assert set(stages.of(name).parameters) <= known


def test_a_stage_without_an_entry_is_as_dev() -> None:
    assert stages.of("try-out") == stages.of("dev")
