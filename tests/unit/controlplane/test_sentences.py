"""What is said of AWS's refusals, of dead letters and of sizes: the sentences and numbers that people act on."""

import inspect
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from botocore.exceptions import (
    ClientError,
    DataNotFoundError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

from controlplane.account import Account, Clients, _session, aws_errors, code, message, sentence
from controlplane.commands import audit, backfill, up
from controlplane.commands.rejected import _told
from controlplane.errors import Failure
from controlplane.local import sheet
from controlplane.machine import DEFAULT_NAME, DeployedVariant, Machine, digests, digests_parameter
from controlplane.operating import meters, watching
from controlplane.operating.auditing import Count
from controlplane.operating.letters import Letter
from controlplane.operating.listing import Listed
from controlplane.operating.meters import VariantStatus
from controlplane.operating.repairing import Survey
from controlplane.operating.results import State
from controlplane.operating.worklist import Entry, WorkList
from controlplane.page.source import Counts
from controlplane.words import count, dollars, milliseconds


def refusal(name: str, said: str = "It says so.") -> ClientError:
    return ClientError({"Error": {"Code": name, "Message": said}}, "PutObject")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refusal("ExpiredToken"), "AWS does not know who you are: run `aws configure` or `aws sso login`"),
        (refusal("UnrecognizedClientException"), "AWS does not know who you are"),
        (refusal("SlowDown"), "AWS is asked too much at once, and PutObject was refused 10 times (SlowDown)"),
        (refusal("ThrottlingException"), "AWS is asked too much at once"),
        (refusal("AccessDenied"), "You may not do this in AWS: PutObject needs a permission. It says: It says so."),
        (refusal("AccessDeniedException"), "You may not do this in AWS"),
        (refusal("403"), "You may not do this in AWS"),
        (refusal("UnauthorizedOperation"), "You may not do this in AWS"),
        (refusal("NoSuchBucket"), "AWS refuses PutObject: It says so (NoSuchBucket)."),
        (NoCredentialsError(), "AWS does not know who you are"),
        (ProfileNotFound(profile="there-is-none"), "export another AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="https://here"), "AWS cannot be reached"),
        (DataNotFoundError(data_path="here"), "AWS could not be asked: Unable to load data for: here."),
    ],
)
def test_a_refusal_says_what_to_do(error: ClientError, told: str) -> None:
    assert sentence(error).startswith(told) or told in sentence(error)
    assert sentence(error).endswith(".")
    assert ".." not in sentence(error)
    with pytest.raises(Failure) as raised, aws_errors():
        raise error
    assert str(raised.value) == sentence(error)


def test_a_refusal_without_words_is_told_by_its_name() -> None:
    assert message(refusal("Gone", "")) == code(refusal("Gone")) == "Gone"
    assert code(ClientError({}, "PutObject")) == ""


def test_throttling_is_waited_out_and_a_missing_network_is_not() -> None:
    clients = Clients(_session(region_name="us-east-1"))
    for service, attempts in (("s3", 10), ("sqs", 10), ("sts", 4)):
        config = clients[service].meta.config
        assert config.retries == {"mode": "standard", "total_max_attempts": attempts}
        assert config.max_pool_connections == 32
        assert clients[service] is clients[service]
    assert not (clients["s3"].meta.config.s3 or {}).get("addressing_style")
    emulated = Clients(_session(region_name="us-east-1"), "http://127.0.0.1:1")["s3"]
    assert emulated.meta.config.s3 == {"addressing_style": "path"}
    assert emulated.meta.endpoint_url == "http://127.0.0.1:1"


def test_an_emulated_account_is_asked_for_who_it_is(endpoint: str) -> None:
    account = Account.emulated(endpoint)
    assert (account.region, account.partition, account.endpoint) == ("us-east-1", "aws", endpoint)
    assert account.number.isdigit()
    assert len(account.number) == 12


# --- Dead letters ----------------------------------------------------------------------------------------------------

START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def machine(*names: str) -> Machine:
    variants = tuple(
        DeployedVariant(
            **{field: (name if field == "name" else "") for field in inspect.signature(DeployedVariant).parameters}
        )
        for name in names
    )
    values: dict[str, Any] = dict.fromkeys(inspect.signature(Machine).parameters, "") | {
        "parameters": {},
        "outputs": {},
        "clients": None,
    }
    return Machine(**values | {"variants": variants})


def letter(variant: str, number: int, detail: str = "It is broken.") -> Letter:
    source = f"s3://uploads/ingest/{number}.jpg"
    return Letter(variant, "corrupt", detail, source, START + timedelta(seconds=number), (), "{}", str(number), "")


