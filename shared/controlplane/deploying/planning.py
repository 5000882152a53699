"""What a deployment is to be, decided before anything is built or changed; and all that speaks against it, at once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from controlplane import edge, stacks
from controlplane.account import Account
from controlplane.deploying import buckets, engine, images, parameters, variants
from controlplane.deploying.buckets import TAG, Bucket
from controlplane.deploying.engine import Platform
from controlplane.deploying.notifications import Announcer, overlaps
from controlplane.deploying.template import MOST_BYTES, Template
from controlplane.errors import Failure, UsageError
from controlplane.machine import INGEST_PREFIX, digests_parameter
from controlplane.stacks import Stack

CHOSEN_TAG = f"{TAG}-chosen"
"""Of the stack: the computed settings that somebody chose, which are not to be computed again."""
LEFT_TAG = f"{TAG}-left"
"""Of the stack: buckets of the user's that it once took uploads from, and that must not announce to it any more."""

_STACK_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_BUCKET, _LONGEST_ROLE = 63, 64
"""AWS's limits; every other name may be longer."""
_LEAST_UNRESERVED = 100
"""Of an account's concurrency Lambda keeps so much from being set aside."""

ROLES = ("Source", "Output")


@dataclass(frozen=True)
class Plan:
    """What a deployment is to be."""

    name: str
    """The stack's."""
    template: Template
    target: Platform
    variants: tuple[str, ...]
    parameters: Mapping[str, str]
    """All of the template's but Digests, which are known when the images are built."""
    tags: Mapping[str, str]
    """The stack's."""
    image_tags: Mapping[str, str]
    """By variant; what of them is not in ECR has to be built."""
    announcer: Announcer
    announced: str | None
    """The bucket that announces by our hand, where it is not the stack's own."""
    hushed: tuple[str, ...]
    """Buckets that are to announce no more."""
    notes: tuple[str, ...] = ()
    """What a person should know before it begins."""


