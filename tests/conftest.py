"""What tests share: an emulated account, without the machine on it."""

import ctypes
import random
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.local import aws
from controlplane.local.children import Family
from controlplane.local.emulator import emulator
from pictures_kit import OF_THE_IMAGES

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


@pytest.fixture
def visible_memory() -> Iterator[None]:
    """This process may look at its own memory, which a sandbox in an earlier test has hidden from all but root."""
    get_dumpable, set_dumpable = 3, 4  # include/uapi/linux/prctl.h
    libc = ctypes.CDLL(None)
    before = libc.prctl(get_dumpable)
    libc.prctl(set_dumpable, 1)
    yield
    libc.prctl(set_dumpable, before)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """The last line says how much of the codec was not tested here."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(OF_THE_IMAGES in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(
            f"Not tested here: {count} tests of the libraries as docker/base/patches change them."
            " With a Docker engine tests/run.sh runs them in the image."
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("image machine")
    group.addoption("--uploads", type=int, default=150, help="how many uploads the storm has")
    group.addoption("--results", help="a folder of results that the eye is to look at, made by eye/render_all.py")
    group.addoption(
        "--seed", type=int, help="of the storm and of what is throttled or stopped; another each time unless given"
    )
    group.addoption("--every-step", action="store_true", help="stop a deployment before each of its calls, not at some")


_WITH_AN_ENGINE_SECONDS = 1800
"""For a test with the marker `docker`: the first of them builds the images."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("docker") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_WITH_AN_ENGINE_SECONDS))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Of whatever happens at random; a test that uses it prints it."""
    chosen = request.config.getoption("--seed")
    return int(chosen) if chosen is not None else random.SystemRandom().randrange(10**6)
