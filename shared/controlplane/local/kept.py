"""The machine that is kept up on this computer: where whoever did not start it finds it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlplane.environment import FOLDER, PROJECT
from controlplane.errors import Failure

STATE = PROJECT / FOLDER / "kept.json"


@contextmanager
def announced(endpoint: str, state: Path = STATE) -> Iterator[None]:
    """Leave the endpoint where `endpoint()` finds it, for as long as the block lasts."""
    text = json.dumps({"endpoint": endpoint})
    state.write_text(text)
    try:
        yield
    finally:
        # Another may have been kept since.
        if state.exists() and state.read_text() == text:
            state.unlink()


def endpoint(state: Path = STATE) -> str:
    """Where the kept machine's account is. Raises Failure where none is kept."""
    try:
        found: str = json.loads(state.read_text())["endpoint"]
    except (OSError, ValueError, KeyError) as error:
        raise Failure("No machine is kept on this computer: `./deploy.sh local --keep` keeps one.") from error
    return found
