"""A machine is found from its stack, whoever made it, and only what is not there is "none"."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane import stacks
from controlplane.account import Account
from controlplane.errors import Failure
from controlplane.local import kept
from controlplane.local.aws import REGION
from controlplane.machine import Machine
from integration import kit


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kit.Machine]:
    with kit.running(tmp_path_factory.mktemp("machine"), ["thumbnail", "web"]) as machine:
        yield machine


def test_a_machine_is_what_its_stack_says(running: kit.Machine) -> None:
    account = Account.emulated(running.stack.endpoint)
    machine = Machine.find(account, "image-machine")
    assert (machine.name, machine.region, machine.account) == ("image-machine", REGION, "000000000000")
    assert (machine.source_bucket, machine.output_bucket) == (running.stack.source_bucket, running.stack.output_bucket)
    assert machine.ingest_prefix == "ingest/"
    assert [variant.name for variant in machine.variants] == ["thumbnail", "web"]
    functions = machine.clients["lambda"]
    for variant in machine.variants:
        function = functions.get_function(FunctionName=variant.function)
        assert function["Code"]["ImageUri"] == variant.image
        logging = function["Configuration"].get("LoggingConfig", {})
        assert variant.log_group == logging.get("LogGroup", f"/aws/lambda/{variant.function}")
        environment = function["Configuration"]["Environment"]["Variables"]
        assert environment["QUEUE_URL"] == variant.queue_url
        assert environment["DEAD_LETTER_QUEUE_URL"] == variant.dead_letter_url
        assert variant.output_prefix == f"{variant.name}/"
        assert machine.variant(variant.name) == variant
    subscribed = machine.clients["sns"].list_subscriptions_by_topic(TopicArn=machine.topic)["Subscriptions"]
    assert len(subscribed) == 2
    with pytest.raises(Failure, match="it has thumbnail, web"):
        machine.variant("sepia")


def test_a_machine_that_is_not_there_is_told_with_what_makes_it(endpoint: str) -> None:
    with pytest.raises(Failure, match=r"There is no stack nothing in account 0{12}.*deploy\.sh up"):
        Machine.find(Account.emulated(endpoint), "nothing")


def test_a_stack_that_is_no_machine(endpoint: str) -> None:
    account = Account.emulated(endpoint)
    queue = {"Type": "AWS::SQS::Queue", "Properties": {}}
    account.clients["cloudformation"].create_stack(
        StackName="other", TemplateBody=json.dumps({"Resources": {"Queue": queue}})
    )
    with pytest.raises(Failure, match="other is not up"):
        Machine.find(account, "other")


def test_only_what_does_not_exist_is_none(endpoint: str) -> None:
    account = Account.emulated(endpoint)
    assert stacks.find(account, "nothing") is None


def test_the_kept_machine_is_found_while_it_is_kept(tmp_path: Path) -> None:
    state = tmp_path / "kept.json"
    with pytest.raises(Failure, match="local --keep"):
        kept.endpoint(state)
    with kept.announced("http://127.0.0.1:4566", state):
        assert kept.endpoint(state) == "http://127.0.0.1:4566"
        with kept.announced("http://127.0.0.1:4567", state):
            assert kept.endpoint(state) == "http://127.0.0.1:4567"
    assert not state.exists()


def test_an_account_that_does_not_answer_is_a_sentence() -> None:
    with pytest.raises(Failure, match="cannot be reached"):
        Account.emulated("http://127.0.0.1:1")
