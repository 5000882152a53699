"""What the stack makes of CloudFront, on the emulator's data plane: the function at the edge, and its headers.

The emulator does not ask its own S3 for an origin's objects. So the distribution gets the bucket's address on this
computer for its origin here; all else is what the template made.
"""

import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from controlplane.edge import parameter
from controlplane.local import aws

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not there: CloudFront Functions need it")

NAME = "edge"
TEMPLATE = Path(__file__).parents[2] / "shared/stack.yaml"
BROWSER = "image/avif,image/webp,image/apng,image/*,*/*;q=0.8"


@dataclass
class Edge:
    """A distribution, asked as a browser asks it."""

    endpoint: str
    host: str

    def get(self, path: str, accept: str, origin: str | None = None) -> tuple[int, Message, bytes]:
        headers = {"Host": self.host, "Accept": accept, "X-Forwarded-Proto": "https"}
        if origin:
            headers["Origin"] = origin
        request = urllib.request.Request(self.endpoint + path, headers=headers)  # noqa: S310 - the emulator's
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()


def create(endpoint: str, **parameters: str) -> dict[str, str]:
    """The outputs of a stack with CloudFront. Raises AssertionError where it does not come up."""
    cloudformation = aws.client("cloudformation", endpoint)
    given = {
        "Variants": "web",
        "Digests": f"web={0:064x};",
        "Cdn": "true",
        "CdnFormats": parameter({"web": ["webp", "avif"]}),
        **parameters,
    }
    cloudformation.create_stack(
        StackName=NAME,
        TemplateBody=TEMPLATE.read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    for _ in range(300):
        (stack,) = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
        if stack["StackStatus"] != "CREATE_IN_PROGRESS":
            break
        time.sleep(0.1)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloudformation.describe_stack_events(StackName=NAME)
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture(scope="module")
def edge(endpoint: str, s3: Any) -> Iterator[Edge]:
    outputs = create(endpoint, CdnOrigins="https://example.com")
    bucket = outputs["OutputBucket"]
    for key in ("web/cat.jpg", "web/cat.jpg.webp", "web/cat.jpg.avif", "secret/cat.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), CacheControl="public, max-age=31536000")
    cloudfront = aws.client("cloudfront", endpoint)
    (distribution,) = cloudfront.list_distributions()["DistributionList"]["Items"]
    got = cloudfront.get_distribution_config(Id=distribution["Id"])
    (origin,) = got["DistributionConfig"]["Origins"]["Items"]
    assert origin["DomainName"].startswith(f"{bucket}.s3.")
    assert origin["OriginAccessControlId"]
    for name in ("S3OriginConfig", "OriginAccessControlId"):
        origin.pop(name, None)
    address = urlsplit(endpoint)
    origin |= {
        "DomainName": address.hostname,
        "OriginPath": f"/{bucket}",
        "CustomOriginConfig": {
            "HTTPPort": address.port,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "http-only",
            "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]},
        },
    }
    cloudfront.update_distribution(
        Id=distribution["Id"], IfMatch=got["ETag"], DistributionConfig=got["DistributionConfig"]
    )
    yield Edge(endpoint, urlsplit(outputs["Address"]).netloc)
    aws.client("cloudformation", endpoint).delete_stack(StackName=NAME)


def test_a_browser_gets_avif_and_curl_gets_jpeg(edge: Edge) -> None:
    assert edge.get("/web/cat.jpg", BROWSER)[::2] == (200, b"web/cat.jpg.avif")
    assert edge.get("/web/cat.jpg", "image/webp,*/*")[::2] == (200, b"web/cat.jpg.webp")
    assert edge.get("/web/cat.jpg", "*/*")[::2] == (200, b"web/cat.jpg")


def test_nothing_else_of_the_bucket_is_to_be_had(edge: Edge) -> None:
    for path in ("/", "/secret/cat.jpg", "/?list-type=2", "/web"):
        status, _, body = edge.get(path, "*/*")
        assert status == 404 or b"cat" not in body, path


def test_answers_say_for_whom_and_how_long_they_hold(edge: Edge) -> None:
    _, headers, _ = edge.get("/web/cat.jpg", BROWSER, origin="https://example.com")
    assert "Accept" in (headers["Vary"] or "")
    assert headers["Cache-Control"] == "public, max-age=60"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Strict-Transport-Security"]
    assert headers["Access-Control-Allow-Origin"] == "https://example.com"


def test_plain_http_is_sent_to_https(edge: Edge) -> None:
    request = urllib.request.Request(edge.endpoint + "/web/cat.jpg", headers={"Host": edge.host})  # noqa: S310

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(Stay).open(request, timeout=30)
    with caught.value as error:
        assert (error.code, error.headers["Location"]) == (301, f"https://{edge.host}/web/cat.jpg")
