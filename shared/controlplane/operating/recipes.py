"""What each deployed function makes: asked of the function itself, for only what runs knows it."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from controlplane.errors import Failure
from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.results import Wanted

DESCRIBE = {"imagemachine": "describe"}
"""The event that a function answers with what it makes."""


def wanted(machine: Machine, variants: Sequence[DeployedVariant]) -> dict[str, Wanted]:
    """What each of `variants` makes, by name. Raises Failure where a function cannot say it, ClientError."""
    functions = machine.clients["lambda"]
    with ThreadPoolExecutor(max(1, len(variants))) as pool:
        answers = pool.map(lambda variant: _ask(functions, variant), variants)
        return {variant.name: answer for variant, answer in zip(variants, answers, strict=True)}


def _ask(functions: Any, variant: DeployedVariant) -> Wanted:
    answer = functions.invoke(FunctionName=variant.function, Payload=json.dumps(DESCRIBE).encode())
    try:
        said = json.loads(answer["Payload"].read())
        return Wanted.read(said)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failure(
            f"The function {variant.function} does not say what it makes, so that its results cannot be told current "
            f"from stale: `./deploy.sh logs {variant.name} --errors` shows whether it starts, `./deploy.sh push "
            f"{variant.name}` brings it up to date."
        ) from error
