"""What tests share: an emulated account, without the machine on it."""

from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.local import aws
from controlplane.local.children import Family
from controlplane.local.emulator import emulator

aws.forget_the_users_account()


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """No test reaches, or depends on, an account of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.CREDENTIALS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an emulated account that no machine runs on."""
    workspace = tmp_path_factory.mktemp("account")
    with Family(workspace) as family, emulator(family, workspace, "127.0.0.1", {}) as url:
        yield url


@pytest.fixture(scope="session")
def s3(endpoint: str) -> Any:
    """A client for its S3."""
    return aws.client("s3", endpoint)


@pytest.fixture(scope="session")
def sqs(endpoint: str) -> Any:
    """A client for its SQS."""
    return aws.client("sqs", endpoint)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("image machine")
    group.addoption("--uploads", type=int, default=150, help="how many uploads the storm has")
    group.addoption("--seed", type=int, help="of the storm; another each time unless given")
