#!/usr/bin/env python3
"""Is anything that the images are made of known to be vulnerable, and is everything pinned?

    tests/audit.py [--image NAME | --sbom FILE] [--strict]

Reads the list of parts that was made with the image (NAME, default image-machine-base), or else FILE; without
either it knows the Python packages only, from their pins. Asks https://osv.dev (OSV_URL names a mirror) about each
part. pillow-simd is asked about as the Pillow it was made from: by its own name no scanner knows its flaws.

Exit status: 0 nothing that can be mended, 1 something is vulnerable and a newer version is not, or a pin has no
checksum, 2 it could not be found out. What only the sandboxed worker loads is shown but, without --strict, does not
count: a flaw there gives an attacker a process that can do nothing (see the README's threat model).
"""

import argparse
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINS = ("docker/base/versions.env", "shared/controlplane/requirements.txt", "tests/requirements.txt")
SHIPPED = PINS[0]
SBOM = "/usr/share/image-machine/sbom.json"
DATABASE = os.environ.get("OSV_URL", "https://api.osv.dev")
FORKS = {"pillow-simd": "pillow"}

_CODECS = (
    "pillow pillow-heif zlib-ng aom dav1d jbigkit lcms2 lerc libavif libde265 libdeflate libgav1 libheif libisal"
    " libjpeg-turbo libwebp libyuv openjpeg2 rust-rav1e svt-av1 tiff"
)
SANDBOXED = frozenset(_CODECS.split())
"""Decoders and encoders: only the worker loads them."""

PIN = re.compile(r"^(?:[A-Z_]+=\")?([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s\\;]+)")


class Unknown(Exception):
    """It could not be found out; the message says why."""


@dataclass(frozen=True)
class Part:
    """Something that an image is made of, as the database knows it."""

    name: str
    version: str
    ecosystem: str
    shipped_as: str

    @property
    def sandboxed(self) -> bool:
        return self.name in SANDBOXED


@dataclass(frozen=True)
class Flaw:
    part: Part
    name: str
    summary: str
    fixed: str
    """The version that mends it; empty where there is none."""


def pins(text: str) -> Iterator[tuple[str, str, bool]]:
    """Name, version and whether a checksum follows, of each pinned requirement."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if PIN.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        if found := PIN.match(lines[start]):
            yield found[1].lower().replace("_", "-"), found[2], "--hash=sha256:" in "".join(lines[start:end])


def _part(name: str, version: str) -> Part:
    if name in FORKS:
        return Part(FORKS[name], version.partition(".post")[0], "PyPI", f"{name} {version}")
    return Part(name, version, "PyPI", f"{name} {version}")


def parts_of_pins(text: str) -> list[Part]:
    return [_part(name, version) for name, version, _ in pins(text)]


def parts_of_sbom(text: str) -> list[Part]:
    """What of a CycloneDX list the database can be asked about; several packages of one source are one part."""
    parts: dict[tuple[str, str], Part] = {}
    for component in json.loads(text)["components"]:
        name, version, purl = component["name"], component["version"], component["purl"]
        about = {entry["name"]: entry["value"] for entry in component.get("properties", [])}
        if purl.startswith("pkg:pypi/"):
            part = _part(name, version)
        elif purl.startswith("pkg:deb/"):
            release = f"Debian:{about['debian:release']}"
            source, built_from = about["debian:source"], about["debian:source-version"]
            part = Part(source, built_from, release, f"{source} {built_from}")
        else:
            continue
        parts[part.ecosystem, part.name] = part
    return list(parts.values())


def _ask(path: str, question: object = None) -> Any:
    body = None if question is None else json.dumps(question).encode()
    request = urllib.request.Request(f"{DATABASE}{path}", body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the scheme is the caller's choice
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise Unknown(f"{DATABASE} does not answer: {error}") from error


def flaws(parts: Sequence[Part]) -> list[Flaw]:
    """Everything that the database knows of these versions. Raises Unknown."""
    queries = [{"package": {"name": part.name, "ecosystem": part.ecosystem}, "version": part.version} for part in parts]
    results = _ask("/v1/querybatch", {"queries": queries})["results"]
    named = [
        (part, entry["id"]) for part, result in zip(parts, results, strict=True) for entry in result.get("vulns", [])
    ]
    with ThreadPoolExecutor(8) as pool:
        records = pool.map(lambda pair: _ask(f"/v1/vulns/{pair[1]}"), named)
        return [flaw for (part, _), record in zip(named, records, strict=True) if (flaw := _flaw(part, record))]


def _flaw(part: Part, record: Any) -> Flaw | None:
    """None: withdrawn, or Debian calls it unimportant."""
    affected = [
        entry
        for entry in record.get("affected", [])
        if entry["package"]["name"] == part.name and entry["package"]["ecosystem"] == part.ecosystem
    ]
    unimportant = any(entry.get("ecosystem_specific", {}).get("urgency") == "unimportant" for entry in affected)
    if "withdrawn" in record or unimportant:
        return None
    events = [event for entry in affected for ranges in entry.get("ranges", []) for event in ranges["events"]]
    fixed = next((event["fixed"] for event in reversed(events) if "fixed" in event), "")
    names = [record["id"], *(alias for alias in record.get("aliases", []) if alias.startswith("CVE-"))]
    summary = record.get("summary") or record.get("details", "").split("\n")[0]
    return Flaw(part, "/".join(names), summary[:100], fixed)


def _of_image(name: str) -> str | None:
    command = [
        "docker",
        "run",
        "--rm",
        "--network=none",
        "--entrypoint=python3",
        name,
        "-c",
        f"print(open({SBOM!r}).read())",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _parts(arguments: argparse.Namespace) -> list[Part]:
    if arguments.sbom:
        return parts_of_sbom(arguments.sbom.read_text())
    if listed := _of_image(arguments.image):
        return parts_of_sbom(listed)
    print(f"There is no image {arguments.image} with a list of its parts: Debian's packages are left out.")
    return parts_of_pins((ROOT / SHIPPED).read_text())


def _unpinned() -> list[str]:
    return [
        f"{file}: {name} {version}"
        for file in PINS
        for name, version, hashed in pins((ROOT / file).read_text())
        if not hashed
    ]


def _told(found: Iterable[Flaw], strict: bool) -> int:
    """Print the flaws; how many count."""
    counted = 0
    for flaw in sorted(found, key=lambda flaw: (flaw.part.sandboxed, flaw.part.name, flaw.name)):
        counts = bool(flaw.fixed) and (strict or not flaw.part.sandboxed)
        counted += counts
        remedy = f"mended in {flaw.fixed}" if flaw.fixed else "no remedy yet"
        where = ", sandboxed" if flaw.part.sandboxed else ""
        print(f"{'!' if counts else '-'} {flaw.part.shipped_as}: {flaw.name} ({remedy}{where}) {flaw.summary}")
    return counted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--image", default="image-machine-base")
    source.add_argument("--sbom", type=Path)
    parser.add_argument("--strict", action="store_true")
    arguments = parser.parse_args()
    unpinned = _unpinned()
    for line in unpinned:
        print(f"! no checksum: {line}")
    try:
        parts = _parts(arguments)
        found = flaws(parts)
    except Unknown as unknown:
        print(unknown, file=sys.stderr)
        return 2
    counted = _told(found, arguments.strict)
    print(f"{len(parts)} parts, {len(found)} known flaws, {counted} that count; {len(unpinned)} pins without checksum.")
    return 1 if counted or unpinned else 0


if __name__ == "__main__":
    sys.exit(main())
