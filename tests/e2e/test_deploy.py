"""`./wallify deploy` and `./wallify teardown`, typed into an empty account by one who may no more than a deployer.

All tests share one account. The stage `dev` is deployed to it once; each test leaves the account as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cli.deploy.chalice import RECORD_KEY, TAG
from cli.local import staging
from tests.e2e.account import Account, check_out, opened

# how CloudFormation is asked whether anything would change, and told once more what may be deleted
LOOKS = {"CreateChangeSet", "DeleteChangeSet", "UpdateTerminationProtection"}
# what cli/local/ministack_patches/cloudformation_gaps.py says again to the emulator, and never to AWS
GAPS = {"UpdateContinuousBackups", "PutBucketLifecycleConfiguration"}
BUCKET = "wallify-prod-000000000000-us-east-1"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(staging.code_runs_in_place(), reason="packaging for AWS needs Python 3.12 or newer"),
]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with nothing in it, and the project checked out for it."""
    with opened(tmp_path_factory.mktemp("checkout")) as account:
        yield account


@pytest.fixture(scope="module")
def deployed(account: Account) -> Account:
    """The account in which `./wallify deploy --stage dev` was typed once."""
    done = account.wallify("deploy", "--stage", "dev")
    assert done.returncode == 0, done.stdout
    assert "Changed: wallify-dev, wallify-dev-observing, error page, configuration, functions, gateway." in done.stdout
    assert "Everything works" in done.stdout
    return account


def test_a_plan_in_an_empty_account_shows_everything_and_makes_nothing(account: Account) -> None:
    before = account.everything()  # nothing, unless another test came first

    plan = account.wallify("deploy", "--stage", "prod", "--plan")

    assert plan.returncode == 0, plan.stdout
    assert "+ Bucket (AWS::S3::Bucket)" in plan.stdout
    assert "functions and API: would be deployed" in plan.stdout
    assert account.everything() == before


def test_deploying_again_changes_nothing_and_works(deployed: Account) -> None:
    before = deployed.everything(), deployed.functions()

    # What has not changed works as it did: no second smoke test.
    again, calls = deployed.watched("cli", "deploy", "--stage", "dev", "--no-smoke")

    assert again.returncode == 0, again.stdout
    assert "No changes." in again.stdout
    assert deployed.health("dev")["stage"] == "dev"
    assert {call.operation for call in calls} == LOOKS | GAPS
    assert (deployed.everything(), deployed.functions()) == before


def test_the_plan_of_what_is_deployed_is_empty_and_says_what_a_month_costs(deployed: Account) -> None:
    plan = deployed.wallify("deploy", "--stage", "dev", "--plan")

    assert plan.returncode == 0, plan.stdout
    assert "wallify-dev: no changes" in plan.stdout
    assert "functions and API: no changes" in plan.stdout
    assert "USD" in plan.stdout


def test_the_gateways_own_errors_have_our_shape(deployed: Account) -> None:
    [api] = deployed.everything()["get_rest_apis"]
    responses = deployed.aws("apigateway").get_gateway_responses(restApiId=api)["items"]

    too_large = next(found for found in responses if found["responseType"] == "REQUEST_TOO_LARGE")
    assert '"code": "payload_too_large"' in too_large["responseTemplates"]["application/json"]


def test_a_machine_that_never_deployed_deploys_to_the_same_api(
    deployed: Account, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = deployed.everything()
    other = replace(deployed, checkout=check_out(tmp_path_factory.mktemp("other")))

    done = other.wallify("deploy", "--stage", "dev", "--no-smoke")

    assert done.returncode == 0, done.stdout
    assert other.everything() == before


def test_an_api_that_was_deleted_by_hand_is_made_again_with_a_sentence(deployed: Account) -> None:
    before = deployed.everything()
    [api] = before["get_rest_apis"]
    deployed.aws("apigateway").delete_rest_api(restApiId=api)

    done = deployed.wallify("deploy", "--stage", "dev", "--no-smoke")

    assert done.returncode == 0, done.stdout
    assert f"The API {api} does not exist any more." in done.stdout
    assert deployed.health("dev")["stage"] == "dev"
    assert deployed.everything() == before


def test_a_first_deployment_that_was_interrupted_is_continued_with_what_it_made(
    deployed: Account, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = deployed.everything()
    function = deployed.aws("lambda").get_function(FunctionName="wallify-dev")["Configuration"]["FunctionArn"]
    deployed.aws("s3").delete_object(Bucket=BUCKET.replace("prod", "dev"), Key=RECORD_KEY)
    deployed.aws("lambda").untag_resource(Resource=function, TagKeys=[TAG])
    other = replace(deployed, checkout=check_out(tmp_path_factory.mktemp("other")))

    done = other.wallify("deploy", "--stage", "dev", "--no-smoke")

    assert done.returncode == 0, done.stdout
    assert "An interrupted deployment left no record." in done.stdout
    assert other.health("dev")["stage"] == "dev"
    assert other.everything() == before


def test_teardown_leaves_nothing_and_can_be_repeated(account: Account) -> None:
    before = account.everything()
    tracked = (account.checkout / ".chalice" / "config.json").read_text(encoding="utf-8")
    assert account.wallify("deploy", "--stage", "prod", "--no-smoke").returncode == 0  # the smoke test is that of dev
    account.aws("s3").put_object(Bucket=BUCKET, Key="originals/left", Body=b"x")

    refused = account.wallify("teardown", "--stage", "prod")
    gone = account.wallify("teardown", "--stage", "prod", "--yes")
    again = account.wallify("teardown", "--stage", "prod", "--yes")

    assert (refused.returncode, gone.returncode, again.returncode) == (1, 0, 0), gone.stdout + again.stdout
    assert "wallify-prod is protected." in refused.stdout
    assert account.everything() == before
    assert json.loads((account.checkout / ".chalice" / "config.json").read_text("utf-8")) == json.loads(tracked)


def test_teardown_asks_and_takes_anything_but_the_name_for_a_no(deployed: Account) -> None:
    before = deployed.everything()

    refused = deployed.wallify("teardown", "--stage", "dev", typed="yes\n")

    assert refused.returncode == 1
    assert "Nothing was deleted." in refused.stdout
    assert deployed.everything() == before
