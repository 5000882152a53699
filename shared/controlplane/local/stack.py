"""Deploys shared/stack.yaml on the emulator, and tells what came of it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from controlplane.deploying.template import Template
from controlplane.errors import Failure
from controlplane.local.aws import client
from controlplane.local.hosts import Function, Stack
from controlplane.local.outcomes import MAX_RECEIVES
from controlplane.stacks import first_failure

DEPLOY_SECONDS = 60.0

LOCAL_PARAMETERS: Mapping[str, str] = {
    # The Runtime Interface Emulator takes one invocation at a time.
    "ReservedConcurrency": "1",
    # Whoever waits at the terminal would rather not wait for ten.
    "RetrySeconds": "1",
    "MaxReceives": str(MAX_RECEIVES),
    # This computer's kernel is what it is; the log says what it refuses.
    "RequireSandbox": "false",
}


def deploy(endpoint: str, project: Path, name: str, names: tuple[str, ...], parameters: Mapping[str, str]) -> Stack:
    """Create the stack `name` with the variants `names`. Raises Failure."""
    cloudformation, functions = client("cloudformation", endpoint), client("lambda", endpoint)
    given = {"Variants": ",".join(names), **LOCAL_PARAMETERS, **parameters}
    try:
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=Template(project / "shared/stack.yaml").body,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        outputs = _outputs(cloudformation, name)
        return Stack(
            endpoint=endpoint,
            source_bucket=outputs["SourceBucket"],
            output_bucket=outputs["OutputBucket"],
            topic=outputs["Topic"],
            functions=tuple(_function(functions, f"{name}-{variant}", variant) for variant in names),
            queues={variant: outputs[f"Queue{variant}"] for variant in names},
            dead_letters={variant: outputs[f"DeadLetters{variant}"] for variant in names},
        )
    except ClientError as error:
        raise Failure(f"The stack could not be deployed: {error}") from error


def _outputs(cloudformation: Any, name: str) -> dict[str, str]:
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if stack["StackStatus"] != "CREATE_IN_PROGRESS":
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            raise Failure(f"The stack could not be deployed: {first_failure(events, None) or stack['StackStatus']}")
        time.sleep(0.03)
    raise Failure(f"The stack was not up after {DEPLOY_SECONDS:.0f} seconds.")


def _function(functions: Any, name: str, variant: str) -> Function:
    defined: dict[str, Any] = functions.get_function_configuration(FunctionName=name)
    return Function(
        name=name,
        variant=variant,
        environment=defined.get("Environment", {}).get("Variables", {}),
        memory=defined["MemorySize"],
        timeout=defined["Timeout"],
    )
