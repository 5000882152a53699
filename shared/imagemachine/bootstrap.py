"""The composition root: the one place that reads the environment and makes clients, once per function."""

import os
from functools import cache
from typing import Any

from imagemachine.batch import Batch
from imagemachine.job import Job
from imagemachine.sandbox import Sandbox
from imagemachine.settings import MIB, Settings
from imagemachine.storage import Queue, Storage
from imagemachine.telemetry import emit
from imagemachine.variant import Limits, Variant

_PARENT_MEMORY = 400 * MIB
"""What the function itself needs beside the codec's worker: the interpreter, boto3 and the pictures in flight."""


def function(variant: Variant) -> Batch:
    """The Lambda handler that makes `variant` of every upload its queue announces.

    Raises ConfigurationError, which stops the function at its start, where the environment is wrong.
    """
    settings = Settings.load(os.environ, variant.name)
    configured = variant.configured(settings)
    limits = Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
    # First, because its worker loads the codecs while this process loads boto3.
    sandbox = Sandbox(configured, limits, max_memory=_codec_memory(), require=settings.require_sandbox)
    storage = Storage(_client("s3"), cache_control=settings.cache_control)
    queue = Queue(cache(lambda: _client("sqs")), url=settings.queue_url, dead_letter_url=settings.dead_letter_queue_url)
    properties = {
        "level": "WARNING" if sandbox.notes else "INFO",
        "variant": variant.name,
        "recipe": configured.recipe,
        "starts": 1,
        "sandbox_refusals": len(sandbox.notes),
        "notes": list(sandbox.notes),
    }
    emit(properties, {"starts": "Count", "sandbox_refusals": "Count"}, [["variant"]])
    return Batch(configured, Job(configured, settings, storage, sandbox), queue, retry_seconds=settings.retry_seconds)


def _codec_memory() -> int:
    """How much the worker may use, in bytes: what the function's memory leaves, with room for two large pictures."""
    megabytes = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3072"))
    return max(megabytes * MIB - _PARENT_MEMORY, 256 * MIB)


def _client(service: str) -> Any:
    # Here, not above: they take longest to load, and the sandbox's worker starts meanwhile.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=3,
        read_timeout=15,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=10,
        # An emulator is one host, and has no name for each bucket.
        s3={"addressing_style": "path"} if "AWS_ENDPOINT_URL" in os.environ else None,
    )
    return boto3.client(service, config=config)
