"""S3 without boto3: requests are those that boto3 would send, and what does not succeed is left to it."""

import datetime as dt
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from zlib import crc32

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.session import get_session

from imagemachine import connections, s3
from imagemachine.s3 import S3
from imagemachine.signature import Access, place, signed

MOMENT = dt.datetime(2026, 11, 20, 12, 0, 0, tzinfo=dt.UTC)
KEYS = (
    "ingest/a.jpg",
    "ingest/holiday/Café 50% + ü.jpg",
    "ingest//a/../b/./c%20d+e f",
    "/leading/and/trailing/",
    "a~b_c-d.e!f*g'h(i)j;k:l@m&n=o$p,q?r#s[t]u{v}w|x\\y^z`<>\"",
    "line\nbreak\ttab\x7f",
    "\N{GRINNING FACE}\N{COMBINING ACUTE ACCENT}e\N{ZERO WIDTH JOINER}",
    "é" * 512,
    "%2F%25%00",
    "..",
)
ACCESS = Access("eu-central-1", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:4566", "https://s3.example.com/below"])
def test_an_object_is_where_boto3_looks_for_it(region: str, endpoint: str | None) -> None:
    urls: list[str] = []

    class Sent(Exception):
        pass

    def send(request: Any, **_: object) -> None:
        urls.append(request.url)
        raise Sent

    session, style = get_session(), Config(s3={"addressing_style": "path"} if endpoint else None)
    client = session.create_client("s3", region_name=region, endpoint_url=endpoint, config=style)
    client.meta.events.register("before-send.s3", send)
    for bucket, key in product(("pictures", "my.pictures", "Old_Pictures"), KEYS):
        with pytest.raises(Sent):
            client.get_object(Bucket=bucket, Key=key)
        secure, host, path = place(ACCESS._replace(region=region, endpoint=endpoint), bucket, key)
        assert f"http{'s' if secure else ''}://{host}{path}" == urls.pop()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("token", [None, "session/token+="])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:4566"])
def test_requests_are_signed_as_botocore_signs_them(
    monkeypatch: pytest.MonkeyPatch, key: str, token: str | None, method: str, endpoint: str | None
) -> None:
    access = ACCESS._replace(token=token, endpoint=endpoint)
    secure, host, path = place(access, "pictures", key)
    body = b"picture" if method == "PUT" else b""
    said = {
        "cache-control": "  public,  max-age=1\tx ",
        "x-amz-meta-source-key": "a b",
        "x-amz-checksum-crc32": "AAAAAA==",
    }
    payload = "UNSIGNED-PAYLOAD" if secure and body else sha256(body).hexdigest()
    ours = signed(access, method, host, path, said, payload, "20261120T120000Z")

    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: MOMENT)
    request = AWSRequest(method, f"http{'s' if secure else ''}://{host}{path}", headers=said, data=body)
    request.context["checksum"] = {"request_algorithm": {"in": "header", "name": "x-amz-checksum-crc32"}}
    request.context["has_streaming_input"] = method == "PUT"
    request.context["payload_signing_enabled"] = True
    signer = botocore.auth.S3SigV4Auth(Credentials(access.key_id, access.secret, token), "s3", access.region)
    if secure and not body:
        del request.context["checksum"]
    signer.add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}
    assert ours == {**theirs, "host": host}


ENVIRONMENT = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_lambdas_environment_is_understood() -> None:
    assert Access.load(ENVIRONMENT) == Access("eu-west-1", "id", "secret")
    empty = dict.fromkeys(["AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"], "")
    assert Access.load(ENVIRONMENT | empty | {"AWS_PROFILE": ""}) == Access("eu-west-1", "id", "secret")
    assert Access.load(ENVIRONMENT | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://a"}) == Access(
        "us-east-1", "id", "secret", None, "http://a"
    )
    emulated = {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b", "AWS_CA_BUNDLE": "/c"}
    assert Access.load(ENVIRONMENT | {"AWS_SESSION_TOKEN": "token"} | emulated) == Access(
        "eu-west-1", "id", "secret", "token", "http://b", "/c"
    )


@pytest.mark.parametrize(
    "more",
    [
        {"AWS_REGION": ""},
        {"AWS_REGION": "us-iso-east-1"},
        {"AWS_REGION": "aws-global"},
        {"AWS_SECRET_ACCESS_KEY": ""},
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_PROFILE": "mine"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"HTTPS_PROXY": "http://proxy:3128"},
        {"http_proxy": "http://proxy:3128"},
    ],
)
def test_what_only_boto3_understands_is_left_to_it(more: dict[str, str]) -> None:
    assert Access.load(ENVIRONMENT | more) is None


@dataclass
class Boto3:
    """Notes what is left to it."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        def call(**request: Any) -> dict[str, Any]:
            self.calls.append((name, request))
            return {"Body": _Read()}

        return call


class _Read:
    def read(self) -> bytes:
        return b"read by boto3"


class Server(ThreadingHTTPServer):
    """Does with each request what `script` says, and then what `last` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Callable[[Handler], None]] = []
        self.last: Callable[[Handler], None] = answered()
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()
        self.thread.join()

    def handle_error(self, *_: object) -> None:
        pass

    def has_heard(self, count: int) -> None:
        """So many requests came. On a busy machine the last may come when its sender no longer waits for an answer."""
        until = time.monotonic() + 10
        while len(self.requests) < count and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self.requests) == count


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((f"{self.command} {self.path}", headers, body))
        (self.server.script.pop(0) if self.server.script else self.server.last)(self)

    do_GET = do_HEAD = do_PUT = do_any  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        pass


