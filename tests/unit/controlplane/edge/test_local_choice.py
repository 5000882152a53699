"""The choice on this computer is that of the function at the edge."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane import edge

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("cases.json").read_text())
MADE = {"hero": ["webp", "avif"], "web": ["webp"], "mobile": []}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_a_request_is_answered_as_at_the_edge(case: dict[str, Any]) -> None:
    answer = edge.answered(case["uri"], case["accept"], MADE)
    assert answer == (None if case["answer"] == 404 else case["answer"])


def test_the_stack_takes_the_parameter() -> None:
    said = edge.parameter(MADE)
    assert said == "hero=webp,avif;mobile=;web=webp;"
    template = (Path(__file__).parents[4] / "shared/stack.yaml").read_text()
    section = template[template.index("\n  CdnFormats:") :]
    pattern = yaml.safe_load(section[section.index("AllowedPattern:") :].splitlines()[0])["AllowedPattern"]
    assert re.fullmatch(pattern, said)
    assert re.fullmatch(pattern, "")
    assert edge.made(said) == MADE
    assert edge.made("") == {}
