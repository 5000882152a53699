"""An account as strict as AWS: a proxy before the emulated one that refuses what AWS documents that it refuses.

What is refused, and where AWS says so, is the table in rules.py. A refusal is either the answer to the call itself, or
the end of a stack's operation: CloudFormation takes the call, and the resource fails.
"""

import json
import random
import re
import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import template
from controlplane.local import aws
from integration.strict import rules
from integration.strict.calls import Call, read
from integration.trouble import Proxy

NUMBER = "000000000000"
"""The account's."""

_POISON = "Refused"
"""The logical id of what makes a stack's operation fail in the emulator."""

Answer = tuple[int, list[tuple[str, str]], bytes]


class StrictAccount(Proxy):
    """Listens on `endpoint`; see trouble.Proxy for how to make trouble on top.

    concurrency: invocations at a time that AWS allows the account; new accounts have 10. throttle: one control-plane
    call in so many is throttled, at random from `seed`; 0 throttles none.
    """

    def __init__(self, upstream: str, *, concurrency: int = 1000, throttle: int = 0, seed: int = 0) -> None:
        super().__init__(upstream)
        self.concurrency = concurrency
        self.throttle = throttle
        self.refused: Counter[str] = Counter()
        """How often each rule has bitten, by its name."""
        self.calls: Counter[str] = Counter()
        """By their names, `s3:PutObject`."""
        self._upstream = upstream
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._asking = threading.local()
        self._roles: dict[str, str] = {}
        self._failing: dict[str, tuple[str, str, str]] = {}
        self.failed_tasks: dict[str, str] = {}
        """Message move tasks that AWS would have ended, by the queue that they began at."""

    @cache  # noqa: B019 - as long as the account
    def client(self, service: str, region: str = aws.REGION) -> Any:
        """A client for what is behind: it may do everything, and meets no rule."""
        return boto3.client(
            service,
            endpoint_url=self._upstream,
            region_name=region,
            aws_access_key_id=aws.CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=aws.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def role_of(self, call: Call) -> str | None:
        """The name of the role that signed the call, or None for the account's owner."""
        return self._roles.get(call.access_key)

    def planned(self, call: Call) -> template.Stack | None:
        """What a call to CloudFormation would make, or None for a call that makes nothing yet."""
        # Each rule asks, and of the same call it is the same.
        if getattr(self._asking, "call", None) is not call:
            self._asking.call, self._asking.planned = call, self._plan(call)
        planned: template.Stack | None = self._asking.planned
        return planned

    def _plan(self, call: Call) -> template.Stack | None:
        match call.operation:
            case "CreateStack" | "UpdateStack" if "TemplateBody" in call.parameters:
                text, name = call.parameters["TemplateBody"], call.parameters["StackName"]
                given = dict(self._given(call))
            case "ExecuteChangeSet":
                # A change set may be named by its ARN alone.
                where = {
                    name: call.parameters[name] for name in ("StackName", "ChangeSetName") if name in call.parameters
                }
                described = self.client("cloudformation").describe_change_set(**where)
                name, given = described["StackName"], _pairs(described.get("Parameters", ()))
                text = self._template(**where)
            case _:
                return None
        return template.Stack(name, given, template.parse(text), NUMBER, call.region)

    def previous(self, stack: str) -> tuple[str, dict[str, str]]:
        """A stack's template and parameters as they are."""
        (described,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return self._template(StackName=stack), _pairs(described.get("Parameters", ()))

    def _given(self, call: Call) -> Iterator[tuple[str, str]]:
        for entry in call.list("Parameters"):
            if entry.get("UsePreviousValue") == "true":
                yield entry["ParameterKey"], self.previous(call.parameters["StackName"])[1][entry["ParameterKey"]]
            else:
                yield entry["ParameterKey"], entry["ParameterValue"]

    def _template(self, **where: str) -> str:
        body = self.client("cloudformation").get_template(TemplateStage="Original", **where)["TemplateBody"]
        return body if isinstance(body, str) else json.dumps(body)

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        try:
            return self._ruled(request, body)
        except Exception:
            # The server under this closes the connection, and whoever is tested would try again.
            traceback.print_exc()
            raise

    def _ruled(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        # AWS is reached behind TLS; the buckets' policies refuse everything else.
        request.headers["X-Forwarded-Proto"] = "https"
        call = read(request.command, request.path, dict(request.headers.items()), body)
        if call is None:
            return self._forward(request, body)
        self.calls[call.name] += 1
        if self._throttles(call):
            self.refused["throttled"] += 1
            return _told(call.refusal(*rules.THROTTLED.get(call.service, rules.THROTTLED["*"])))
        for rule in rules.RULES:
            found = rule.bites(call, self)
            if found is None:
                continue
            self.refused[rule.name] += 1
            match found:
                case rules.Refusal():
                    return _told(call.refusal(found.status, found.code, found.message))
                case rules.Failure():
                    call = self._poisoned(call, found)
                case rules.Instead():
                    call = found.call
                case rules.Answer():
                    return _told((200, dict(found.headers), found.body))
            break
        if call.body != body:
            body = call.body
            self._sign(request, call)
        return self._remembered(call, self._forward(request, body))

    def _throttles(self, call: Call) -> bool:
        if not self.throttle or not rules.is_control(call):
            return False
        with self._lock:
            return self._chance.randrange(self.throttle) == 0

    def _poisoned(self, call: Call, failure: rules.Failure) -> Call:
        """The same call, of a stack whose operation will fail."""
        form = dict(call.parameters)
        planned = self.planned(call)
        assert planned is not None
        stack = planned.name
        resource = {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": "none", "Timeout": "1"}}
        text = json.dumps({**planned.template, "Resources": {**planned.template["Resources"], _POISON: resource}})
        self._failing[planned.name] = (failure.resource, failure.kind, failure.message)
        if call.operation != "ExecuteChangeSet":
            return call.with_form({**form, "TemplateBody": text})
        cloudformation = self.client("cloudformation")
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        name = f"refused-{uuid4().hex[:8]}"
        cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if described["StackStatus"] == "REVIEW_IN_PROGRESS" else "UPDATE",
            TemplateBody=text,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in planned.given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        cloudformation.get_waiter("change_set_create_complete").wait(
            StackName=stack, ChangeSetName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )
        return call.with_form({**form, "StackName": stack, "ChangeSetName": name})

    def _sign(self, request: BaseHTTPRequestHandler, call: Call) -> None:
        """A changed body needs a signature of its own."""
        signed = AWSRequest(request.command, self.endpoint + request.path, dict(call.headers), call.body)
        for name in ("authorization", "x-amz-content-sha256", "content-length"):
            if name in signed.headers:
                del signed.headers[name]
        keys = Credentials(aws.CREDENTIALS["AWS_ACCESS_KEY_ID"], aws.CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
        SigV4Auth(keys, call.service, call.region).add_auth(signed)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Content-SHA256"):
            del request.headers[name]
            if name in signed.headers:
                request.headers[name] = signed.headers[name]

    def _remembered(self, call: Call, answer: Answer) -> Answer:
        """What the account says, with what only the strict one knows."""
        status, headers, body = answer
        match call.name:
            case "sts:AssumeRole":
                text = body.decode()
                if match := re.search(r"<AccessKeyId>([^<]+)</AccessKeyId>", text):
                    self._roles[match[1]] = call.parameters["RoleArn"].rpartition("/")[2]
            case "cloudformation:DescribeStackEvents" | "cloudformation:DescribeEvents":
                body = self._retold(body)
            case "lambda:GetAccountSettings" if status == 200:
                said = json.loads(body)
                reserved = said["AccountLimit"]["ConcurrentExecutions"] - said["AccountLimit"].get(
                    "UnreservedConcurrentExecutions", said["AccountLimit"]["ConcurrentExecutions"]
                )
                said["AccountLimit"]["ConcurrentExecutions"] = self.concurrency
                said["AccountLimit"]["UnreservedConcurrentExecutions"] = max(0, self.concurrency - max(0, reserved))
                body = json.dumps(said).encode()
        headers = [(name, value) for name, value in headers if name != "Content-Length" or call.method == "HEAD"]
        if call.method != "HEAD":
            headers.append(("Content-Length", str(len(body))))
        return status, headers, body

    def _retold(self, body: bytes) -> bytes:
        """The events of a stack's operation that was made to fail, as they would be on AWS."""

        def retell(match: re.Match[str]) -> str:
            event = match[0]
            stack = re.search(r"<StackName>([^<]*)</StackName>", event)
            if f"<LogicalResourceId>{_POISON}<" not in event or stack is None or stack[1] not in self._failing:
                return event
            resource, kind, message = self._failing[stack[1]]
            event = event.replace(f">{_POISON}<", f">{resource}<")
            event = re.sub(r"<ResourceType>[^<]*<", f"<ResourceType>{kind}<", event)
            reason = escape(message).replace("\\", "\\\\")
            return re.sub(r"<ResourceStatusReason>[^<]+<", f"<ResourceStatusReason>{reason}<", event)

        return re.sub(r"<member>.*?</member>", retell, body.decode(), flags=re.DOTALL).encode()


def _pairs(parameters: Any) -> dict[str, str]:
    return {entry["ParameterKey"]: entry["ParameterValue"] for entry in parameters}


def _told(answer: tuple[int, Mapping[str, str], bytes]) -> Answer:
    status, headers, body = answer
    return status, [*headers.items(), ("Content-Length", str(len(body)))], body
