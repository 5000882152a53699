"""What speaks against a deployment: concurrency, names, buckets and keys, from what AWS says there is."""

from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.deploying import planning
from controlplane.deploying.buckets import Bucket
from controlplane.deploying.planning import Findings
from controlplane.errors import Failure, UsageError


def account(**answers: Any) -> Any:
    """One whose services answer so: `account(lambda_={"get_account_settings": {...}})`."""

    def service(calls: dict[str, Any]) -> SimpleNamespace:
        said = {
            name: answer if callable(answer) else lambda answer=answer, **_: answer for name, answer in calls.items()
        }
        return SimpleNamespace(**said)

    clients = {name.rstrip("_"): service(calls) for name, calls in answers.items()}
    return SimpleNamespace(number="123456789012", region="eu-central-1", clients=clients)


def concurrency(
    reserved: str, variants: str = "a,b", before: dict[str, str] | None = None, limit: int = 1000, left: int = 1000
) -> tuple[str, list[str]]:
    """MaximumConcurrency, and what is in the way."""
    limits = {"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": left}}
    values, found = {"ReservedConcurrency": reserved, "Variants": variants}, Findings()
    here = account(lambda_={"get_account_settings": limits})
    planning._concurrency(here, values, before or {}, frozenset(), found)
    return values["MaximumConcurrency"], found.problems


@pytest.mark.parametrize(
    ("reserved", "variants", "most"),
    [("0", "a,b", "450"), ("0", "a", "900"), ("0", "", "900"), ("many", "a,b", "450"), ("30", "a,b", "30")],
)
def test_queues_share_the_account_and_no_reservation_is_none(reserved: str, variants: str, most: str) -> None:
    assert concurrency(reserved, variants) == (most, [])


def test_what_somebody_chose_stays() -> None:
    values, found = {"ReservedConcurrency": "0", "Variants": "a", "MaximumConcurrency": "7"}, Findings()
    limits = {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}}
    here = account(lambda_={"get_account_settings": limits})
    planning._concurrency(here, values, {}, frozenset({"MaximumConcurrency"}), found)
    assert values["MaximumConcurrency"] == "7"


@pytest.mark.parametrize(
    ("reserved", "before", "limit", "left", "leaves"),
    [
        (450, {}, 1000, 1000, None),
        (451, {}, 1000, 1000, 98),
        (600, {}, 1000, 1000, 0),
        (10, {}, 1000, 119, 99),
        (10, {}, 1000, 120, None),
        # What the stack has set aside already is its own to give.
        (450, {"ReservedConcurrency": "100", "Variants": "a,b,c"}, 1000, 700, None),
        (451, {"ReservedConcurrency": "100", "Variants": "a,b,c"}, 1000, 700, 98),
        # An account that has less in all keeps all of it.
        (1, {}, 10, 10, 8),
    ],
)
def test_lambda_keeps_a_hundred_for_others(
    reserved: int, before: dict[str, str], limit: int, left: int, leaves: int | None
) -> None:
    _, problems = concurrency(str(reserved), before=before, limit=limit, left=left)
    if leaves is None:
        assert problems == []
    else:
        least = min(100, limit)
        told = (
            f"ReservedConcurrency={reserved} for 2 functions leaves {leaves} of the account's concurrency, and Lambda"
        )
        (problem,) = problems
        assert problem.startswith(f"{told} keeps {least} for all other")


@pytest.mark.parametrize(("length", "problems"), [(29, 0), (30, 1)])
def test_a_stacks_name_that_makes_a_buckets_too_long_is_told(length: int, problems: int) -> None:
    """-uploads-, an account's number and the region take 34 of a bucket's 63 characters."""
    found = planning._names(account(), "a" * length, ["web"], ["web"])
    assert len(found) == problems
    assert all("longer than the 63 characters" in problem for problem in found)


def test_a_variants_name_can_be_what_makes_a_roles_too_long() -> None:
    for length in (64, 65):
        variant = "v" * (length - len("shop--eu-central-1"))
        problems = planning._names(account(), "shop", ["a", variant], ["a", variant])
        assert len(problems) == length - 64
        assert all("longer than the 64 characters" in problem for problem in problems)


def test_folders_that_are_not_there_are_named() -> None:
    (problem,) = planning._names(account(), "shop", ["web", "square"], ["mobile", "web"])
    assert problem.startswith("There is no images/square: ")
    assert "mobile, web" in problem
    (problem,) = planning._names(account(), "shop", [], [])
    assert problem.startswith("images/ holds no variant")


