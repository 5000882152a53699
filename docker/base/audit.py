#!/usr/bin/env python3
"""Is anything that the images are made of known to be vulnerable, and is everything pinned?

    docker/base/audit.py [--image NAME | --sbom FILE]

Reads the list of parts that was made with the image (NAME, default image-machine-base), or else FILE. Asks
https://osv.dev about each (OSV_URL names a mirror). Where that does not answer, Debian's own archive is asked, by way
of a container: which packages have a newer version, and which CVEs its unstable release has mended in the sources of
our decoders and this one has not. What could then not be asked about is said.

What counts: every flaw in what reads uploads, remedy or not, and any other that can be mended; but not those that
audit.toml says, until a day, why we live with. An entry there that has ended, or that meets no flaw, is said too.

Exit status: 0 nothing counts, 1 something does, or a pin has no checksum, 2 nothing does as far as could be found out.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PINS = ("docker/base/versions.env", "shared/controlplane/requirements.txt", "tests/requirements.txt")
KNOWN = HERE / "audit.toml"
SBOM = "/usr/share/image-machine/sbom.json"
DATABASE = os.environ.get("OSV_URL", "https://api.osv.dev")
DEBIAN = "image-machine-debian:trixie"

_DECODERS = (
    "pillow pillow-simd pillow-heif zlib-ng aom dav1d jbigkit lcms2 lerc libavif libde265 libdeflate libgav1 libheif"
    " libisal libjpeg-turbo libwebp libyuv rust-rav1e svt-av1 tiff xz-utils libzstd zlib"
)
DECODERS = frozenset(_DECODERS.split())
"""What reads uploads; only the confined worker loads it."""

PIN = re.compile(r"^(?:[A-Z_]+=\")?([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s\\;]+)")


class Unknown(Exception):
    """It could not be found out; the message says why."""


@dataclass(frozen=True)
class Part:
    """Something that an image is made of, as a database knows it."""

    name: str
    version: str
    ecosystem: str
    shipped_as: str

    @property
    def decoder(self) -> bool:
        return self.name in DECODERS


@dataclass(frozen=True)
class Flaw:
    part: Part
    names: tuple[str, ...]
    summary: str
    fixed: str
    """The version that mends it; empty where there is none."""


@dataclass(frozen=True)
class LivedWith:
    """A flaw that we live with until a day, and why."""

    flaw: str
    part: str
    until: date
    why: str

    def meets(self, flaw: Flaw) -> bool:
        return self.flaw in flaw.names and self.part == flaw.part.name


# ---- What there is ---------------------------------------------------------------------------------------------------


def pins(text: str) -> Iterator[tuple[str, str, bool]]:
    """Name, version and whether a checksum follows, of each pinned requirement."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if PIN.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        if found := PIN.match(lines[start]):
            yield found[1].lower().replace("_", "-"), found[2], "--hash=sha256:" in "".join(lines[start:end])


def unpinned() -> list[str]:
    return [
        f"{file}: {name} {version}"
        for file in PINS
        for name, version, hashed in pins((ROOT / file).read_text())
        if not hashed
    ]


def parts_of(sbom: str) -> list[Part]:
    """What of a CycloneDX list can be asked about, ancestors too; several packages of one source are one part."""
    parts: dict[tuple[str, str], Part] = {}
    for component in json.loads(sbom)["components"]:
        for part in _asked_as(component):
            parts[part.ecosystem, part.name] = part
    return list(parts.values())


def _asked_as(component: dict[str, Any]) -> Iterator[Part]:
    name, version, purl = component["name"], component["version"], component["purl"]
    about = {entry["name"]: entry["value"] for entry in component.get("properties", [])}
    if purl.startswith("pkg:deb/"):
        source, built_from = about["debian:source"], about["debian:source-version"]
        yield Part(source, built_from, f"Debian:{about['debian:release']}", f"{source} {built_from}")
    elif purl.startswith("pkg:pypi/"):
        ancestors = component.get("pedigree", {}).get("ancestors", [])
        for one in ancestors or [component]:
            yield Part(one["name"], one["version"], "PyPI", f"{name} {version}")
    elif "cpe" in component:
        yield Part(name, version, "OSS-Fuzz", f"{name} {version}")


def _list_of(image: str) -> str:
    command = ["docker", "run", "--rm", "--network=none", "--entrypoint=python3", image]
    try:
        return _run([*command, "-c", f"print(open({SBOM!r}).read())"])
    except Unknown as unknown:
        raise Unknown(
            f"There is no image {image} with a list of its parts: docker/base/build.sh makes it."
        ) from unknown


# ---- What is known of it ---------------------------------------------------------------------------------------------


