"""A deployed machine as the page shows it."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from controlplane import account
from controlplane.account import Clients
from controlplane.operating import watching
from controlplane.operating.meters import VariantStatus
from controlplane.operating.watching import Watched
from controlplane.page.source import Counts, SourceError
from machine_kit import machine


def test_the_page_shows_a_variant_as_status_tells_it() -> None:
    told = VariantStatus("web", 3, 2, 61, 1, 0, 0, "repository@sha256:0")
    assert watching._counts(told) == Counts("web", 3, 2, 1, oldest_seconds=61)
    assert watching._counts(replace(told, errors=1)).trouble == "1 failure in the last hour."
    assert watching._counts(replace(told, throttles=2)).trouble == "2 throttles in the last hour."
    both = watching._counts(replace(told, errors=2, throttles=1, oldest_seconds=None))
    assert (both.trouble, both.oldest_seconds) == ("2 failures in the last hour. 1 throttle in the last hour.", None)


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and never says anything."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as server:
        yield server


def test_nobody_waits_for_one_answer_who_asks_again_soon(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the page's end nothing is under way for long; and each call is made once."""
    monkeypatch.setattr(account, "_IMPATIENT_SECONDS", 0.2)
    session = account._session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    clients = Clients(session, f"http://127.0.0.1:{silent.getsockname()[1]}")
    start = time.monotonic()
    with pytest.raises(SourceError, match="AWS cannot be reached"):
        Watched(replace(machine("web"), clients=clients)).look()
    assert time.monotonic() - start < 20, "patient ones wait a minute for an answer, ten times"
    calls = 0
    silent.setblocking(False)
    while True:
        try:
            silent.accept()[0].close()
        except BlockingIOError:
            break
        calls += 1
    assert calls == len(["alarms", "metrics", "the function", "its queue", "its dead letters"])
