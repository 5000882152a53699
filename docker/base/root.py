"""Copies Debian packages, with what they depend on, out of this system into a root of their own.

    root.py DESTINATION PACKAGE...

What a running function cannot use is left behind: the package manager, documentation, translations, and the parts of
Python's library that need libraries of their own (terminals, databases) or build and test things.
"""

import re
import shutil
import sys
from pathlib import Path

NOT_FOLLOWED = {
    # Package management and set-up, done by the time the image runs.
    "debconf", "debconf-2.0", "dpkg", "install-info", "perl-base", "libc-bin", "media-types", "netbase", "tzdata",
    # Only for the parts of Python's library that are left behind below.
    "libdb5.3t64", "libncursesw6", "libreadline8t64", "libsqlite3-0", "libtinfo6", "readline-common",
    # Old ciphers.
    "openssl-provider-legacy",
}  # fmt: skip

UNUSED = re.compile(
    r"/usr/share/(?:man|info|locale|lintian|bug|menu|doc-base|debianutils|pixmaps|applications|python3?)/"
    r"|/usr/share/doc/.*(?<!/copyright)$"  # the licences stay
    r"|/usr/lib/[^/]+/(?:gconv|audit)/"
    r"|/usr/lib/python3\.\d+/(?:test|idlelib|tkinter|turtledemo|ensurepip|lib2to3|pydoc_data|curses|dbm|sqlite3|venv)/"
    r"|/usr/lib/python3\.\d+/(?:turtle|pydoc)\.py"
    r"|/usr/lib/python3\.\d+/config-"
    r"|/usr/lib/python3\.\d+/lib-dynload/(?:_curses|_sqlite3|_dbm|_gdbm|readline|nis|_tkinter|_?xx|_test|_ctypes_test)"
)

ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def installed() -> dict[str, str]:
    """Every installed package with its entry in dpkg's status file."""
    entries = Path("/var/lib/dpkg/status").read_text().strip().split("\n\n")
    return {re.findall(r"^Package: (.+)$", entry, re.MULTILINE)[0]: entry for entry in entries}


def closure(wanted: list[str], packages: dict[str, str]) -> set[str]:
    """The wanted packages and everything installed that they depend on."""
    found: set[str] = set()
    left = list(wanted)
    while left:
        name = left.pop()
        if name in found or name in NOT_FOLLOWED or name not in packages:
            continue
        found.add(name)
        for line in re.findall(r"^(?:Pre-)?Depends: (.+)$", packages[name], re.MULTILINE):
            left += re.findall(r"([a-z0-9][a-z0-9+.-]+)(?::any)?(?: \([^)]*\))?(?:, | \| |$)", line)
    return found


def files(name: str) -> list[Path]:
    """What the package holds, directories included."""
    info = Path("/var/lib/dpkg/info")
    listing = next(path for path in (*info.glob(f"{name}.list"), *info.glob(f"{name}:*.list")))
    return [Path(line) for line in listing.read_text().splitlines() if line != "/."]


def copy(source: Path, root: Path) -> None:
    """Copies one file or link; directories come into being with what they hold."""
    # Debian keeps everything under /usr and links to it from above, whatever a package's list says.
    target = root / re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", str(source)).lstrip("/")
    if source.is_dir() and not source.is_symlink():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def main(root: Path, wanted: list[str]) -> None:
    """Fills `root`."""
    packages = installed()
    for name in sorted(closure(wanted, packages)):
        for source in files(name):
            if not UNUSED.match(str(source)):
                copy(source, root)
        # Where scanners look in images without a package manager.
        status = root / "var/lib/dpkg/status.d" / name
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(packages[name] + "\n")
    for link in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / link).mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to(f"usr/{link}")
    shutil.copytree("/usr/lib/locale/C.utf8", root / "usr/lib/locale/C.utf8")
    shutil.copy2("/etc/os-release", root / "etc/os-release")
    for path, text in ACCOUNTS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for directory, mode in (("tmp", 0o1777), ("var/task", 0o755), ("root", 0o700)):
        (root / directory).mkdir(parents=True, exist_ok=True)
        (root / directory).chmod(mode)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