def _ask(path: str, question: object = None) -> Any:
    body = None if question is None else json.dumps(question).encode()
    request = urllib.request.Request(f"{DATABASE}{path}", body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the scheme is the caller's choice
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise Unknown(f"{DATABASE} does not answer: {error}.") from error


def of_osv(parts: Sequence[Part]) -> list[Flaw]:
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
    aliases = (*record.get("aliases", []), *record.get("upstream", []))
    names = (record["id"], *(alias for alias in aliases if alias.startswith("CVE-")))
    summary = record.get("summary") or record.get("details", "").split("\n")[0]
    return Flaw(part, names, summary[:100], fixed)


# For each source package given: a line with the version that this Debian has now, and one for each CVE that the
# changelog of unstable's names and this one's does not, or one that says which of the two could not be had.
_IN_DEBIAN = r"""
set -eu
apt-get -qq update
site="$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian$' | head -n 1)"
sed 's/^deb /deb-src /' /etc/apt/sources.list 2>/dev/null > /etc/apt/sources.list.d/own.list || true
sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/*.sources 2>/dev/null || true
echo "deb-src [check-valid-until=no] $site sid main" > /etc/apt/sources.list.d/unstable.list
apt-get -qq update
apt-get -qq install --no-install-recommends xz-utils >/dev/null 2>&1
cd "$(mktemp -d)"
for name in $ASKED; do
    for package in $(apt-cache showsrc --only-source "$name" 2>/dev/null | sed -n 's/^Binary: //p' | tr ',' '\n'); do
        candidate="$(apt-cache policy "$package" | sed -n 's/^  Candidate: //p')"
        case "$candidate" in '' | '(none)') continue ;; esac
        source="$(apt-cache show "$package=$candidate" | sed -n 's/^Source: .*(\(.*\))$/\1/p' | head -n 1)"
        version="${source:-$candidate}"
        echo "now $name $version"
        break
    done
    case " $READ " in *" $name "*) ;; *) continue ;; esac
    for release in "$version" sid; do
        rm -rf -- *.debian.tar.*
        case "$release" in sid) which="$name/sid" ;; *) which="$name=$release" ;; esac
        if ! apt-get -qq source --download-only --diff-only "$which" >/dev/null 2>&1; then
            echo "unread $name $release"
            continue 2
        fi
        tar -xOf "$name"_*.debian.tar.* debian/changelog > changelog
        { grep -oE 'CVE-[0-9]+-[0-9]+' changelog || true; } | sort -u > "cves-$release"
    done
    comm -13 "cves-$version" cves-sid | sed "s/^/mended $name /"
done
"""


def of_debian(parts: Sequence[Part]) -> tuple[list[Flaw], list[str]]:
    """What Debian's archive tells of its packages: newer versions, and CVEs mended in unstable only.

    And which decoders' sources could not be had. Raises Unknown.
    """
    sources = {part.name: part for part in parts if part.ecosystem.startswith("Debian:")}
    if not sources:
        return [], []
    read = " ".join(name for name, part in sources.items() if part.decoder)
    asked = ["--env", f"ASKED={' '.join(sources)}", "--env", f"READ={read}"]
    told = _run(["docker", "run", "--rm", "--network=host", *asked, DEBIAN, "sh", "-c", _IN_DEBIAN])
    found, unread = [], []
    for line in told.splitlines():
        kind, name, value = line.split(" ")
        part = sources[name]
        if kind == "unread":
            unread.append(name)
        elif kind == "mended":
            found.append(Flaw(part, (value,), "Its unstable release names it as mended.", ""))
        elif value != part.version:
            found.append(Flaw(part, (f"update of {name}",), "Debian has published another version.", value))
    return found, unread


def _run(command: Sequence[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except OSError as error:
        raise Unknown(f"{command[0]} cannot be run: {error}.") from error
    except subprocess.CalledProcessError as error:
        raise Unknown(f"{command[0]} failed: {error.stderr.strip()}") from error


def found_out(parts: Sequence[Part]) -> tuple[list[Flaw], list[str]]:
    """The flaws, and in sentences what could not be found out."""
    try:
        return of_osv(parts), []
    except Unknown as unknown:
        said = [str(unknown)]
    try:
        flaws, unread = of_debian(parts)
    except Unknown as unknown:
        return [], [*said, f"Debian's archive was not asked either: {unknown}"]
    left = [part.shipped_as for part in parts if not part.ecosystem.startswith("Debian:") or part.name in unread]
    return flaws, [*said, f"Debian's archive was asked instead, which does not tell of {', '.join(left)}."]


# ---- What counts -----------------------------------------------------------------------------------------------------


def exceptions(text: str) -> list[LivedWith]:
    return [LivedWith(**entry) for entry in tomllib.loads(text).get("known", [])]


def tell(flaws: Iterable[Flaw], known: Collection[LivedWith], today: date) -> int:
    """Prints the flaws, and what is no more true in `known`; how many count."""
    counted = 0
    met: set[LivedWith] = set()
    for flaw in sorted(flaws, key=lambda flaw: (not flaw.part.decoder, flaw.part.name, flaw.names)):
        excepted = [one for one in known if one.meets(flaw)]
        met |= set(excepted)
        lived_with = next((one for one in excepted if today <= one.until), None)
        counts = lived_with is None and (flaw.part.decoder or bool(flaw.fixed))
        counted += counts
        remedy = f"mended in {flaw.fixed}" if flaw.fixed else "no remedy yet"
        where = ", reads uploads" if flaw.part.decoder else ""
        print(
            f"{'!' if counts else '-'} {flaw.part.shipped_as}: {'/'.join(flaw.names)} ({remedy}{where}) {flaw.summary}"
        )
        if lived_with is not None:
            print(f"    until {lived_with.until}: {lived_with.why}")
        elif excepted:
            print(f"    what {KNOWN.name} says of it ended on {excepted[0].until}")
    for one in known:
        if one not in met:
            print(f"  {KNOWN.name}: {one.flaw} of {one.part} is no more found")
    return counted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--image", default="image-machine-base")
    source.add_argument("--sbom", type=Path)
    arguments = parser.parse_args()
    loose = unpinned()
    for line in loose:
        print(f"! no checksum: {line}")
    try:
        parts = parts_of(arguments.sbom.read_text() if arguments.sbom else _list_of(arguments.image))
    except Unknown as unknown:
        print(unknown, file=sys.stderr)
        return 2
    flaws, missing = found_out(parts)
    counted = tell(flaws, exceptions(KNOWN.read_text()), datetime.now(UTC).date())
    print(f"{len(parts)} parts, {len(flaws)} known flaws, {counted} that count; {len(loose)} pins without checksum.")
    for sentence in missing:
        print(sentence, file=sys.stderr)
    return 1 if counted or loose else 2 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
