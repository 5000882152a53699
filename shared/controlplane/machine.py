"""A deployed machine, found from its stack: what every command that looks after one works on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from controlplane import stacks
from controlplane.account import Account, Clients
from controlplane.errors import Failure, UsageError

DEFAULT_NAME = "image-machine"
INGEST_PREFIX = "ingest/"
"""Where the stack does not say otherwise."""


@dataclass(frozen=True)
class DeployedVariant:
    """One variant's function and queues."""

    name: str
    function: str
    """The function's name."""
    queue_url: str
    dead_letter_url: str
    log_group: str
    output_prefix: str
    """Where its results lie in the results' bucket."""
    image: str
    """<repository>@sha256:<digest>."""


@dataclass(frozen=True)
class Machine:
    """A stack that is up, on AWS or on an emulated account: the same to whoever asks."""

    name: str
    """The stack's."""
    region: str
    account: str
    """Its number, twelve digits."""
    source_bucket: str
    ingest_prefix: str
    output_bucket: str
    topic: str
    """ARN of the topic that announces uploads."""
    variants: tuple[DeployedVariant, ...]
    parameters: Mapping[str, str]
    """The stack's, with their defaults."""
    outputs: Mapping[str, str]
    clients: Clients = field(repr=False, compare=False)

    @classmethod
    def find(cls, account: Account, name: str) -> "Machine":
        """The machine whose stack has that name. Raises Failure where there is none, or it is not up."""
        stack = stacks.find(account, name)
        if stack is None:
            raise Failure(
                f"There is no stack {name} in account {account.number}, region {account.region}: `./deploy.sh up` "
                "makes it; another's name is given with --stack."
            )
        return cls.of(stack, account)

    @classmethod
    def of(cls, stack: stacks.Stack, account: Account) -> "Machine":
        """The machine that `stack` is. Raises Failure where it is not up."""
        outputs, parameters = stack.outputs, stack.parameters
        names = [name for name in parameters.get("Variants", "").split(",") if name]
        if not names or not {"SourceBucket", "OutputBucket", "Topic"} <= outputs.keys():
            raise Failure(f"The stack {stack.name} is not up ({stack.status}): `./deploy.sh up` finishes it.")
        images = deployed_images(parameters, account, stack.name)
        return cls(
            name=stack.name,
            region=account.region,
            account=account.number,
            source_bucket=outputs["SourceBucket"],
            ingest_prefix=parameters.get("IngestPrefix", INGEST_PREFIX),
            output_bucket=outputs["OutputBucket"],
            topic=outputs["Topic"],
            variants=tuple(
                DeployedVariant(
                    name=name,
                    function=f"{stack.name}-{name}",
                    queue_url=outputs[f"Queue{name}"],
                    dead_letter_url=outputs[f"DeadLetters{name}"],
                    log_group=f"/aws/lambda/{stack.name}-{name}",
                    output_prefix=f"{name}/",
                    image=images.get(name, ""),
                )
                for name in names
            ),
            parameters=parameters,
            outputs=outputs,
            clients=account.clients,
        )

    def variant(self, name: str) -> DeployedVariant:
        """The variant of that name. Raises UsageError."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        there = ", ".join(variant.name for variant in self.variants)
        raise UsageError(f'{self.name} has no variant "{name}"; it has {there}.')

    def chosen(self, name: str | None) -> tuple[DeployedVariant, ...]:
        """The variant of that name alone, or all where none is named. Raises UsageError."""
        return self.variants if name is None else (self.variant(name),)


def deployed_images(parameters: Mapping[str, str], account: Account, stack: str) -> dict[str, str]:
    """The image of each variant by the stack's parameters, which decide it."""
    repository = parameters.get("Repository") or f"{account.number}.dkr.ecr.{account.region}.amazonaws.com/{stack}"
    return {name: f"{repository}@sha256:{digest}" for name, digest in digests(parameters.get("Digests", "")).items()}


def digests(parameter: str) -> dict[str, str]:
    """The digests, 64 hexadecimal digits each, by variant, from the stack's parameter Digests."""
    return {name: digest for name, _, digest in (pair.partition("=") for pair in parameter.split(";") if pair)}


def digests_parameter(by_variant: Mapping[str, str]) -> str:
    """The stack's parameter Digests: shortest name first, as the template wants it, for it looks for names in there."""
    return "".join(f"{name}={by_variant[name]};" for name in sorted(by_variant, key=lambda name: (len(name), name)))