@dataclass
class Findings:
    """Collected while it is decided."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def end(self) -> None:
        """Raise Failure where there are problems, with all of them."""
        if len(self.problems) == 1:
            raise Failure(self.problems[0])
        if self.problems:
            raise Failure(
                "\n".join([f"{len(self.problems)} things are in the way:", *(f"- {it}" for it in self.problems)])
            )


def well_named(name: str) -> None:
    """Raise UsageError unless a stack may have that name."""
    if not _STACK_NAME.fullmatch(name):
        raise UsageError(
            f'A stack\'s name is lower-case letters and digits, with single hyphens between; "{name}" is not.'
        )


def plan(account: Account, name: str, stack: Stack | None, given: Mapping[str, str], template: Template) -> Plan:
    """What `stack`, or a new one of that name, is to be with the settings given. Raises Failure with all problems."""
    made, found = considered(account, name, stack, given, template)
    found.end()
    return made


def considered(
    account: Account, name: str, stack: Stack | None, given: Mapping[str, str], template: Template
) -> tuple[Plan, Findings]:
    """The plan, and all that speaks against it."""
    found, target = Findings(), Platform.chosen()
    if len(template.body.encode()) > MOST_BYTES:
        found.problems.append(f"shared/stack.yaml has more than the {MOST_BYTES:,} bytes that CloudFormation takes.")
    before = stack.parameters if stack else {}
    tags_before = stack.tags if stack else {}
    choice = parameters.chosen(given, before, tags_before.get(CHOSEN_TAG, "").split(), template)
    values = {**choice.values, "Architecture": target.architecture}

    folders = variants.folders()
    names = tuple(filter(None, values["Variants"].split(","))) if "Variants" in choice.chosen else folders
    values["Variants"] = ",".join(names)
    found.problems += _names(account, name, names, folders)

    _concurrency(account, values, before, choice.chosen, found)
    adopted = _buckets(account, name, stack, values, choice.chosen, found)
    announcer = Announcer(name, _topic(account, name, stack), values.get("IngestPrefix", INGEST_PREFIX))
    source = adopted.get("Source")
    if source is not None:
        found.problems += _announcements(source, announcer)
    wrong = template.complaints({key: value for key, value in values.items() if key in template.parameters})
    found.problems += wrong or parameters.strangers(values, names)
    if not wrong and (hasty := parameters.haste(values)):
        found.notes.append(hasty)
    loaded = [variant for variant in names if variant in folders]
    examined = variants.examined(loaded, template.environment(values))
    found.problems += examined.problems
    values["CdnFormats"] = edge.parameter(examined.beside)

    image_tags = {variant: images.tag(variant, target) for variant in loaded}
    there = images.listing(account, name)
    if any(tag not in there for tag in image_tags.values()) and (why := engine.missing()):
        found.problems.append(why)

    left = _left(stack, values, tags_before)
    tags = {TAG: name}
    if choice.chosen:
        tags[CHOSEN_TAG] = " ".join(sorted(choice.chosen))
    if left:
        tags[LEFT_TAG] = " ".join(left)
    wanted = Plan(
        name=name,
        template=template,
        target=target,
        variants=names,
        parameters={key: value for key, value in values.items() if key in template.parameters},
        tags=tags,
        image_tags=image_tags,
        announcer=announcer,
        announced=source.name if source else None,
        hushed=left,
        notes=tuple(found.notes),
    )
    return wanted, found


def pushable(stack: Stack, names: Sequence[str], tags: Mapping[str, str], there: Mapping[str, str]) -> dict[str, str]:
    """The stack's parameters that follow from what these variants are now.

    Raises Failure, with all problems, where new images of them could not be made or would not start. `tags` are those
    of their images by variant, `there` is what ECR has.
    """
    examined = variants.examined(names, Template().environment(stack.parameters))
    found = Findings(list(examined.problems))
    if any(tag not in there for tag in tags.values()) and (why := engine.missing()):
        found.problems.append(why)
    found.end()
    if "CdnFormats" not in stack.parameters:
        return {}
    return {"CdnFormats": edge.parameter({**edge.made(stack.parameters["CdnFormats"]), **examined.beside})}


def announcer(account: Account, name: str, stack: Stack | None) -> Announcer:
    """Who announces uploads to `stack`, or to a stack of that name that is gone."""
    values = stack.parameters if stack else {}
    return Announcer(name, _topic(account, name, stack), values.get("IngestPrefix", INGEST_PREFIX))


def with_images(wanted: Plan, account: Account, digests: Mapping[str, str]) -> dict[str, str]:
    """All parameters of the plan once the images are there."""
    return {
        **wanted.parameters,
        "Digests": digests_parameter(digests),
        "Repository": images.address(account, wanted.name),
    }


def _names(account: Account, name: str, names: Sequence[str], folders: Sequence[str]) -> list[str]:
    problems = [
        f"There is no images/{variant}: Variants names folders of images/, which are {', '.join(folders)}."
        for variant in names
        if variant not in folders
    ]
    if not names:
        problems.append("images/ holds no variant: copy one of the project's own.")
    longest = max(names, key=len, default="")
    for made, limit in (
        (f"{name}-uploads-{account.number}-{account.region}", _LONGEST_BUCKET),
        (f"{name}-{longest}-{account.region}", _LONGEST_ROLE),
    ):
        if len(made) > limit:
            problems.append(
                f"The stack's name is part of other names, and {made} is longer than the {limit} characters that AWS "
                "allows: choose a shorter one with --stack."
            )
    return problems


def _concurrency(
    account: Account, values: dict[str, str], before: Mapping[str, str], chosen: frozenset[str], found: Findings
) -> None:
    """Sets MaximumConcurrency, unless somebody chose it, to the functions' share of what the account allows."""
    limit = account.clients["lambda"].get_account_settings()["AccountLimit"]
    count = max(1, len(values["Variants"].split(",")))
    reserved = int(values["ReservedConcurrency"]) if values["ReservedConcurrency"].isdecimal() else 0
    if "MaximumConcurrency" not in chosen:
        values["MaximumConcurrency"] = str(parameters.at_once(limit["ConcurrentExecutions"], count, reserved))
    ours = int(before.get("ReservedConcurrency", "0")) * len(before.get("Variants", "").split(","))
    left = limit["UnreservedConcurrentExecutions"] + ours - reserved * count
    least = min(_LEAST_UNRESERVED, limit["ConcurrentExecutions"])
    if reserved and left < least:
        found.problems.append(
            f"ReservedConcurrency={reserved} for {count} functions leaves {max(0, left)} of the account's concurrency, "
            f"and Lambda keeps {least} for all other functions: choose less, or have the quota raised."
        )