def answered(
    status: int = 200, body: bytes = b"picture", headers: Mapping[str, str] | None = None, then_close: bool = False
) -> Any:
    def answer(request: Handler) -> None:
        request.send_response(status)
        for name, value in {"ETag": '"e"', "Content-Length": str(len(body)), **(headers or {})}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)
        request.close_connection = then_close

    return answer


def raw(text: bytes) -> Any:
    """An answer as no server in Python would send it, and then the end of the connection."""

    def answer(request: Handler) -> None:
        request.wfile.write(text)
        request.close_connection = True

    return answer


def reset(request: Handler) -> None:
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True


def silent(request: Handler) -> None:
    request.server.over.wait(20)
    request.close_connection = True


def last_one(request: Handler) -> None:
    """An answer after which the connection is not to be used, although it stays open."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nETag: e\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def boto3() -> Boto3:
    return Boto3()


@pytest.fixture
def client(server: Server, boto3: Boto3) -> Iterator[S3]:
    client = S3(ACCESS._replace(endpoint=f"http://127.0.0.1:{server.server_port}"), lambda: boto3)
    with closing(client):
        yield client


def test_an_object_is_read_over_one_connection(client: S3, server: Server, boto3: Boto3) -> None:
    server.last = answered(headers={"x-amz-version-id": "v1", "x-amz-meta-recipe": "r"})
    for _ in range(3):
        answer = client.get_object(Bucket="pictures", Key="a b")
        assert (answer["ETag"], answer["VersionId"], answer["ContentLength"]) == ('"e"', "v1", 7)
        assert answer["Metadata"] == {"recipe": "r"}
        assert answer["Body"].read() == b"picture"
        answer["Body"].close()
        assert client.head_object(Bucket="pictures", Key="a b")["ContentLength"] == 7
    assert {line for line, _, _ in server.requests} == {"GET /pictures/a%20b", "HEAD /pictures/a%20b"}
    assert (server.connections, boto3.calls) == (1, [])


def certificate(folder: Path, owner: str) -> Path:
    """A certificate for its owner, by itself, with its key beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, to make a certificate")
    file = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=this"]
    command += ["-addext", f"subjectAltName={owner}", "-keyout", str(file) + ".key", "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return file


def behind_tls(server: Server, certificate: Path) -> Access:
    """The server, which shows the certificate; that is trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return ACCESS._replace(endpoint=f"https://127.0.0.1:{server.server_port}", certificates=str(certificate))


@pytest.fixture
def secure(server: Server, tmp_path: Path) -> Access:
    """The server, behind TLS."""
    return behind_tls(server, certificate(tmp_path, "IP:127.0.0.1"))


@pytest.mark.parametrize("owner", ["IP:127.0.0.2", "DNS:this", "DNS:localhost"])
def test_a_server_that_shows_a_trusted_certificate_of_another_is_told_nothing(
    server: Server, boto3: Boto3, tmp_path: Path, owner: str
) -> None:
    with closing(S3(behind_tls(server, certificate(tmp_path, owner)), lambda: boto3)) as client:
        client.put_object(Bucket="pictures", Key="a", Body=b"picture")
    assert (server.requests, [name for name, _ in boto3.calls]) == ([], ["put_object"])


def test_tls_protects_bodies_that_are_then_not_signed(secure: Access, server: Server, boto3: Boto3) -> None:
    with closing(S3(secure, lambda: boto3)) as client:
        client.put_object(Bucket="pictures", Key="a", Body=b"picture")
        assert client.get_object(Bucket="pictures", Key="a")["Body"].read() == b"picture"
    (_, put, body), (_, get, _) = server.requests
    assert (put["x-amz-content-sha256"], body) == ("UNSIGNED-PAYLOAD", b"picture")
    assert put["x-amz-checksum-crc32"] == b64encode(crc32(b"picture").to_bytes(4, "big")).decode()
    assert get["x-amz-content-sha256"] == sha256(b"").hexdigest()
    assert (server.connections, boto3.calls) == (1, [])


def test_a_folder_of_certificates_is_trusted(secure: Access, server: Server, boto3: Boto3, tmp_path: Path) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(secure.certificates)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    shutil.copy(str(secure.certificates), folder / f"{name}.0")
    with closing(S3(secure._replace(certificates=str(folder)), lambda: boto3)) as client:
        assert client.head_object(Bucket="pictures", Key="a")["ContentLength"] == 7
    assert boto3.calls == []


def test_a_server_whose_certificate_is_not_trusted_is_told_nothing(
    secure: Access, server: Server, boto3: Boto3
) -> None:
    with closing(S3(secure._replace(certificates=None), lambda: boto3)) as client:
        client.put_object(Bucket="pictures", Key="a", Body=b"picture")
    assert (server.requests, [name for name, _ in boto3.calls]) == ([], ["put_object"])


def test_an_object_is_stored_with_its_checksum(client: S3, server: Server, boto3: Boto3) -> None:
    more = {"ContentType": "image/jpeg", "CacheControl": "no-store", "Metadata": {"Recipe": "r"}}
    client.put_object(Bucket="pictures", Key="a", Body=b"picture", **more)
    ((line, headers, body),) = server.requests
    assert (line, body) == ("PUT /pictures/a", b"picture")
    assert headers["x-amz-checksum-crc32"] == b64encode(crc32(b"picture").to_bytes(4, "big")).decode()
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "x-amz-checksum-crc32" in headers["authorization"]
    assert (headers["content-type"], headers["cache-control"]) == ("image/jpeg", "no-store")
    assert headers["x-amz-meta-recipe"] == "r"
    assert boto3.calls == []


@pytest.mark.parametrize(
    "trouble",
    [
        answered(404),
        answered(301, headers={"Location": "http://elsewhere"}),
        answered(403, then_close=True),
        answered(500),
        answered(503, b"<Error><Code>SlowDown</Code></Error>"),
        answered(429),
        answered(206),
        answered(headers={"Content-Length": "all"}),
        raw(b"HTTP/1.1 fine\r\nETag: e\r\nContent-Length: 0\r\n\r\n"),
        raw(b"SSH-2.0-server\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nETag: e\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nETag: e\r\nContent-Length: 0\r\n" + b"X: %s\r\n\r\n" % bytes(100_000)),
        raw(b"HTTP/1.1 200 OK\r\nETag: e\r\nContent-Length: 0\r\n" + b"".join(b"X%d: x\r\n" % n for n in range(999))),
        reset,
        silent,
    ],
)
@pytest.mark.parametrize("call", ["get_object", "head_object", "put_object"])
def test_what_does_not_succeed_is_left_to_boto3(
    client: S3, server: Server, boto3: Boto3, monkeypatch: pytest.MonkeyPatch, trouble: Any, call: str
) -> None:
    monkeypatch.setattr(connections, "_READ_SECONDS", 0.3)
    monkeypatch.setattr(s3, "_PAUSE_SECONDS", 0.0)
    server.last = trouble
    request = {"Bucket": "pictures", "Key": "a"} | ({"Body": b"picture"} if call == "put_object" else {})
    start = time.monotonic()
    getattr(client, call)(**request)
    assert time.monotonic() - start < 10, "nobody waits for long for a server that says nothing"
    assert boto3.calls == [(call, request)]
    server.has_heard(1)


@pytest.mark.parametrize(
    ("status", "pauses"), [(404, 0), (403, 0), (428, 0), (429, 1), (430, 0), (499, 0), (500, 1), (503, 1)]
)
def test_a_server_in_trouble_is_given_a_moment(
    client: S3, server: Server, boto3: Boto3, monkeypatch: pytest.MonkeyPatch, status: int, pauses: int
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    server.last = answered(status)
    for _ in range(8):
        client.head_object(Bucket="pictures", Key="a")
    assert len(slept) == 8 * pauses
    assert all(0 <= seconds <= 1 for seconds in slept)
    assert len(set(slept)) > 1 or not pauses, "not everybody asks again at the same moment"


@pytest.mark.parametrize(("byte", "seconds"), [(0, 0.0), (51, 0.2), (255, 1.0)])
def test_a_moment_is_a_second_at_most(
    client: S3, server: Server, monkeypatch: pytest.MonkeyPatch, byte: int, seconds: float
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(s3, "os", SimpleNamespace(urandom=lambda count: bytes([byte] * count)))
    server.last = answered(500)
    client.head_object(Bucket="pictures", Key="a")
    assert slept == [pytest.approx(seconds)]


def unmarked(request: Handler) -> None:
    """A success that does not say of what."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_only_what_was_stored_needs_no_etag(client: S3, server: Server, boto3: Boto3) -> None:
    server.last = unmarked
    assert client.put_object(Bucket="pictures", Key="a", Body=b"") == {"ETag": None}
    assert server.requests[0][1]["x-amz-content-sha256"] == sha256(b"").hexdigest()
    assert boto3.calls == []
    client.head_object(Bucket="pictures", Key="a")
    client.get_object(Bucket="pictures", Key="a")
    assert [name for name, _ in boto3.calls] == ["head_object", "get_object"]
    server.last = answered(headers={"Content-Length": "0"}, body=b"")
    assert client.put_object(Bucket="pictures", Key="a", Body=b"x") == {"ETag": '"e"'}


def test_all_that_is_told_of_an_object_is_described(client: S3, server: Server) -> None:
    told = {"Content-Type": "image/png", "Cache-Control": "private", "Content-Disposition": "inline", "X-Other": "x"}
    server.last = answered(headers={**told, "x-amz-meta-a": "1", "X-Amz-Meta-B": " 2 "})
    described = {
        "ETag": '"e"',
        "ContentLength": 7,
        "Metadata": {"a": "1", "b": "2"},
        "ContentType": "image/png",
        "CacheControl": "private",
        "ContentDisposition": "inline",
    }
    assert client.head_object(Bucket="pictures", Key="a") == described
    answer = dict(client.get_object(Bucket="pictures", Key="a"))
    assert answer.pop("Body").read() == b"picture"
    assert answer == described


def test_a_server_has_a_while_to_answer_and_no_longer(client: S3, server: Server) -> None:
    client.head_object(Bucket="pictures", Key="a")
    (connection,) = client._connections._idle
    assert (connection.http.sock.gettimeout(), connection.http.timeout) == (15.0, 3.0)


def test_a_server_that_does_not_listen_is_left_to_boto3(boto3: Boto3) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        client = S3(ACCESS._replace(endpoint=f"http://127.0.0.1:{nobody.getsockname()[1]}"), lambda: boto3)
        client.head_object(Bucket="pictures", Key="a")
    assert boto3.calls == [("head_object", {"Bucket": "pictures", "Key": "a"})]


def wrong(algorithm: str) -> Any:
    return answered(headers={f"x-amz-checksum-{algorithm}": "AAAA"})


@pytest.mark.parametrize(
    "trouble",
    [
        answered(headers={"Content-Length": "8"}, then_close=True),
        answered(headers={"Transfer-Encoding": "chunked"}, then_close=True),
        wrong("crc32"),
        wrong("sha1"),
        wrong("sha256"),
    ],
)
def test_a_body_that_does_not_come_whole_is_read_by_boto3(
    client: S3, server: Server, boto3: Boto3, trouble: Any
) -> None:
    server.last = trouble
    body = client.get_object(Bucket="pictures", Key="a")["Body"]
    assert body.read() == b"read by boto3"
    body.close()
    assert boto3.calls == [("get_object", {"Bucket": "pictures", "Key": "a", "IfMatch": '"e"'})]


@pytest.mark.parametrize("algorithm", [sha1, sha256])
def test_a_right_checksum_of_each_kind_is_taken(client: S3, server: Server, boto3: Boto3, algorithm: Any) -> None:
    found = algorithm(b"picture")
    server.last = answered(headers={f"x-amz-checksum-{found.name}": b64encode(found.digest()).decode()})
    assert client.get_object(Bucket="pictures", Key="a")["Body"].read() == b"picture"
    assert boto3.calls == []


def test_right_checksums_and_those_of_parts_are_taken(client: S3, server: Server, boto3: Boto3) -> None:
    right = b64encode(crc32(b"picture").to_bytes(4, "big")).decode()
    server.last = answered(headers={"x-amz-checksum-crc32": right, "x-amz-checksum-sha256": "AAAA-3"})
    assert client.get_object(Bucket="pictures", Key="a")["Body"].read() == b"picture"
    assert server.requests[0][1]["x-amz-checksum-mode"] == "ENABLED"
    assert boto3.calls == []


@pytest.mark.parametrize(
    "ended", [answered(then_close=True), answered(headers={"Connection": "close"}, then_close=True), last_one]
)
def test_a_connection_that_was_ended_is_made_anew(client: S3, server: Server, boto3: Boto3, ended: Any) -> None:
    server.last = ended
    for _ in range(3):
        client.head_object(Bucket="pictures", Key="a")
        time.sleep(0.05)
    assert (server.connections, len(server.requests), boto3.calls) == (3, 3, [])


@pytest.mark.parametrize("smuggled", [{"CacheControl": "x\r\nx-amz-acl: all"}, {"Metadata": {"recipe": "a\nb"}}])
def test_no_header_becomes_two(client: S3, server: Server, boto3: Boto3, smuggled: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Invalid header value"):
        client.put_object(Bucket="pictures", Key="a", Body=b"picture", **smuggled)
    assert (server.requests, boto3.calls) == ([], [])


def test_a_connection_that_ends_as_it_is_used_again_is_made_anew(client: S3, server: Server, boto3: Boto3) -> None:
    server.script = [answered(), reset]
    for _ in range(2):
        client.put_object(Bucket="pictures", Key="a", Body=b"picture")
    assert [body for _, _, body in server.requests] == [b"picture"] * 3
    assert (server.connections, boto3.calls) == (2, [])


def test_a_body_that_nobody_reads_ends_its_connection(client: S3, server: Server, boto3: Boto3) -> None:
    server.last = answered(body=bytes(10_000_000))
    client.get_object(Bucket="pictures", Key="a")["Body"].close()
    server.last = answered()
    assert client.get_object(Bucket="pictures", Key="a")["Body"].read() == b"picture"
    assert (server.connections, boto3.calls) == (2, [])


def test_threads_have_a_connection_each_and_few_are_kept(client: S3, server: Server, boto3: Boto3) -> None:
    data = {f"k{n}": b"%d" % n * 1000 for n in range(25)}
    read: dict[str, bytes] = {}

    def slowly(request: Handler) -> None:
        time.sleep(0.05)
        answered(body=data[request.path.rpartition("/")[2]])(request)

    server.last = slowly

    def work(key: str) -> None:
        read[key] = client.get_object(Bucket="pictures", Key=key)["Body"].read()

    threads = [threading.Thread(target=work, args=(key,)) for key in data]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (read, boto3.calls) == (data, [])
    assert len(client._connections._idle) == 10


def test_the_ten_that_were_used_last_are_kept_and_the_others_ended(server: Server) -> None:
    host = f"127.0.0.1:{server.server_port}"
    pool = connections.Connections(None)
    made = [connections._Connection((False, host), None) for _ in range(13)]
    with closing(pool):
        for connection in made:
            pool.keep(connection)
        assert pool._idle == made[3:]
        assert [connection.http.sock is None for connection in made] == [True] * 3 + [False] * 10
        assert pool._taken((True, host)) is None
        assert pool._taken((False, "127.0.0.1:1")) is None
        assert pool._taken((False, host)) is made[3]
        pool.keep(made[3])
    assert pool._idle == []
    assert all(connection.http.sock is None for connection in made)


def test_what_fails_leaves_no_connection_open(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    host, made = f"127.0.0.1:{server.server_port}", []

    class Noted(connections._Connection):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(connections, "_Connection", Noted)
    pool = connections.Connections(None)
    with pytest.raises(ValueError, match="Invalid header value"):
        pool.ask(False, host, "GET", "/", {"a": "b\r\nc"}, b"")
    server.script = [raw(b"SSH-2.0-server\r\n"), reset, answered(headers={"Content-Length": "9"}, then_close=True)]
    for _ in range(2):
        with pytest.raises(connections.NO_ANSWER):
            pool.ask(False, host, "GET", "/", {}, b"")
    with pytest.raises(connections.NO_ANSWER):
        pool.ask(False, host, "GET", "/", {}, b"").read()
    assert [connection.http.sock for connection in made] == [None] * 4
    answer = pool.ask(False, host, "GET", "/", {}, b"")
    assert answer.read() == b"picture"
    answer.close()
    assert pool._idle == made[4:]
    assert made[4].http.sock is not None
    pool.close()


def test_other_calls_and_arguments_are_boto3s(client: S3, server: Server, boto3: Boto3) -> None:
    client.get_object(Bucket="pictures", Key="a", Range="bytes=0-1")
    client.put_object(Bucket="pictures", Key="a", Body=b"", ACL="private")
    client.put_object(Bucket="pictures", Key="a", Body="text")
    client.delete_object(Bucket="pictures", Key="a")
    assert [name for name, _ in boto3.calls] == ["get_object", "put_object", "put_object", "delete_object"]
    assert server.requests == []
