"""The composition root: the one place that reads the environment and makes clients, once per function."""

import ctypes
import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from imagemachine.errors import ImageMachineError
from imagemachine.processors import processors
from imagemachine.sandbox import Sandbox
from imagemachine.settings import MIB, Settings
from imagemachine.shares import Shares
from imagemachine.variant import Limits, Variant

if TYPE_CHECKING:
    from imagemachine.announcements import Announcer, Ledger
    from imagemachine.batch import Batch

_APART = 16 * MIB
"""Uploads and results that are larger have memory of their own, which goes back to the system with them."""

_M_MMAP_THRESHOLD = -3
"""Of the C library's `mallopt`."""

_PATIENT = 8
"""Attempts, with pauses that grow to 20 seconds: a new table takes 4,000 notes a second, and twice as many soon."""


def function(variant: Variant) -> "Batch":
    """The Lambda handler that makes `variant` of every upload its queue announces.

    Raises ConfigurationError, which stops the function at its start, where the environment is wrong.
    """
    _keep_large_apart()
    settings = Settings.load(os.environ, variant.name)
    configured = variant.configured(settings)
    megabytes = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3072"))
    shares = Shares.of(megabytes * MIB, processors(), settings)
    sandbox = Sandbox(
        configured,
        Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels),
        max_memory=shares.max_memory,
        max_output=shares.max_output,
        at_once=shares.at_once,
        require=settings.require_sandbox,
        started=partial(_started, settings.stack, configured),
    )
    # Here, not above: another process loads the codecs while this one loads the rest.
    from imagemachine.batch import Batch  # noqa: PLC0415
    from imagemachine.job import Job  # noqa: PLC0415
    from imagemachine.storage import Queue, Storage  # noqa: PLC0415

    storage = Storage(_client("s3"), cache_control=settings.cache_control)
    sqs = _once(lambda: _client("sqs"))
    queue = Queue(sqs, url=settings.queue_url, dead_letter_url=settings.dead_letter_queue_url)
    if settings.require_sandbox:
        _require(sandbox)
    ledger, announcer = _announcements(settings, variant.name)
    return Batch(
        configured,
        Job(configured, settings, storage, sandbox, ledger, at_once=shares.at_once, ahead=shares.ahead),
        queue,
        retry_seconds=settings.retry_seconds,
        stack=settings.stack,
        announcer=announcer,
    )


def _announcements(settings: Settings, variant: str) -> "tuple[Ledger | None, Announcer | None]":
    if settings.outcomes_topic_arn is None or settings.ledger_table is None:
        return None, None
    from imagemachine.announcements import Announcer, Ledger  # noqa: PLC0415

    dynamodb = _once(lambda: _boto3("dynamodb", attempts=_PATIENT))
    ledger = Ledger(dynamodb, table=settings.ledger_table, variant=variant, variants=settings.variants)
    # Once: what is published late may be published of an upload that has changed meanwhile. The message comes back.
    sns = _once(lambda: _boto3("sns", attempts=1))
    return ledger, Announcer(sns, topic_arn=settings.outcomes_topic_arn)


def _require(sandbox: Sandbox) -> None:
    """Wait until the sandbox has started. Raises ConfigurationError, Retryable: such a function is not to start."""
    try:
        _ = sandbox.notes
    except ImageMachineError:
        sandbox.close()
        raise


def _started(stack: str, variant: Variant, notes: Sequence[str]) -> None:
    """Say once what the function is, and what the kernel refused of the sandbox."""
    from imagemachine.telemetry import Measures, emit  # noqa: PLC0415

    properties = {
        "level": "WARNING" if notes else "INFO",
        "stack": stack,
        "variant": variant.name,
        "recipe": variant.recipe,
        "starts": 1,
        "sandbox_refusals": len(notes),
        "notes": list(notes),
    }
    emit(properties, Measures({"starts": "Count", "sandbox_refusals": "Count"}, by=("stack", "variant")))


def _keep_large_apart() -> None:
    """Otherwise the C library, once it has seen a large picture go, keeps the place of the next one for itself."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _APART)


def _client(service: str) -> Any:
    from imagemachine.s3 import S3  # noqa: PLC0415
    from imagemachine.signature import Access  # noqa: PLC0415

    access = Access.load(os.environ) if service == "s3" else None
    return S3(access, _once(lambda: _boto3(service))) if access else _boto3(service)


def _boto3(service: str, attempts: int = 3) -> Any:
    # Here, not above: they take longer to load than everything else, and most functions never need them.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    emulated = {"AWS_ENDPOINT_URL", f"AWS_ENDPOINT_URL_{service.upper()}"} & os.environ.keys()
    config = Config(
        connect_timeout=3,
        read_timeout=15,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=10,
        # An emulator is one host, and has no name for each bucket.
        s3={"addressing_style": "path"} if emulated else None,
    )
    # It knows the first of these only; a container that is run by hand may have the second only.
    region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION")
    return boto3.client(service, region_name=region, config=config)


def _once(make: Callable[[], Any]) -> Callable[[], Any]:
    """What `make` gives, made when it is first needed, by one thread for all."""
    lock, made = Lock(), cache(make)

    def get() -> Any:
        with lock:
            return made()

    return get
