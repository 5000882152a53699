"""Clients for the emulator, and for nothing else: no setting of the user's leads them astray."""

import os
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"

CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
}
"""The emulator takes any; these are no secrets."""

PROXIES: Mapping[str, str] = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
"""The user's own, for what still has to be fetched from outside."""


def forget_the_users_account() -> None:
    """Make this process and its clients blind to the account, the profile and the proxies of who started it."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def client(service: str, endpoint: str) -> Any:
    """A client for `service` of the emulator at `endpoint`; it may be shared between threads."""
    session = boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    config = Config(
        s3={"addressing_style": "path"},
        max_pool_connections=32,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return session.client(service, endpoint_url=endpoint, config=config)
