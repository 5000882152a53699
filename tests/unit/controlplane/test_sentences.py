"""What is said of AWS's refusals, of dead letters and of sizes: the sentences and numbers that people act on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    DataNotFoundError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

from controlplane.account import Account, Clients, _session, aws_errors, code, message, sentence
from controlplane.commands.rejected import _told
from controlplane.errors import Failure
from controlplane.local import sheet
from controlplane.machine import digests, digests_parameter
from controlplane.operating.letters import Letter
from controlplane.words import count, dollars, milliseconds
from machine_kit import machine


def refusal(name: str, said: str = "It says so.", retries: int = 0) -> ClientError:
    response: Any = {"Error": {"Code": name, "Message": said}, "ResponseMetadata": {"RetryAttempts": retries}}
    return ClientError(response, "PutObject")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refusal("ExpiredToken"), "AWS does not know who you are: run `aws configure` or `aws sso login`"),
        (refusal("UnrecognizedClientException"), "AWS does not know who you are"),
        (refusal("SlowDown"), "AWS is asked too much at once, and PutObject was refused 1 time (SlowDown)"),
        (
            refusal("SlowDown", retries=9),
            "AWS is asked too much at once, and PutObject was refused 10 times (SlowDown)",
        ),
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
