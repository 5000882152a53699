"""A request on the wire, read as the call of AWS that it is; and refusals, written as the service writes its own.

The services' own models, which boto3 reads too, say how a call looks on the wire.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import OperationModel, ServiceModel

_SERVICES = {"monitoring": "cloudwatch"}
"""By the names that requests are signed with, where they are others."""

_MODELLED = frozenset(
    {
        *("cloudformation", "cloudfront", "cloudwatch", "dynamodb", "ecr", "iam", "kms"),
        *("lambda", "logs", "s3", "sns", "sqs", "sts"),
    }
)

_COPIES = frozenset({"CopyObject", "UploadPartCopy"})
"""What only a header tells from a PUT of bytes."""


@dataclass(frozen=True)
class Call:
    """One request that a client signed."""

    service: str
    region: str
    access_key: str
    method: str
    path: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def name(self) -> str:
        """As IAM writes it: `s3:CreateBucket`; with an empty operation where it is not known."""
        return f"{self.service}:{self.operation}"

    @cached_property
    def operation(self) -> str:
        match self._model.resolved_protocol:
            case "query":
                return self._form.get("Action", "")
            case "json":
                return self.headers.get("x-amz-target", "").rpartition(".")[2]
        return next((name for name, _ in self._matches()), "")

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """What the call says, by AWS's names; in a form's own, flat spelling where it comes as a form."""
        match self._model.resolved_protocol:
            case "query":
                return self._form
            case "json":
                return self._json
            case "rest-json":
                return {**self._json, **self._labels}
        return self._labels

    def list(self, name: str) -> Iterator[dict[str, str]]:
        """The members of a list in a form, each with its own names."""
        members: dict[int, dict[str, str]] = {}
        for key, value in self._form.items():
            if match := re.fullmatch(rf"{name}\.member\.([0-9]+)\.(\w+)", key):
                members.setdefault(int(match[1]), {})[match[2]] = value
        yield from (members[number] for number in sorted(members))

    def with_form(self, form: Mapping[str, str]) -> "Call":
        """The same call with other parameters."""
        return Call(
            self.service,
            self.region,
            self.access_key,
            self.method,
            self.path,
            self.headers,
            urlencode(form).encode(),
        )

    @property
    def _model(self) -> ServiceModel:
        return model(self.service)

    @cached_property
    def _form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    @cached_property
    def _json(self) -> dict[str, Any]:
        try:
            said = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    @cached_property
    def _labels(self) -> dict[str, str]:
        return next((labels for _, labels in self._matches()), {})

    def _matches(self) -> Iterator[tuple[str, dict[str, str]]]:
        """The operations that a REST request may be, the one that says most of its address first."""
        parts = urlsplit(self.path)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        for name, method, pattern, fixed in routes(self.service):
            if name in _COPIES and "x-amz-copy-source" not in self.headers:
                continue
            if method == self.method and fixed.items() <= given.items() and (match := pattern.fullmatch(parts.path)):
                yield name, {**given, **{key: unquote(value) for key, value in match.groupdict().items()}}

    def refusal(self, status: int, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body with which the service refuses."""
        match self._model.resolved_protocol:
            case "query":
                return status, {"Content-Type": "text/xml"}, _query_error(code, message)
            case "rest-xml" if self.service == "cloudfront":
                return status, {"Content-Type": "text/xml"}, _query_error(code, message)
            case "rest-xml":
                text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
                return status, {"Content-Type": "application/xml"}, b"" if self.method == "HEAD" else text.encode()
        told = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
        return status, told, json.dumps({"__type": code, "message": message, "Message": message}).encode()


def read(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call | None:
    """The call that a request is, or None where it is not signed for a service that is known here."""
    plain = {name.lower(): value for name, value in headers.items()}
    match = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]+/([^/]+)/([^/]+)/", plain.get("authorization", ""))
    if match is None:
        return None
    service = _SERVICES.get(match[3], match[3])
    return Call(service, match[2], match[1], method, path, plain, body) if service in _MODELLED else None


@cache
def model(service: str) -> ServiceModel:
    """How a service's calls look on the wire."""
    return botocore.session.get_session().get_service_model(service)


@cache
def routes(service: str) -> list[tuple[str, str, re.Pattern[str], dict[str, str]]]:
    """Name, method, path and fixed query parameters of a REST service's operations, the most particular first."""
    operations = [model(service).operation_model(name) for name in model(service).operation_names]
    found = [_route(operation) for operation in operations if not operation.deprecated]
    return sorted(found, key=lambda route: (-len(route[3]), -route[2].pattern.count("/"), len(route[2].pattern)))


def _route(operation: OperationModel) -> tuple[str, str, re.Pattern[str], dict[str, str]]:
    path, _, query = operation.http["requestUri"].partition("?")
    pattern = ""
    for literal, label in re.findall(r"([^{]*)(?:\{(\w+\+?)\})?", path):
        pattern += re.escape(literal)
        if label:
            pattern += f"(?P<{label.removesuffix('+')}>{'.+' if label.endswith('+') else '[^/]+'})"
    fixed = dict(parse_qsl(query, keep_blank_values=True))
    return operation.name, operation.http["method"], re.compile(pattern + "/?"), fixed


def _query_error(code: str, message: str) -> bytes:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        "<RequestId>strict</RequestId></ErrorResponse>"
    ).encode()
