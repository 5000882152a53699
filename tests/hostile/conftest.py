"""What runs long runs on request: pytest tests/hostile -m soak."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked as long where nothing was said about it."""
    if "soak" not in config.getoption("-m"):
        items[:] = [item for item in items if item.get_closest_marker("soak") is None]