def test_dead_letters_are_told_by_upload_and_variants() -> None:
    letters = [letter("web", 1), letter("thumbnail", 1), letter("web", 2)]
    assert _told(machine("thumbnail", "web"), letters).splitlines() == [
        "corrupt, 3 dead letters: It is broken.",
        "  2030-01-02T03:04:06Z  s3://uploads/ingest/1.jpg  (all variants)",
        "  2030-01-02T03:04:07Z  s3://uploads/ingest/2.jpg  (web)",
    ]
    assert _told(machine("thumbnail", "web", "mobile"), letters[:2]).endswith("(thumbnail, web)")
    assert _told(machine("web"), [letter("web", 1)]).splitlines() == [
        "corrupt, 1 dead letter: It is broken.",
        "  2030-01-02T03:04:06Z  s3://uploads/ingest/1.jpg  (web)",
    ]


@pytest.mark.parametrize(("uploads", "rest"), [(10, ""), (11, "1 more upload;"), (13, "3 more uploads;")])
def test_ten_uploads_of_a_kind_are_named(uploads: int, rest: str) -> None:
    lines = _told(machine("web"), [letter("web", number) for number in range(uploads)]).splitlines()
    assert len(lines) == 1 + min(uploads, 10) + bool(rest)
    assert lines[-1].startswith(f"  ... and {rest}") if rest else "more" not in lines[-1]


def test_what_a_picture_says_cannot_move_the_cursor() -> None:
    assert "\x1b" not in _told(machine("web"), [letter("web", 1, detail="It \x1b[2J is broken.")])


# --- Sizes and changes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (1000, 500, " (\N{MINUS SIGN}50%)"),
        (1000, 1, " (\N{MINUS SIGN}99%)"),
        (1000, 1500, " (+50%)"),
        (1000, 1010, " (+1%)"),
        (1000, 990, " (\N{MINUS SIGN}1%)"),
        (1000, 991, ""),
        (1000, 1009, ""),
        (1000, 1000, ""),
        (0, 10, ""),
        (10, 0, ""),
        (10, None, ""),
    ],
)
def test_a_result_is_so_much_smaller_or_larger_than_its_upload(before: int, after: int | None, told: str) -> None:
    assert sheet._change(before, after) == told


def test_only_animations_have_frames_to_be_told_and_only_pictures_sizes() -> None:
    assert [sheet._frames(number) for number in (None, 0, 1, 2, 30)] == ["", "", "", "2 frames", "30 frames"]
    assert [sheet._dimensions(*size) for size in ((0, 0), (1, 2))] == ["", "1 \N{MULTIPLICATION SIGN} 2"]
    assert [sheet._title(name) for name in (None, "", "jpeg", "avif")] == ["", "", "JPEG", "AVIF"]


def test_a_kind_of_failure_names_some_of_its_pictures() -> None:
    failure = sheet.Failure("Corrupt", "all variants", "It is broken.")
    most = sheet._MOST_NAMED
    for number in (1, most, most + 1, most + 1500):
        rows = [sheet.Row(place, f"{place}.jpg", [], [failure]) for place in range(1, number + 1)]
        (kind,) = sheet._kinds(rows)
        named = [(place, f"{place}.jpg") for place in range(1, min(number, most) + 1)]
        assert kind == {
            "label": "Corrupt",
            "which": "all variants",
            "named": named,
            "more": f"{number - most:,}" if number > most else "",
        }
    assert sheet.Row(1, "a", [], [failure]).failed
    assert not sheet.Row(1, "a", [], []).failed


def test_counts_prices_and_times_are_in_words() -> None:
    assert [count(number, "upload") for number in (0, 1, 2, 1234)] == [
        "0 uploads",
        "1 upload",
        "2 uploads",
        "1,234 uploads",
    ]
    assert [dollars(number) for number in (0, 0.0099, 0.01, 1234.5)] == [
        "US$ 0",
        "less than US$ 0.01",
        "US$ 0.01",
        "US$ 1,234.50",
    ]
    assert [milliseconds(number) for number in (0.44, 9.94, 9.96, 999.4, 1000, 2400)] == [
        "0.4 ms",
        "9.9 ms",
        "10 ms",
        "999 ms",
        "1.0 s",
        "2.4 s",
    ]


def test_digests_are_written_shortest_name_first_and_read_again() -> None:
    by_variant = {"thumbnail": "b" * 64, "web": "a" * 64, "abc": "c" * 64}
    written = digests_parameter(by_variant)
    assert written == f"abc={'c' * 64};web={'a' * 64};thumbnail={'b' * 64};"
    assert digests(written) == by_variant
    assert digests("") == {}


# --- Audits and repairs ----------------------------------------------------------------------------------------------


def survey(uploads: int, looked: int, due: int, orphans: int, **counts: Count) -> Survey:
    found = Survey(dict(counts), WorkList(), WorkList(), uploads, looked)
    upload = Listed("ingest/a.jpg", "e", START, 1)
    for number in range(max(due, orphans)):
        name = list(counts)[number % len(counts)]
        if number < due:
            found.due.add(Entry(name, upload, alone=False))
        if number < orphans:
            found.orphans.add(Entry(name, upload, alone=True))
    return found


