"""The function at the edge, from the template, in Node with CloudFront's event shape, on cases that others share."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[4]
CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("cases.json").read_text())
MADE = "hero=webp,avif;web=webp;mobile=;"
"""The formats that lie beside the results of each variant, as the cases have them."""

_MOST_BYTES = 10_240
"""CloudFront takes no larger function: its quotas, "Maximum function size"."""

_RUN = """
const events = JSON.parse(require('fs').readFileSync(0));
process.stdout.write(JSON.stringify(events.map((event) => handler(event))));
"""


class _Loader(yaml.SafeLoader):
    """Reads `!Name value` as its value."""


_Loader.add_multi_constructor("!", lambda loader, _tag, node: getattr(loader, f"construct_{node.id}")(node))


def code() -> str:
    """The function as CloudFront gets it."""
    template = yaml.load((ROOT / "shared/stack.yaml").read_text(), _Loader)  # noqa: S506 - a SafeLoader
    text: str = template["Resources"]["Negotiation"]["Properties"]["FunctionCode"]
    return text.replace("${CdnFormats}", MADE)


def event(uri: str, accept: str | None) -> dict[str, Any]:
    """A viewer request as CloudFront Functions get it (Developer Guide, event structure)."""
    headers = {"host": {"value": "d111111abcdef8.cloudfront.net"}}
    if accept is not None:
        headers["accept"] = {"value": accept}
    return {
        "version": "1.0",
        "context": {"eventType": "viewer-request", "distributionId": "EXAMPLE", "requestId": "x"},
        "viewer": {"ip": "198.51.100.11"},
        "request": {
            "method": "GET",
            "uri": uri,
            "querystring": {"v": {"value": "1"}},
            "headers": headers,
            "cookies": {},
        },
    }


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    """What the function answers to each case, by the case's reason."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed; the function at the edge is JavaScript.")
    events = [event(case["uri"], case["accept"]) for case in CASES]
    done = subprocess.run(
        [node, "-e", code() + _RUN], input=json.dumps(events), capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return {case["why"]: answer for case, answer in zip(CASES, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_the_best_that_a_browser_takes_of_what_the_variant_makes(
    case: dict[str, Any], answers: dict[str, dict[str, Any]]
) -> None:
    answer = answers[case["why"]]
    assert case["answer"] == (answer["statusCode"] if "statusCode" in answer else answer["uri"])


def test_nothing_else_of_a_request_is_changed(answers: dict[str, dict[str, Any]]) -> None:
    """A signature's parameters are CloudFront's own to take away."""
    for case in CASES:
        if case["answer"] != 404:
            sent = event(case["uri"], case["accept"])["request"]
            assert answers[case["why"]] == {**sent, "uri": case["answer"]}


def test_cloudfront_takes_a_function_of_its_size() -> None:
    assert len(code().encode()) <= _MOST_BYTES