def _buckets(
    account: Account,
    name: str,
    stack: Stack | None,
    values: dict[str, str],
    chosen: frozenset[str],
    found: Findings,
) -> dict[str, Bucket]:
    """Sets the parameters of both buckets; those that are there and not the stack's own, by role."""
    owned = stacks.resources(account, stack) if stack else {}
    default = {
        role: f"{name}-{word}-{account.number}-{account.region}"
        for role, word in (("Source", "uploads"), ("Output", "results"))
    }
    names = {role: values[f"{role}BucketName"] or default[role] for role in ROLES}
    if names["Source"] == names["Output"]:
        # The template compares what it is told, and not what it would call them.
        values["SourceBucketName"] = values["OutputBucketName"] = names["Source"]
    adopted: dict[str, Bucket] = {}
    for role in ROLES:
        values[f"Existing{role}Bucket"] = "false"
        if owned.get(f"{role}Bucket", ("", ""))[1] == names[role] or names[role] in _stacks_own(owned):
            continue
        try:
            bucket = buckets.find(account, names[role])
        except Failure as failure:
            found.problems.append(str(failure))
            continue
        if bucket is not None:
            adopted[role] = bucket
            values[f"{role}BucketName"], values[f"Existing{role}Bucket"] = bucket.name, "true"
    if names["Source"] == names["Output"]:
        adopted.pop("Output", None)
    for bucket in adopted.values():
        _usable(account, bucket, name, found)
    _encryption(
        account, [bucket for bucket in adopted.values() if bucket.region == account.region], values, chosen, found
    )
    return adopted


def _stacks_own(owned: Mapping[str, tuple[str, str]]) -> set[str]:
    return {physical for type_, physical in owned.values() if type_ == "AWS::S3::Bucket"}


def _usable(account: Account, bucket: Bucket, name: str, found: Findings) -> None:
    if bucket.region != account.region:
        found.problems.append(
            f"The bucket {bucket.name} is in {bucket.region} and the stack would be in {account.region}, to where S3 "
            f"does not announce: deploy there (AWS_REGION={bucket.region}), or choose another bucket."
        )
        return
    whose = "was made for this stack before" if bucket.made_for == name else "exists"
    found.notes.append(f"The bucket {bucket.name} {whose} and is used as it is.")


def _encryption(
    account: Account, adopted: Sequence[Bucket], values: dict[str, str], chosen: frozenset[str], found: Findings
) -> None:
    """Sets KmsKeyArn, unless somebody chose it, to the key that the buckets which are there ask for."""
    keys = {bucket.name: arn for bucket in adopted if bucket.key and (arn := buckets.key_arn(account, bucket.key))}
    if "KmsKeyArn" not in chosen:
        values["KmsKeyArn"] = next(iter(keys.values()), "")
    for bucket, arn in keys.items():
        if arn != values["KmsKeyArn"]:
            found.problems.append(
                f"The bucket {bucket} is encrypted with {arn}, and the functions may use one key alone, which would be "
                f"{values['KmsKeyArn']}: choose buckets with one key, or KmsKeyArn={arn}."
            )
        elif "KmsKeyArn" not in chosen:
            found.notes.append(
                f"The functions may use the key of {bucket}, {arn}; its policy has to let this account's roles use it."
            )


def _announcements(source: Bucket, announcer: Announcer) -> list[str]:
    return [
        f"The bucket {source.name} announces {entry} already, and S3 does not let two announcements of one event "
        "overlap: take that one away, or have it subscribe to the machine's topic, or choose another IngestPrefix."
        for entry in overlaps(source.notifications, announcer)
    ]


def _topic(account: Account, name: str, stack: Stack | None) -> str:
    told = stack.outputs.get("Topic") if stack else None
    return told or f"arn:{account.partition}:sns:{account.region}:{account.number}:{name}-uploads"


def buckets_used(stack: Stack | None) -> tuple[str, ...]:
    """The buckets that are not the stack's own, and that it uses or has used."""
    if stack is None:
        return ()
    used = [
        stack.parameters[f"{role}BucketName"]
        for role in ROLES
        if stack.parameters.get(f"Existing{role}Bucket") == "true"
    ]
    return tuple(dict.fromkeys([*used, *stack.tags.get(LEFT_TAG, "").split()]))


def _left(stack: Stack | None, values: Mapping[str, str], tags: Mapping[str, str]) -> tuple[str, ...]:
    """The buckets that uploads came from once, and come from no more."""
    left = dict.fromkeys(tags.get(LEFT_TAG, "").split())
    if stack and stack.parameters.get("ExistingSourceBucket") == "true":
        left[stack.parameters["SourceBucketName"]] = None
    left.pop(values["SourceBucketName"], None)
    return tuple(left)
