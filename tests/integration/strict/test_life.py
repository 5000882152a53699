"""The whole life of a stack on an account as strict as AWS: refused nothing, throttled at times, stopped anywhere."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.client
import pytest

import life
from controlplane import cli
from controlplane.deploying import variants
from controlplane.local import aws
from controlplane.local.children import Family
from controlplane.local.emulator import emulator
from integration.deployments import STACK, Deployer, Functions
from integration.strict.account import NUMBER, StrictAccount


@dataclass
class Home:
    """A strict account, and somebody who types at it; what is looked at from outside is what lies behind it."""

    strict: StrictAccount
    typist: Deployer
    monkeypatch: pytest.MonkeyPatch
    stack: str = STACK
    account: str = NUMBER
    region: str = aws.REGION

    def deploy(self, *words: str, status: int = 0) -> str:
        self.typist.images_are_there()
        return self.typist(*words, status=status)

    def client(self, service: str) -> Any:
        return self.typist.client(service)

    def change(self, variant: str) -> None:
        self.monkeypatch.setenv("PILLOW", "stock")  # What images are built with is part of all of them.


@contextmanager
def home(
    workspace: Path, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, **strictness: int
) -> Iterator[Home]:
    functions = Functions()
    with functions.serving():
        proxies = functions.proxies(STACK, variants.folders())
        with (
            Family(workspace) as family,
            emulator(family, workspace, "127.0.0.1", {**proxies, "AUTH": "true"}) as url,
            StrictAccount(url, **strictness) as strict,
        ):
            address = {"AWS_REGION": aws.REGION, "AWS_ENDPOINT_URL": strict.endpoint}
            for name, value in {**aws.CREDENTIALS, **address}.items():
                monkeypatch.setenv(name, value)
            yield Home(strict, Deployer(url, functions, capture), monkeypatch)


def test_the_life_of_a_stack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with home(tmp_path, capsys, monkeypatch) as place:
        life.whole(place)
        assert place.strict.refused == {}
        assert place.strict.calls["cloudformation:CreateChangeSet"] >= 5


@pytest.mark.timeout(900)
def test_the_life_of_a_stack_in_a_new_account_that_throttles_one_call_in_ten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """What is throttled says nothing of what exists: nothing is made twice, or taken for gone."""
    print(f"--seed {seed}")
    with home(tmp_path, capsys, monkeypatch, concurrency=10, throttle=10, seed=seed) as place:
        life.whole(place)
        assert place.strict.refused.keys() == {"throttled"}
        assert place.strict.refused["throttled"] > 20


class Stopped(BaseException):
    """Somebody pulled the plug."""


@contextmanager
def stopped_after(place: Home, calls: int) -> Iterator[list[str]]:
    """Pull the plug before the AWS call after so many; those that were made are in the list."""
    made: list[str] = []
    original = botocore.client.BaseClient._make_api_call

    def call(client: Any, operation: str, arguments: Any) -> Any:
        if client.meta.endpoint_url != place.strict.endpoint:
            return original(client, operation, arguments)
        if len(made) >= calls:
            raise Stopped
        made.append(f"{client.meta.service_model.service_name}:{operation}")
        return original(client, operation, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
        yield made


def calls_of(place: Home, *words: str) -> int:
    """How many AWS calls a command makes."""
    with stopped_after(place, 10_000) as made:
        place.deploy(*words)
    return len(made)


def stop(place: Home, calls: int, *words: str) -> None:
    """A command that comes no further than so many calls; behind the account nothing stops."""
    place.typist.images_are_there()
    with stopped_after(place, calls):
        try:
            cli.main(words)
        except Stopped:
            return


@pytest.mark.timeout(1200)
def test_a_life_that_is_stopped_anywhere_goes_on(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    request: pytest.FixtureRequest,
) -> None:
    """`up` and `destroy`, stopped before any of their calls and typed again, end as if nothing had been."""
    every = request.config.getoption("--every-step")
    print(f"--seed {seed}")
    chance = random.Random(seed)
    with home(tmp_path, capsys, monkeypatch) as place:
        up = ("up", "--stack", STACK)
        destroy = ("destroy", "--stack", STACK, "--yes", "--delete-pictures")
        steps = calls_of(place, *up)
        settled = place.typist.state()
        setting = calls_of(place, *up, "Memory=3008")
        changed = place.typist.state()
        ends = calls_of(place, *destroy)
        life.nothing_is_left(place, buckets=0)
        print({"up": steps, "up with a setting": setting, "destroy": ends})

        def some(total: int, count: int) -> list[int]:
            return list(range(total)) if every else sorted(chance.sample(range(total), count))

        for calls in some(steps, 2):
            stop(place, calls, *up)
            place.deploy(*up)
            assert _same(place.typist.state(), settled), f"up stopped after {calls} calls"
            assert "Nothing changed" in place.deploy(*up)
            place.deploy(*destroy)
            life.nothing_is_left(place, buckets=0)
        place.deploy(*up)
        for calls in some(setting, 1):
            stop(place, calls, *up, "Memory=3008")
            place.deploy(*up, "Memory=3008")
            assert _same(place.typist.state(), changed), f"up Memory=3008 stopped after {calls} calls"
            place.deploy(*up, "Memory=1769")
        for calls in some(ends, 2):
            stop(place, calls, *destroy)
            place.deploy(*destroy)
            life.nothing_is_left(place, buckets=0)
            place.deploy(*up)
        place.deploy(*destroy)


def _same(one: Any, other: Any) -> bool:
    """But for the ids that AWS makes up."""
    return bool(_named(one) == _named(other))


def _named(state: Any) -> Any:
    return {
        **state,
        "resources": [logical for logical, _ in state["resources"]],
        "buckets": {
            name: [{key: value for key, value in entry.items() if key != "Id"} for entry in found.get(kind, ())]
            for name, found in state["buckets"].items()
            for kind in ("TopicConfigurations",)
        },
    }
