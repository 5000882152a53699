"""Whose AWS it is: login, region, clients; and what AWS says when it refuses, in a sentence."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, the root of those that are about the network
    HTTPClientError,
    NoCredentialsError,
    ProfileNotFound,
)
from botocore.utils import parse_timestamp

from controlplane.errors import Failure
from controlplane.words import count

EMULATED_REGION = "us-east-1"

ATTEMPTS = 10
"""For each call. The pauses between them double up to 20 seconds, so that throttling is waited out for a minute."""
LOGIN_ATTEMPTS = 4
"""For the first call, which is the one that tells that there is no network: that should not take a minute."""
_SECONDS, _IMPATIENT_SECONDS = 60.0, 5.0
"""To connect, and to be answered: botocore's own, and where the same is asked again soon."""

THROTTLED = frozenset(
    {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
_UNKNOWN_CALLER = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_LOGIN = "run `aws configure` or `aws sso login`, or export AWS_PROFILE"


class Clients:
    """boto3's clients by service, `clients["sqs"]`; each is made when it is first asked for. Thread-safe."""

    def __init__(self, session: boto3.Session, endpoint: str | None = None, *, patient: bool = True) -> None:
        """`endpoint` is an emulator's URL; None is AWS, or whatever AWS_ENDPOINT_URL names."""
        self._session = session
        self._endpoint = endpoint
        self._patient = patient
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __getitem__(self, service: str) -> Any:
        with self._lock:
            if service not in self._made:
                config = self._config(service)
                self._made[service] = self._session.client(service, endpoint_url=self._endpoint, config=config)
            return self._made[service]

    def impatient(self) -> "Clients":
        """The same for whoever asks again soon: one attempt for each call, which nobody has to wait for at the end."""
        return Clients(self._session, self._endpoint, patient=False)

    def _config(self, service: str) -> Config:
        seconds, attempts = _SECONDS, LOGIN_ATTEMPTS if service == "sts" else ATTEMPTS
        if not self._patient:
            seconds, attempts = _IMPATIENT_SECONDS, 1
        return Config(
            connect_timeout=seconds,
            read_timeout=seconds,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=32,
            # An emulator's name has no subdomain for each bucket.
            s3={"addressing_style": "path"} if self._endpoint else {},
        )


@dataclass(frozen=True)
class Account:
    """An AWS account in one region."""

    number: str
    """Twelve digits."""
    region: str
    partition: str
    """The part of AWS that the region is in, as ARNs name it: `aws` nearly everywhere."""
    clients: Clients = field(repr=False, compare=False)
    endpoint: str | None = None
    """The emulator's URL, where it is an emulated account."""

    @classmethod
    def login(cls) -> "Account":
        """That of the user's own AWS configuration. Raises Failure where there is none, or none that AWS knows."""
        with aws_errors():
            session = _session()
            region = os.environ.get("AWS_REGION") or session.region_name
            if not region:
                raise Failure("No AWS region is chosen: export AWS_REGION=eu-central-1, or run `aws configure`.")
            session = _session(region_name=region)
            return cls._known(session, region, os.environ.get("AWS_ENDPOINT_URL") or None)

    @classmethod
    def emulated(cls, endpoint: str) -> "Account":
        """The emulated account at `endpoint`, whatever the user's own is. Raises Failure where nobody answers."""
        session = _session(aws_access_key_id="test", aws_secret_access_key="test", region_name=EMULATED_REGION)  # noqa: S106
        with aws_errors():
            return cls._known(session, EMULATED_REGION, endpoint)

    @classmethod
    def _known(cls, session: boto3.Session, region: str, endpoint: str | None) -> "Account":
        clients = Clients(session, endpoint)
        caller = clients["sts"].get_caller_identity()
        return cls(caller["Account"], region, caller["Arn"].split(":")[1], clients, endpoint)


def _session(**options: str) -> boto3.Session:
    """boto3's, which reads the times in a listing in a tenth of the time that it would take by itself."""
    core = botocore.session.get_session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)
    return boto3.Session(botocore_session=core, **options)


def _moment(value: Any) -> datetime:
    """A time as AWS writes it: nearly always, as in 2026-11-25T12:00:00.000Z, Python reads it itself."""
    if isinstance(value, str) and value.endswith("Z"):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    return cast("datetime", parse_timestamp(value))


@contextmanager
def aws_errors() -> Iterator[None]:
    """Raise what AWS refuses inside the block as a Failure."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Failure(sentence(error)) from error


def code(error: ClientError) -> str:
    """AWS's name for the error, such as `ValidationError`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message(error: ClientError) -> str:
    """AWS's own words, without a full stop."""
    return str(error.response.get("Error", {}).get("Message", "") or code(error)).strip().rstrip(".")


def sentence(error: BotoCoreError | ClientError) -> str:
    """What happened and what to do."""
    match error:
        case ClientError():
            return _refusal(error)
        case NoCredentialsError():
            return f"AWS does not know who you are: {_LOGIN}."
        case ProfileNotFound():
            return f"{error}: export another AWS_PROFILE, or run `aws configure`."
        case ConnectionError() | HTTPClientError():
            return f"AWS cannot be reached: {str(error).rstrip('.')}. Connect, and run the command again."
        case _:
            return f"AWS could not be asked: {str(error).rstrip('.')}."


def _refusal(error: ClientError) -> str:
    name, said = code(error), message(error)
    if name in _UNKNOWN_CALLER:
        return f"AWS does not know who you are: {_LOGIN}. It says: {said}."
    if name in THROTTLED:
        refused = count(1 + error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0), "time")
        return (
            f"AWS is asked too much at once, and {error.operation_name} was refused {refused} ({name}): "
            "run the command again in a few minutes."
        )
    if "denied" in name.lower() or name in {"403", "UnauthorizedOperation"}:
        return f"You may not do this in AWS: {error.operation_name} needs a permission. It says: {said}."
    return f"AWS refuses {error.operation_name}: {said} ({name})."
