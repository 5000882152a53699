"""The vulnerability check, against a database of our own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import audit

SCRIPT = Path(audit.__file__)
KNOWN: dict[tuple[str, str, str], list[str]] = {
    ("PyPI", "pillow", "12.1.1"): ["GHSA-pillow"],
    ("PyPI", "urllib3", "2.8.0"): ["GHSA-urllib3", "GHSA-withdrawn"],
    ("Debian:13", "glibc", "2.41-12"): ["DEBIAN-libc", "DEBIAN-unimportant"],
}


def record(name: str, package: tuple[str, str], fixed: str | None, **more: Any) -> dict[str, Any]:
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    ecosystem, package_name = package
    affected = {"package": {"name": package_name, "ecosystem": ecosystem}, "ranges": [{"events": events}]}
    affected |= more.pop("affected", {})
    return {"id": name, "summary": f"About {name}", "affected": [affected], **more}


RECORDS = {
    "GHSA-pillow": record("GHSA-pillow", ("PyPI", "pillow"), "12.2.0", aliases=["CVE-1", "PYSEC-1"]),
    "GHSA-urllib3": record("GHSA-urllib3", ("PyPI", "urllib3"), "2.8.1"),
    "GHSA-withdrawn": record("GHSA-withdrawn", ("PyPI", "urllib3"), "2.8.1", withdrawn="2026-01-01"),
    "DEBIAN-libc": record("DEBIAN-libc", ("Debian:13", "glibc"), None),
    "DEBIAN-unimportant": record(
        "DEBIAN-unimportant",
        ("Debian:13", "glibc"),
        None,
        affected={"ecosystem_specific": {"urgency": "unimportant"}},
    ),
}


class Database(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        asked = [(q["package"]["ecosystem"], q["package"]["name"], q["version"]) for q in queries]
        self._answer({"results": [{"vulns": [{"id": name} for name in KNOWN[a]]} if a in KNOWN else {} for a in asked]})

    def do_GET(self) -> None:
        self._answer(RECORDS[self.path.rpartition("/")[2]])

    def _answer(self, answer: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silence."""


@pytest.fixture
def database() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Database) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def audited(tmp_path: Path, database: str, *components: dict[str, Any], strict: bool = False) -> tuple[int, str]:
    sbom = tmp_path / "sbom.json"
    sbom.write_text(json.dumps({"components": components}))
    command = [sys.executable, str(SCRIPT), "--sbom", str(sbom), *(["--strict"] if strict else [])]
    done = subprocess.run(command, env={"OSV_URL": database}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def python(name: str, version: str) -> dict[str, Any]:
    return {"name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"}


def debian(name: str, source: str, version: str) -> dict[str, Any]:
    about = {"debian:source": source, "debian:source-version": version, "debian:release": "13"}
    properties = [{"name": name, "value": value} for name, value in about.items()]
    return {"name": name, "version": f"{version}+b1", "purl": f"pkg:deb/debian/{name}", "properties": properties}


def test_pillow_simd_is_pillow(tmp_path: Path, database: str) -> None:
    simd = python("pillow-simd", "12.1.1.post0")
    status, said = audited(tmp_path, database, simd)
    assert "- pillow-simd 12.1.1.post0: GHSA-pillow/CVE-1 (mended in 12.2.0, sandboxed) About GHSA-pillow" in said
    assert status == 0, "a flaw in the sandbox does not count"
    status, said = audited(tmp_path, database, simd, strict=True)
    assert "! pillow-simd" in said
    assert status == 1


def test_what_can_be_mended_outside_the_sandbox_counts(tmp_path: Path, database: str) -> None:
    status, said = audited(tmp_path, database, python("urllib3", "2.8.0"), python("six", "1.17.0"))
    assert status == 1
    assert "! urllib3 2.8.0: GHSA-urllib3 (mended in 2.8.1)" in said
    assert "withdrawn" not in said
    assert "2 parts, 1 known flaws, 1 that count" in said


def test_what_has_no_remedy_is_shown(tmp_path: Path, database: str) -> None:
    libc = debian("libc6", "glibc", "2.41-12")
    status, said = audited(tmp_path, database, libc, debian("libc-bin", "glibc", "2.41-12"))
    assert status == 0
    assert "- glibc 2.41-12: DEBIAN-libc (no remedy yet)" in said
    assert "unimportant" not in said
    assert said.count("DEBIAN-libc (") == 1, "packages of one source are one part"


def test_without_a_database_nothing_is_claimed(tmp_path: Path) -> None:
    status, said = audited(tmp_path, "http://127.0.0.1:1", python("six", "1.17.0"))
    assert status == 2
    assert "http://127.0.0.1:1 does not answer" in said


def test_every_pin_has_a_checksum() -> None:
    assert audit._unpinned() == []
    shipped = [name for name, _, _ in audit.pins((audit.ROOT / audit.SHIPPED).read_text())]
    assert {"pillow-simd", "pillow", "boto3", "awslambdaric"} <= set(shipped)


def test_a_pin_without_a_checksum_is_noticed() -> None:
    text = 'PILLOW="pillow==1 \\\n --hash=sha256:00"\nboto3==2 \\\nsix==3 \\\n    --hash=sha256:00\n'
    assert list(audit.pins(text)) == [("pillow", "1", True), ("boto3", "2", False), ("six", "3", True)]
