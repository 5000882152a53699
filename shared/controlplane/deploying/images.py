"""From the folders of images/ to digests in ECR. One repository for all variants: what they share is kept once."""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from controlplane import output
from controlplane.account import Account, code
from controlplane.deploying import engine
from controlplane.deploying.buckets import TAG
from controlplane.deploying.engine import Platform
from controlplane.deploying.fingerprint import fingerprint
from controlplane.environment import PROJECT
from controlplane.errors import Failure

KEPT = 25
"""How many images stay in the repository besides those that run, to go back to."""

LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "What an interrupted push left",
            "action": {"type": "expire"},
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 1,
            },
        }
    ]
}
"""Every deployed image has a tag, so this never takes one; old tags are taken by `prune`, which knows what runs."""


def address(account: Account, name: str) -> str:
    """Where images are pushed to: the repository's name for Docker."""
    if account.endpoint:
        # An emulator names the real AWS as its repositories' address, and is not there.
        return f"{urlsplit(account.endpoint).netloc}/{name}"
    (found,) = account.clients["ecr"].describe_repositories(repositoryNames=[name])["repositories"]
    return str(found["repositoryUri"])


def exists(account: Account, name: str) -> bool:
    """Whether there is a repository of that name."""
    try:
        account.clients["ecr"].describe_repositories(repositoryNames=[name])
    except ClientError as error:
        if code(error) == "RepositoryNotFoundException":
            return False
        raise
    return True


def prepare(account: Account, name: str) -> None:
    """Make the repository, if it is not there, and see to its rules."""
    ecr = account.clients["ecr"]
    if not exists(account, name):
        output.step(f"Making the repository {name}")
        # A tag stands for what the image was made of: it must never come to mean another image.
        ecr.create_repository(
            repositoryName=name,
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
            tags=[{"Key": TAG, "Value": name}],
        )
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(LIFECYCLE))
    ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(_policy(account, name)))


def _policy(account: Account, name: str) -> dict[str, Any]:
    """Lambda may pull for the stack's functions. It would set this itself, if whoever deploys were allowed to."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LambdaPullsForTheStacksFunctions",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Condition": {
                    "StringLike": {
                        "aws:sourceArn": f"arn:aws*:lambda:{account.region}:{account.number}:function:{name}-*"
                    }
                },
            }
        ],
    }


def tag(variant: str, target: Platform, project: Path = PROJECT) -> str:
    """The variant's name and a fingerprint of all that its image is made of: the same content has the same tag."""
    builds = f"{target.docker} {os.environ.get('PILLOW', '')} {os.environ.get('SIMD', '')}"
    folders = ["docker/base", "shared/imagemachine", f"images/{variant}"]
    return f"{variant}-{fingerprint(builds, folders, project)}"


def listing(account: Account, name: str) -> dict[str, str]:
    """The digest, 64 hexadecimal digits, of each tag in the repository; none where there is no repository."""
    pages = account.clients["ecr"].get_paginator("describe_images").paginate(repositoryName=name)
    try:
        details = [entry for page in pages for entry in page["imageDetails"]]
    except ClientError as error:
        if code(error) == "RepositoryNotFoundException":
            return {}
        raise
    return {tag: _digits(entry["imageDigest"]) for entry in details for tag in entry.get("imageTags") or ()}


def ensure(account: Account, name: str, tags: Mapping[str, str], target: Platform) -> dict[str, str]:
    """The digest of each variant's image, all of them in ECR; what is there is not built again. Raises Failure.

    `tags` are by variant.
    """
    there = listing(account, name)
    missing = [variant for variant, tag in tags.items() if tag not in there]
    if missing:
        _push(account, name, {variant: tags[variant] for variant in missing}, target)
        there = listing(account, name)
    else:
        output.note("The images are in ECR already; nothing to build or push.")
    lost = [tag for tag in tags.values() if tag not in there]
    if lost:
        raise Failure(f"ECR does not have the image {lost[0]} that was just pushed: run the command again.")
    return {variant: there[tag] for variant, tag in tags.items()}


def _push(account: Account, name: str, tags: Mapping[str, str], target: Platform) -> None:
    if (why := engine.missing()) is not None:
        raise Failure(why)
    repository, base = address(account, name), base_of(name)
    output.step("Building the base image")
    engine.build_base(base, target)
    if not account.endpoint:
        (granted,) = account.clients["ecr"].get_authorization_token()["authorizationData"]
        engine.login(repository.partition("/")[0], granted["authorizationToken"])
    for variant, tag in tags.items():
        output.step(f"Building and pushing {variant}")
        engine.build(f"{repository}:{tag}", PROJECT / "images" / variant, base, target)
        engine.push(f"{repository}:{tag}")


def base_of(name: str) -> str:
    """The name of the base image on this computer."""
    return f"{name}-base"


def prune(account: Account, name: str, running: Collection[str]) -> None:
    """Delete the oldest images beyond KEPT, but never one whose digest is among those that run."""
    ecr = account.clients["ecr"]
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=name)
    surplus = superfluous([entry for page in pages for entry in page["imageDetails"]], running)
    for begin in range(0, len(surplus), 100):  # ECR's most for a call.
        identities = [{"imageDigest": digest} for digest in surplus[begin : begin + 100]]
        ecr.batch_delete_image(repositoryName=name, imageIds=identities)


def superfluous(details: Sequence[Mapping[str, Any]], running: Collection[str]) -> list[str]:
    """The digests of the oldest images beyond KEPT, those that run left out; `details` as ECR describes images."""
    old = [entry for entry in details if _digits(entry["imageDigest"]) not in running]
    old.sort(key=lambda entry: entry.get("imagePushedAt") or datetime.min)  # noqa: DTZ901 - it is compared with its like
    return [entry["imageDigest"] for entry in old[: max(0, len(old) - KEPT)]]


def delete(account: Account, name: str) -> bool:
    """Delete the repository with all its images; whether there was one."""
    if not exists(account, name):
        return False
    account.clients["ecr"].delete_repository(repositoryName=name, force=True)
    return True


def _digits(digest: str) -> str:
    return digest.removeprefix("sha256:")
