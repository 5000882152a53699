"""The vulnerability check, against a database of our own."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import audit
import pytest

SCRIPT = Path(audit.__file__)
KNOWN: dict[tuple[str, str, str], list[str]] = {
    ("PyPI", "pillow", "12.1.1"): ["GHSA-pillow"],
    ("PyPI", "urllib3", "2.8.0"): ["GHSA-urllib3", "GHSA-withdrawn"],
    ("OSS-Fuzz", "libjpeg-turbo", "3.1.3"): ["OSV-jpeg"],
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
    "OSV-jpeg": record("OSV-jpeg", ("OSS-Fuzz", "libjpeg-turbo"), None),
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


def audited(tmp_path: Path, database: str, *components: dict[str, Any]) -> tuple[int, str]:
    sbom = tmp_path / "sbom.json"
    sbom.write_text(json.dumps({"components": components}))
    command = [sys.executable, str(SCRIPT), "--sbom", str(sbom)]
    done = subprocess.run(
        command, env={"OSV_URL": database, "PATH": "/nowhere"}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def python(name: str, version: str, *ancestors: tuple[str, str]) -> dict[str, Any]:
    about = {"ancestors": [{"name": name, "version": version} for name, version in ancestors]}
    return {"name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}", "pedigree": about}


def debian(name: str, source: str, version: str) -> dict[str, Any]:
    about = {"debian:source": source, "debian:source-version": version, "debian:release": "13"}
    properties = [{"name": name, "value": value} for name, value in about.items()]
    return {"name": name, "version": f"{version}+b1", "purl": f"pkg:deb/debian/{name}", "properties": properties}


def test_pillow_is_asked_about_as_all_that_it_is_made_of(tmp_path: Path, database: str) -> None:
    pillow = python("pillow", "12.1.1+simd.1", ("pillow", "12.1.1"), ("pillow-simd", "1"))
    status, said = audited(tmp_path, database, pillow)
    told = "! pillow 12.1.1+simd.1: GHSA-pillow/CVE-1 (mended in 12.2.0, reads uploads) About GHSA-pillow"
    assert told in said
    assert "2 parts" in said
    assert status == 1


def test_what_can_be_mended_counts(tmp_path: Path, database: str) -> None:
    status, said = audited(tmp_path, database, python("urllib3", "2.8.0"), python("six", "1.17.0"))
    assert status == 1
    assert "! urllib3 2.8.0: GHSA-urllib3 (mended in 2.8.1)" in said
    assert "withdrawn" not in said
    assert "2 parts, 1 known flaws, 1 that count" in said


def test_what_has_no_remedy_counts_where_it_reads_uploads(tmp_path: Path, database: str) -> None:
    libc = debian("libc6", "glibc", "2.41-12")
    status, said = audited(tmp_path, database, libc, debian("libc-bin", "glibc", "2.41-12"))
    assert status == 0
    assert "- glibc 2.41-12: DEBIAN-libc (no remedy yet)" in said
    assert "unimportant" not in said
    assert said.count("DEBIAN-libc (") == 1, "packages of one source are one part"
    jpeg = {"name": "libjpeg-turbo", "version": "3.1.3", "purl": "pkg:generic/libjpeg-turbo@3.1.3", "cpe": "cpe:2.3:a"}
    status, said = audited(tmp_path, database, jpeg)
    assert status == 1
    assert "! libjpeg-turbo 3.1.3: OSV-jpeg (no remedy yet, reads uploads)" in said


def test_without_a_database_nothing_is_claimed(tmp_path: Path) -> None:
    parts = python("six", "1.17.0"), debian("libc6", "glibc", "2.41-12")
    status, said = audited(tmp_path, "http://127.0.0.1:1", *parts)
    assert status == 2
    assert "http://127.0.0.1:1 does not answer" in said
    assert "Debian's archive was not asked either: docker cannot be run" in said


def flaw(name: str, part: str, fixed: str = "") -> audit.Flaw:
    return audit.Flaw(audit.Part(part, "1", "Debian:13", f"{part} 1"), (name,), "", fixed)


def exception(name: str, part: str, until: date) -> audit.LivedWith:
    return audit.LivedWith(name, part, until, "Nobody gets there.")


def test_a_flaw_is_lived_with_until_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    known = [exception("CVE-1", "tiff", date(2027, 1, 1))]
    assert audit.tell([flaw("CVE-1", "tiff")], known, date(2027, 1, 1)) == 0
    assert "until 2027-01-01: Nobody gets there." in capsys.readouterr().out
    assert audit.tell([flaw("CVE-1", "tiff")], known, date(2027, 1, 2)) == 1
    assert "ended on 2027-01-01" in capsys.readouterr().out
    for other in (flaw("CVE-2", "tiff"), flaw("CVE-1", "libwebp")):
        assert audit.tell([other], known, date(2027, 1, 1)) == 1
        assert "CVE-1 of tiff is no more found" in capsys.readouterr().out


def test_every_exception_says_why_and_ends_within_half_a_year_of_being_made() -> None:
    known = audit.exceptions(audit.KNOWN.read_text())
    day = re.search(r"^DEBIAN_AS_OF=(\S+)$", (audit.ROOT / "docker/base/versions.env").read_text(), re.MULTILINE)
    assert day
    for one in known:
        assert one.part in audit.DECODERS
        assert len(one.why) > 30
        assert (one.until - date.fromisoformat(day[1])).days <= 183


def test_every_pin_has_a_checksum() -> None:
    assert audit.unpinned() == []
    shipped = [name for name, _, _ in audit.pins((audit.ROOT / audit.PINS[0]).read_text())]
    assert {"pillow-simd", "pillow", "boto3", "awslambdaric"} <= set(shipped)


def test_a_pin_without_a_checksum_is_noticed() -> None:
    text = 'PILLOW="pillow==1 \\\n --hash=sha256:00"\nboto3==2 \\\nsix==3 \\\n    --hash=sha256:00\n'
    assert list(audit.pins(text)) == [("pillow", "1", True), ("boto3", "2", False), ("six", "3", True)]
