"""Where S3's objects are, and requests for them that prove who asks: as much of it as needs no boto3."""

import re
from collections.abc import Mapping
from hashlib import sha256
from hmac import digest
from typing import NamedTuple, Self
from urllib.parse import quote, urlsplit

_REGION = re.compile(r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov)-[a-z]+-[0-9]")
_IN_HOST = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
"""A bucket that can stand in front of its host's name: a dot would not fit S3's certificate."""

_LEFT_TO_BOTO3 = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)

UNSIGNED = "UNSIGNED-PAYLOAD"
"""What is signed in the place of a body: its checksum, which is signed too, stands for it."""


class Access(NamedTuple):
    """Where S3 is, and the credentials for it."""

    region: str
    key_id: str
    secret: str
    token: str | None = None
    endpoint: str | None = None
    """An emulator's; None: AWS."""
    certificates: str | None = None
    """A file or folder of those that are trusted; None: those that come with botocore."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self | None:
        """From an environment such as Lambda's; None where it asks for what only boto3 can do."""
        region = environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION") or ""
        key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        proxies = any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in environ)
        special = proxies or any(environ.get(name) for name in _LEFT_TO_BOTO3)
        if special or not key_id or not secret or not _REGION.fullmatch(region):
            return None
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None
        token, certificates = environ.get("AWS_SESSION_TOKEN") or None, environ.get("AWS_CA_BUNDLE") or None
        return cls(region, key_id, secret, token, endpoint, certificates)


def place(access: Access, bucket: str, key: str) -> tuple[bool, str, str]:
    """Where an object is: whether behind TLS, at which host, under which path."""
    path = "/" + quote(key, safe="/")
    if access.endpoint:
        # An emulator is one host, and has no name for each bucket.
        url = urlsplit(access.endpoint)
        return url.scheme == "https", url.netloc, f"{url.path.rstrip('/')}/{bucket}{path}"
    domain = "amazonaws.com.cn" if access.region.startswith("cn-") else "amazonaws.com"
    service = f"s3.{access.region}.{domain}"
    return (True, f"{bucket}.{service}", path) if _IN_HOST.fullmatch(bucket) else (True, service, f"/{bucket}{path}")


def signed(
    access: Access, method: str, host: str, path: str, headers: Mapping[str, str], payload: str, moment: str
) -> dict[str, str]:
    """`headers`, whose names are lower-case, with those that prove who asks, and when.

    payload: the body's SHA-256 in hexadecimal, or "UNSIGNED-PAYLOAD"; moment: such as 20261120T120000Z.
    Source: "Signature Version 4" in the Amazon S3 API Reference.
    """
    headers = {**headers, "host": host, "x-amz-content-sha256": payload, "x-amz-date": moment}
    if access.token:
        headers["x-amz-security-token"] = access.token
    names = sorted(headers)
    lines = (f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    canonical = f"{method}\n{path}\n\n{''.join(lines)}\n{';'.join(names)}\n{payload}"
    scope = (moment[:8], access.region, "s3", "aws4_request")
    key = f"AWS4{access.secret}".encode()
    for part in scope:
        key = digest(key, part.encode(), "sha256")
    text = "\n".join(("AWS4-HMAC-SHA256", moment, "/".join(scope), sha256(canonical.encode()).hexdigest()))
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access.key_id}/{'/'.join(scope)}, SignedHeaders={';'.join(names)},"
        f" Signature={digest(key, text.encode(), 'sha256').hex()}"
    )
    return headers
