"""The life of a stack on a real AWS account, for whoever has one.

    tests/run.sh aws [--yes] [--stack NAME]

Says first what it will make, in whose account, and about what that costs; asks; and takes everything away again, also
where something fails. Account and region are those of your AWS configuration (AWS_PROFILE, AWS_REGION).
"""

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

import life
from controlplane.account import Account
from controlplane.errors import Failure

ROOT = Path(__file__).parents[1]

WAIT_SECONDS = 180
"""For S3, SNS, SQS and a function's first start."""

INTENT = """\
In account {account}, region {region}, this will make and take away again:
  - the stack {stack}, three times: per variant a function, two queues, a role, a log group, five alarms; a dashboard;
  - the ECR repository {stack} with an image of each variant, about 200 MB;
  - the buckets {stack}-uploads-..., {stack}-results-... and {stack}-holidays-..., with a few small pictures;
  - a KMS key, which AWS keeps for seven days after its end, without charging for it.
It takes about half an hour and costs less than one US dollar, most of it for the key and for alarms by the hour."""


@dataclass
class RealPlace:
    """A real account, and a copy of the project to deploy to it from."""

    stack: str
    owner: Account
    project: Path

    @property
    def account(self) -> str:
        """Twelve digits."""
        return self.owner.number

    @property
    def region(self) -> str:
        """As AWS names it."""
        return self.owner.region

    def deploy(self, *words: str, status: int = 0) -> str:
        """What `./deploy.sh` says, as it is seen."""
        done = subprocess.run(
            ["./deploy.sh", *words],
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        told = done.stdout + done.stderr
        assert done.returncode == status, f"./deploy.sh {' '.join(words)} ended with {done.returncode}:\n{told}"
        return told

    def client(self, service: str) -> Any:
        """A client for the account."""
        return self.owner.clients[service]

    def change(self, variant: str) -> None:
        """A variant's image would be another one from now on."""
        app = self.project / "images" / variant / "app.py"
        app.write_text(app.read_text() + "# changed\n")


def it_makes_pictures(place: life.Place) -> None:
    """An upload's results appear, a broken one is set aside with its reason, a deleted one takes its results along."""
    s3, bucket = place.client("s3"), life.uploads(place)
    variants = life.parameters(place)["Variants"].split(",")
    outputs = [f"{variant}/test/picture.png" for variant in variants]
    s3.put_object(Bucket=bucket, Key="ingest/test/picture.png", Body=_picture())
    _wait(lambda: all(_is_there(place, key) for key in outputs), f"no results: {outputs}")
    s3.put_object(Bucket=bucket, Key="ingest/test/broken.jpg", Body=b"no picture")
    _wait(lambda: _reason(place, variants[0]) == "not-an-image", "the broken upload was not set aside")
    s3.delete_object(Bucket=bucket, Key="ingest/test/picture.png")
    s3.delete_object(Bucket=bucket, Key="ingest/test/broken.jpg")
    _wait(lambda: not any(_is_there(place, key) for key in outputs), "results outlive their upload")


def _picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(data, "png")
    return data.getvalue()


def _is_there(place: life.Place, key: str) -> bool:
    found = place.client("s3").list_objects_v2(Bucket=life.results(place), Prefix=key)
    return any(entry["Key"] == key for entry in found.get("Contents", ()))


def _reason(place: life.Place, variant: str) -> str | None:
    sqs = place.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{place.stack}-{variant}-dead-letters")["QueueUrl"]
    received = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], VisibilityTimeout=1, WaitTimeSeconds=2)
    attributes: Mapping[str, Any] = next(
        (message.get("MessageAttributes", {}) for message in received.get("Messages", ())), {}
    )
    return attributes["reason"]["StringValue"] if "reason" in attributes else None


def _wait(what: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < deadline, f"After {WAIT_SECONDS} seconds: {otherwise}."
        time.sleep(1)


def copy_of_the_project(folder: Path) -> Path:
    """One whose files may be changed; it shares the environment of the original."""
    project = folder / "project"
    project.mkdir()
    for name in ("docker", "images", "shared"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("deploy.sh", "pyproject.toml"):
        shutil.copy2(ROOT / name, project)
    (ROOT / ".machine").mkdir(exist_ok=True)
    (project / ".machine").symlink_to(ROOT / ".machine")
    return project


def main() -> int:
    """The whole story; 0 where all of it went as it should."""
    options = _options().parse_args()
    try:
        account = Account.login()
    except Failure as failure:
        sys.exit(str(failure))
    say(INTENT.format(account=account.number, region=account.region, stack=options.stack))
    if not options.yes and input('Type "yes" to go on: ').strip() != "yes":
        say("Nothing was touched.")
        return 1
    with tempfile.TemporaryDirectory(prefix="image-machine-") as folder:
        place = RealPlace(options.stack, account, copy_of_the_project(Path(folder)))
        try:
            life.whole(place, say, also=[it_makes_pictures])
        except (AssertionError, BotoCoreError, ClientError) as failure:
            say(f"This is not as it should be: {failure or type(failure).__name__}")
            return 1
        finally:
            say("taking everything away")
            say(place.deploy("destroy", "--stack", place.stack, "--yes", "--delete-pictures"))
        say("All of it is as it should be, and nothing is left.")
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/run.sh aws", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--stack", default=f"machine-test-{uuid4().hex[:6]}", metavar="NAME", help="of the test's own")
    return parser


def say(text: str) -> None:
    """To whoever runs it."""
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