def audited(capsys: pytest.CaptureFixture[str], found: Survey, *, quick: bool = False) -> tuple[list[str], str]:
    """What an audit prints, in lines with single spaces; and what it notes."""
    with found:
        audit._print(machine("thumbnail", "web"), found, quick=quick)
    printed = capsys.readouterr()
    return [" ".join(line.split()) for line in printed.out.splitlines()], printed.err.strip()


def test_an_audit_says_what_there_is_and_what_can_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    web = Count(Counter({State.CURRENT: 1200, State.MISSING: 2, State.STALE: 1}), orphaned=1, left_out=4)
    thumbnail = Count(Counter({State.CURRENT: 1203, State.REJECTED: 3}))
    lines, note = audited(capsys, survey(1210, 2_500_000, 3, 1, thumbnail=thumbnail, web=web))
    assert lines == [
        "current missing stale rejected orphaned",
        "thumbnail 1,203 0 0 3 0",
        "web 1,200 2 1 0 1",
        "",
        "1,210 uploads. What is missing or stale can be made for less than US$ 0.01: --repair does it.",
        "1 orphaned object: --remove-orphans deletes them, after asking.",
        "web leaves out 4 uploads, as it is to.",
    ]
    assert note == "2,500,000 results looked at, US$ 1.00."


def test_an_audit_that_finds_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    lines, note = audited(capsys, survey(1, 1, 0, 0, web=Count(Counter({State.CURRENT: 1}))))
    assert lines[3:] == ["1 upload. Nothing is missing or stale."]
    assert note == "1 result looked at, less than US$ 0.01."
    lines, note = audited(capsys, survey(1, 0, 0, 0, web=Count(Counter({State.CURRENT: 1}))), quick=True)
    assert lines[-1].startswith("By dates alone: no result was looked at")
    assert note == ""


def test_a_backfill_says_how_much_and_how_long() -> None:
    with survey(7, 0, 5, 0, web=Count(), thumbnail=Count()) as found:
        assert backfill.told(machine("thumbnail", "web"), found, 2.0) == (
            "7 uploads: 5 results to be made (2 thumbnail, 3 web), for less than US$ 0.01, "
            "in 2.5 s or more at 2 a second."
        )
    with survey(7, 0, 0, 0, web=Count()) as found:
        assert backfill.told(machine("web"), found, 2.0) == "7 uploads: nothing is to be made."


@pytest.mark.parametrize(("rate", "taken"), [("0.09", False), ("0.1", True), ("10000", True), ("10001", False)])
def test_a_rate_is_bounded(rate: str, taken: bool) -> None:
    heard: list[float] = []
    command = click.Command("send", callback=lambda *, rate: heard.append(rate))
    backfill.rate_option(command)
    if taken:
        command.main(["--rate", rate], standalone_mode=False)
        assert heard == [float(rate)]
    else:
        with pytest.raises(click.UsageError, match="is not in the range"):
            command.main(["--rate", rate], standalone_mode=False)


def test_the_page_shows_a_variant_as_status_tells_it() -> None:
    told = VariantStatus("web", 3, 2, 61, 1, 0, 0, "repository@sha256:0")
    assert watching._counts(told) == Counts("web", 3, 2, 1, oldest_seconds=61)
    assert watching._counts(replace(told, errors=1)).trouble == "1 failure in the last hour."
    assert watching._counts(replace(told, throttles=2)).trouble == "2 throttles in the last hour."
    both = watching._counts(replace(told, errors=2, throttles=1, oldest_seconds=None))
    assert (both.trouble, both.oldest_seconds) == ("2 failures in the last hour. 1 throttle in the last hour.", None)


def test_what_comes_after_a_deployment_names_the_stack_where_it_has_another_name() -> None:
    of_its_own, default = replace(machine("web"), name="shop"), replace(machine("web"), name=DEFAULT_NAME)
    assert "./deploy.sh up --stack shop NAME=VALUE" in up._next(of_its_own)
    assert "./deploy.sh destroy --stack shop" in up._next(of_its_own)
    assert "./deploy.sh up NAME=VALUE" in up._next(default)
    assert up._next(default).endswith("./deploy.sh destroy")


@pytest.mark.parametrize(("age", "told"), [(None, False), (0, False), (3599, False), (3600, False), (3601, True)])
def test_a_message_that_waits_for_more_than_an_hour_is_told(age: int | None, told: bool) -> None:
    found = list(meters._complaints(VariantStatus("web", 1, 0, age, 0, 0, 0, "repository@sha256:0")))
    assert [complaint.startswith("The oldest message of web has waited ") for complaint in found] == [True] * told


def test_failures_of_the_last_hour_are_told() -> None:
    (complaint,) = meters._complaints(VariantStatus("web", 0, 0, 0, 0, 2, 0, "repository@sha256:0"))
    assert complaint.startswith("The web function failed 2 times in the last hour: ")
