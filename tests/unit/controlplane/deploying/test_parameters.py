"""What the stack is told, from what was typed, what it was told before, and what there is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.deploying import parameters
from controlplane.deploying.template import DECIDED, Parameter, Template
from controlplane.errors import UsageError
from controlplane.machine import digests, digests_parameter
from imagemachine.settings import Settings

TEMPLATE = Template()
SETTINGS = TEMPLATE.settings
PLAIN = sorted(set(SETTINGS) - parameters.COMPUTED)


def valid(name: str) -> list[str]:
    """Values that the template takes for a setting."""
    parameter = SETTINGS[name]
    candidates = [parameter.default or "", *parameter.allowed_values, "512", "60", "2", "1", "", "a", "ingest/", "web"]
    return [value for value in candidates if parameter.complaint(value) is None]


CHOICES = st.dictionaries(st.sampled_from(sorted(SETTINGS)), st.integers(0, 9)).map(
    lambda chosen: {name: valid(name)[number % len(valid(name))] for name, number in chosen.items()}
)


@given(first=CHOICES, second=CHOICES)
def test_a_setting_stays_until_it_is_given_again(first: dict[str, str], second: dict[str, str]) -> None:
    one = parameters.chosen(first, {}, [], TEMPLATE)
    two = parameters.chosen(second, one.values, one.chosen, TEMPLATE)
    for name in SETTINGS:
        last = second.get(name, first.get(name))
        if name in PLAIN:
            assert two.values[name] == (SETTINGS[name].default if last is None else last)
        else:
            assert two.values.get(name) == last
            assert (name in two.chosen) == (last is not None)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_nothing_goes_back_to_the_default_where_it_is_no_value_itself(name: str) -> None:
    other = next((value for value in reversed(valid(name)) if value), "x")
    before = parameters.chosen({name: other}, {}, [], TEMPLATE)
    after = parameters.chosen({name: ""}, before.values, before.chosen, TEMPLATE)
    if SETTINGS[name].complaint("") is None:
        assert after.values[name] == ""
    elif name in parameters.COMPUTED:
        assert name not in after.values
    else:
        assert after.values[name] == SETTINGS[name].default


@pytest.mark.parametrize(
    "word", ["Memory", "=3008", "memory=3008", "Memory =1", *(f"{name}=x" for name in sorted(DECIDED))]
)
def test_a_word_that_is_no_setting(word: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f'"{word}" is no setting of the stack')):
        parameters.typed([word], TEMPLATE)


def test_words_may_hold_anything() -> None:
    given_ = parameters.typed(['CacheControl=public, max-age=60 "x" \\', "Memory=512", "Memory=512"], TEMPLATE)
    assert given_ == {"CacheControl": 'public, max-age=60 "x" \\', "Memory": "512"}
    with pytest.raises(UsageError, match="given twice"):
        parameters.typed(["Memory=512", "Memory=513"], TEMPLATE)


@given(account=st.integers(10, 100_000), functions=st.integers(1, 40))
def test_functions_share_the_account(account: int, functions: int) -> None:
    each = parameters.at_once(account, functions)
    assert SETTINGS["MaximumConcurrency"].complaint(str(each)) is None
    assert each * functions <= account or each == parameters.FEWEST_AT_ONCE
    assert each == parameters.MOST_AT_ONCE or (each + 1) * functions > account * parameters.SHARE_OF_ACCOUNT


@given(account=st.integers(10, 5000), reserved=st.integers(1, 3000))
def test_what_is_reserved_is_used_and_not_exceeded(account: int, reserved: int) -> None:
    each = parameters.at_once(account, 5, reserved)
    assert SETTINGS["MaximumConcurrency"].complaint(str(each)) is None
    assert each <= reserved
    assert each == min(reserved, 1000) or reserved < parameters.FEWEST_AT_ONCE


def test_every_default_fits_the_templates_own_constraints() -> None:
    assert [name for name, it in SETTINGS.items() if it.default is not None and it.complaint(it.default)] == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Memory", "50", "it is a number from 512 to 10240."),
        ("Memory", "many", "it is a number from 512 to 10240."),
        ("ExpireUploadsDays", "-1", "it is a number from 0 on."),
        ("Timeout", "31", "it is 30, 60, 120, 300, 600 or 900."),
        ("Versioning", "yes", "it is true or false."),
        ("MaximumConcurrency", "1", "0, or 2 to 1000"),
        ("Variants", "web,cafe", "a variant's name is"),
        ("MaxBytes", "ten", "it has to match"),
    ],
)
def test_what_does_not_fit_is_told_with_what_would(name: str, value: str, said: str) -> None:
    complaint = SETTINGS[name].complaint(value)
    assert complaint is not None
    assert complaint.startswith(f"{name}={value} is not possible: ")
    assert said in complaint


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_a_number_is_taken_between_its_bounds_alone(least: float, most: float, value: float) -> None:
    parameter = Parameter("Many", "Number", None, "", least=least, most=most)
    assert (parameter.complaint(repr(value)) is None) == (least <= value <= most)


DEFAULTS = {name: it.default for name, it in TEMPLATE.parameters.items() if it.default is not None}


def test_rules_of_the_template_are_told_as_it_words_them() -> None:
    assert TEMPLATE.complaints(DEFAULTS) == []
    one_bucket = {**DEFAULTS, "SourceBucketName": "mine", "OutputBucketName": "mine"}
    assert TEMPLATE.complaints(one_bucket) == []
    said = TEMPLATE.complaints({**one_bucket, "ExpireResultsDays": "7"})
    assert said == ["ExpireResultsDays needs a bucket for the results alone."]
    # What is wrong by itself is told first.
    assert len(TEMPLATE.complaints({**one_bucket, "ExpireResultsDays": "-7"})) == 1


def test_the_environment_is_what_the_template_makes_of_the_parameters() -> None:
    plain = TEMPLATE.environment(DEFAULTS)
    assert plain["RETRY_SECONDS"] == DEFAULTS["RetrySeconds"]
    assert not {"MAX_BYTES", "QUEUE_URL"} & plain.keys()
    assert TEMPLATE.environment({**DEFAULTS, "MaxBytes": "1000"}) == {**plain, "MAX_BYTES": "1000"}


NAMES = st.from_regex(r"[g-z][a-z0-9]{0,6}", fullmatch=True)


@given(st.dictionaries(NAMES, st.from_regex(r"[0-9a-f]{64}", fullmatch=True), min_size=1))
def test_digests_come_back_from_the_parameter(by_variant: dict[str, str]) -> None:
    written = digests_parameter(by_variant)
    assert TEMPLATE.parameters["Digests"].complaint(written) is None
    assert digests(written) == by_variant
    for name, digest in by_variant.items():
        # As the template looks for it.
        assert written.split(name)[1].split("=")[1].split(";")[0] == digest


def test_a_setting_for_a_variant_that_is_not_there_is_told() -> None:
    values = {"Width": "thumbnial=200;web=1600", "Quality": "70", "Formats": "web=keep,webp", "Height": ""}
    (told,) = parameters.strangers(values, ["thumbnail", "web"])
    assert told == "Width is for thumbnial, and the stack has no such variant: it has thumbnail, web."


@pytest.mark.parametrize(
    ("timeout", "batch", "seconds", "enough"),
    [("300", "10", "", True), ("120", "10", "", False), ("120", "5", "", True), ("30", "10", "2.5", True)],
)
def test_a_batch_that_has_no_time_for_its_slowest_is_told_of(
    timeout: str, batch: str, seconds: str, enough: bool
) -> None:
    told = parameters.haste({"Timeout": timeout, "BatchSize": batch, "MaxSeconds": seconds})
    assert (told is None) == enough


@pytest.mark.parametrize(
    ("timeout", "batch", "most", "hasty"),
    [("100", "10", "10", True), ("101", "10", "10", False), ("10", "1", "10", True), ("11", "1", "10", False)],
)
def test_a_batch_without_time_for_its_slowest_is_told(timeout: str, batch: str, most: str, hasty: bool) -> None:
    told = parameters.haste({"Timeout": timeout, "BatchSize": batch, "MaxSeconds": most})
    start = f"Timeout={timeout} is not enough for {batch} pictures that take {most} s each"
    assert (told or "").startswith(start) == hasty == (told is not None)


def test_what_is_not_set_takes_as_long_as_a_function_lets_it() -> None:
    told = parameters.haste({"Timeout": "60", "BatchSize": "100", "MaxSeconds": ""})
    assert told is not None
    assert f"take {Settings.max_seconds:g} s each" in told


@pytest.mark.parametrize(
    ("concurrency", "functions", "reserved", "most"),
    [
        (1000, 5, 0, 180),
        (10, 5, 0, 2),
        (10, 4, 0, 2),
        (14, 4, 0, 3),
        (100_000, 5, 0, 1000),
        (1000, 5, 1, 0),
        (1000, 5, 2, 2),
        (9999, 5, 1000, 1000),
        (9999, 5, 1001, 1000),
    ],
)
def test_a_queue_starts_its_share(concurrency: int, functions: int, reserved: int, most: int) -> None:
    assert parameters.at_once(concurrency, functions, reserved) == most


def test_settings_for_strangers_are_told() -> None:
    values = {"Width": "web=3;thumbnial=200", "Height": "100", "Quality": "square=3", "Formats": ""}
    assert parameters.strangers(values, ["web", "mobile"]) == [
        "Width is for thumbnial, and the stack has no such variant: it has web, mobile.",
        "Quality is for square, and the stack has no such variant: it has web, mobile.",
    ]