@pytest.mark.parametrize(
    ("name", "well"),
    [("a", True), ("a1-b", True), ("1a", False), ("a--b", False), ("a-", False), ("A", False), ("a_b", False)],
)
def test_a_stacks_name_is_lower_case_with_single_hyphens(name: str, well: bool) -> None:
    if well:
        planning.well_named(name)
    else:
        with pytest.raises(UsageError, match=f'"{name}" is not'):
            planning.well_named(name)


def test_all_that_is_in_the_way_is_told_at_once() -> None:
    Findings().end()
    Findings(notes=["Known."]).end()
    with pytest.raises(Failure, match=r"^One\.$"):
        Findings(["One."]).end()
    with pytest.raises(Failure) as raised:
        Findings(["One.", "Two."]).end()
    assert str(raised.value).splitlines() == ["2 things are in the way:", "- One.", "- Two."]


def test_only_buckets_are_the_stacks_own_buckets() -> None:
    owned = {
        "A": ("AWS::S3::Bucket", "uploads"),
        "B": ("AWS::SNS::Topic", "topic"),
        "C": ("AWS::S3::BucketPolicy", "x"),
    }
    assert planning._stacks_own(owned) == {"uploads"}


# --- Encryption ------------------------------------------------------------------------------------------------------


def bucket(name: str, key: str | None) -> Bucket:
    return Bucket(name, "eu-central-1", None, key, {})


def described(KeyId: str) -> dict[str, Any]:  # noqa: N803 - boto3's own
    manager = "AWS" if KeyId == "alias/aws/s3" else "CUSTOMER"
    return {"KeyMetadata": {"Arn": f"arn:{KeyId}", "KeyManager": manager}}


def encryption(*adopted: Bucket, chosen: str | None = None) -> tuple[str | None, Findings]:
    found, values = Findings(), {} if chosen is None else {"KmsKeyArn": chosen}
    names = frozenset() if chosen is None else frozenset({"KmsKeyArn"})
    planning._encryption(account(kms={"describe_key": described}), adopted, values, names, found)
    return values.get("KmsKeyArn"), found


def test_the_key_that_buckets_ask_for_is_used_and_told() -> None:
    arn, found = encryption(bucket("in", "k"), bucket("out", "k"))
    assert (arn, found.problems) == ("arn:k", [])
    assert [note.split(",")[0] for note in found.notes] == [
        "The functions may use the key of in",
        "The functions may use the key of out",
    ]


@pytest.mark.parametrize("key", [None, "alias/aws/s3"])
def test_s3s_own_keys_ask_nobody(key: str | None) -> None:
    arn, found = encryption(bucket("in", key))
    assert (arn, found.problems, found.notes) == ("", [], [])


def test_two_keys_are_one_too_many() -> None:
    arn, found = encryption(bucket("in", "a"), bucket("out", "z"))
    assert arn == "arn:a"
    (problem,) = found.problems
    assert problem.startswith("The bucket out is encrypted with arn:z, and the functions may use one key alone")
    assert len(found.notes) == 1


@pytest.mark.parametrize(("chosen", "wrong"), [("arn:a", []), ("arn:b", ["in"]), ("arn:0", ["in"])])
def test_a_key_that_somebody_chose_has_to_be_the_buckets(chosen: str, wrong: list[str]) -> None:
    arn, found = encryption(bucket("in", "a"), chosen=chosen)
    assert arn == chosen
    assert [problem.split()[2] for problem in found.problems] == wrong
    assert found.notes == []


@pytest.mark.parametrize(
    ("made_for", "told"), [("shop", "was made for this stack before"), (None, "exists"), ("x", "exists")]
)
def test_a_bucket_that_is_there_is_used_as_it_is(made_for: str | None, told: str) -> None:
    found = Findings()
    planning._usable(account(), Bucket("in", "eu-central-1", made_for, None, {}), "shop", found)
    assert (found.problems, found.notes) == ([], [f"The bucket in {told} and is used as it is."])


def test_a_bucket_elsewhere_cannot_announce_here() -> None:
    found = Findings()
    planning._usable(account(), Bucket("in", "us-east-1", None, None, {}), "shop", found)
    assert found.notes == []
    assert "deploy there (AWS_REGION=us-east-1)" in found.problems[0]
