"""The environment is read once and checked as a whole."""

import pytest

from imagemachine import settings as module
from imagemachine.errors import ConfigurationError
from imagemachine.settings import Settings


def test_nothing_set_gives_the_defaults_of_the_contract() -> None:
    settings = Settings.load({}, "thumbnail")
    assert settings.ingest_prefix == "ingest/"
    assert settings.suffixes == ()
    assert settings.formats is None
    assert settings.output_prefix == "thumbnail/"
    assert settings.output_bucket is None
    assert settings.dead_letter_queue_url is None
    assert (settings.max_bytes, settings.max_pixels, settings.max_seconds) == (64 * 2**20, 100_000_000, 20)
    assert settings.retry_seconds == 10
    assert settings.cache_control == "public, max-age=31536000"
    assert bytes(settings.background).hex() == "ffffff"
    assert (settings.keep_metadata, settings.require_sandbox) == (False, True)
    assert (settings.width, settings.height, settings.quality) == (None, None, None)
    assert (settings.variants, settings.carry, settings.stack) == ((), (), "-")


def test_what_is_empty_is_not_set() -> None:
    """CloudFormation cannot leave a variable out; of the ingest prefix alone the empty one means something."""
    empty = dict.fromkeys(module._PARSERS.keys() - {"INGEST_PREFIX"}, "")
    assert Settings.load(empty, "web") == Settings.load({}, "web")


def test_everything_set_is_read() -> None:
    settings = Settings.load(
        {
            "OUTPUT_BUCKET": "results",
            "INGEST_PREFIX": "in/",
            "OUTPUT_PREFIX": "small/",
            "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/q",
            "QUEUE_URL": "http://127.0.0.1:4566/000000000000/q",
            "RETRY_SECONDS": "0",
            "WIDTH": "100",
            "HEIGHT": "50",
            "QUALITY": "75",
            "FORMATS": "webp,avif",
            "SUFFIXES": ".JPG,png",
            "MAX_BYTES": "1000",
            "MAX_PIXELS": "2000",
            "MAX_SECONDS": "1.5",
            "CACHE_CONTROL": "no-store",
            "BACKGROUND": "#FF8000",
            "KEEP_METADATA": "1",
            "REQUIRE_SANDBOX": "1",
            "PATH": "/bin",
        },
        "thumbnail",
    )
    assert settings == Settings(
        output_bucket="results",
        ingest_prefix="in/",
        output_prefix="small/",
        dead_letter_queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/q",
        queue_url="http://127.0.0.1:4566/000000000000/q",
        retry_seconds=0,
        width=100,
        height=50,
        quality=75,
        formats=("webp", "avif"),
        suffixes=("jpg", "png"),
        max_bytes=1000,
        max_pixels=2000,
        max_seconds=1.5,
        cache_control="no-store",
        background=(255, 128, 0),
        keep_metadata=True,
        require_sandbox=True,
    )


def test_one_message_names_every_bad_variable() -> None:
    bad = {
        "OUTPUT_BUCKET": "Not A Bucket",
        "INGEST_PREFIX": "/ingest",
        "DEAD_LETTER_QUEUE_URL": "my-queue",
        "RETRY_SECONDS": "soon",
        "WIDTH": "0",
        "HEIGHT": "-5",
        "QUALITY": "101",
        "FORMATS": "keep,heic",
        "FORMAT": "jpeg,png",
        "SUFFIXES": "*.jpg",
        "MAX_BYTES": "1e6",
        "MAX_PIXELS": "²",
        "MAX_SECONDS": "nan",
        "CACHE_CONTROL": "no\nstore",
        "BACKGROUND": "white",
        "KEEP_METADATA": "yes",
        "REQUIRE_SANDBOX": "2",
    }
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(bad, "web")
    for variable in bad:
        assert variable in str(caught.value)
    assert "web" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "least", "most"),
    [
        ("MAX_BYTES", "1", str(2000 * 2**20)),
        ("MAX_PIXELS", "1", "10000000000"),
        ("MAX_SECONDS", "0.000001", "900"),
        ("WIDTH", "1", "65535"),
        ("HEIGHT", "1", "65535"),
        ("QUALITY", "1", "100"),
        ("RETRY_SECONDS", "0", "900"),
    ],
)
def test_numbers_have_bounds(variable: str, least: str, most: str) -> None:
    for text in (least, most):
        assert float(getattr(Settings.load({variable: text}, "web"), variable.lower())) == float(text)
    below = "0" if variable == "MAX_SECONDS" else str(int(least) - 1)
    for text in (below, str(int(most) + 1)):
        with pytest.raises(ConfigurationError, match=variable):
            Settings.load({variable: text}, "web")


@pytest.mark.parametrize(
    ("ingest", "output"), [("ingest/", "ingest/"), ("ingest/", "ingest/small/"), ("ingest/new/", "ingest/")]
)
def test_a_machine_that_would_feed_on_its_own_output_does_not_start(ingest: str, output: str) -> None:
    with pytest.raises(ConfigurationError, match="overlaps"):
        Settings.load({"INGEST_PREFIX": ingest, "OUTPUT_PREFIX": output}, "web")


@pytest.mark.parametrize("empty", ["", "/"])
def test_without_a_prefix_results_need_a_bucket_of_their_own(empty: str) -> None:
    with pytest.raises(ConfigurationError, match="OUTPUT_BUCKET has to name a bucket"):
        Settings.load({"INGEST_PREFIX": empty}, "web")
    settings = Settings.load({"INGEST_PREFIX": empty, "OUTPUT_BUCKET": "results"}, "web")
    assert settings.ingest_prefix == ""
    assert settings.feeds_on("results")
    assert not settings.feeds_on("uploads")


def test_with_a_prefix_one_bucket_may_hold_both() -> None:
    assert not Settings.load({"OUTPUT_BUCKET": "both"}, "web").feeds_on("both")
    assert not Settings.load({}, "web").feeds_on("any")


@pytest.mark.parametrize(
    ("variable", "text", "thumbnail", "web"),
    [
        ("WIDTH", "300", 300, 300),
        ("WIDTH", "thumbnail=200;web=1600", 200, 1600),
        ("HEIGHT", "web=900;", None, 900),
        ("QUALITY", "thumbnail=70", 70, None),
        ("FORMATS", "web=keep,webp;thumbnail=avif", ("avif",), ("keep", "webp")),
        ("FORMAT", "web=png", None, ("png",)),
    ],
)
def test_a_value_may_be_for_all_variants_or_for_each(variable: str, text: str, thumbnail: object, web: object) -> None:
    field = "formats" if variable == "FORMAT" else variable.lower()
    assert getattr(Settings.load({variable: text}, "thumbnail"), field) == thumbnail
    assert getattr(Settings.load({variable: text}, "web"), field) == web


@pytest.mark.parametrize("text", ["=5", "web=", "web=5;;", "Web=5", "web=0", "web=5;mobile", "web=5=6"])
def test_a_list_of_variants_values_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="WIDTH"):
        Settings.load({"WIDTH": text}, "web")


def test_what_announcing_takes_is_set_together() -> None:
    together = {
        "OUTCOMES_TOPIC_ARN": "arn:aws:sns:eu-central-1:123456789012:pictures-outcomes",
        "LEDGER_TABLE": "pictures-outcomes",
        "VARIANTS": "thumbnail,web",
    }
    settings = Settings.load(together, "web")
    assert settings.outcomes_topic_arn == together["OUTCOMES_TOPIC_ARN"]
    assert (settings.ledger_table, settings.variants) == ("pictures-outcomes", ("thumbnail", "web"))
    for name, value in together.items():
        with pytest.raises(ConfigurationError, match="LEDGER_TABLE, OUTCOMES_TOPIC_ARN, VARIANTS belong together"):
            Settings.load({name: value}, "web")
        with pytest.raises(ConfigurationError, match="belong together"):
            Settings.load({key: text for key, text in together.items() if key != name}, "web")
        with pytest.raises(ConfigurationError, match=name):
            Settings.load({**together, name: "/"}, "web")


def test_formats_is_what_counts_beside_its_older_name() -> None:
    settings = Settings.load({"FORMAT": "png", "FORMATS": "webp,avif"}, "web")
    assert settings.formats == ("webp", "avif")


def test_what_goes_along_is_named_in_any_case() -> None:
    assert Settings.load({"CARRY": "Title, x-by,Cache-Control"}, "web").carry == ("title", "x-by", "cache-control")
    with pytest.raises(ConfigurationError, match="CARRY"):
        Settings.load({"CARRY": "title,"}, "web")


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"WIDTH": "0"}, "WIDTH='0' is not a whole number from 1 to 65535"),
        ({"WIDTH": "1" * 19}, "WIDTH='1111111111111111111' is not a whole number from 1 to 65535"),
        ({"MAX_SECONDS": "0.0"}, "MAX_SECONDS='0.0' is not a number of seconds, more than 0 and at most 900"),
        ({"MAX_SECONDS": "900.1"}, "MAX_SECONDS='900.1' is not a number of seconds, more than 0 and at most 900"),
        ({"FORMATS": "webp, webp"}, "FORMATS='webp, webp' names a format twice"),
        ({"WIDTH": "web="}, "WIDTH='web=' is neither a value nor one for each variant, like thumbnail=...;web=..."),
        ({"REQUIRE_SANDBOX": "01"}, "REQUIRE_SANDBOX='01' is neither 0 nor 1"),
        ({"STACK": "caf\u00e9"}, "STACK='caf\u00e9' holds characters that an HTTP header may not"),
        ({"STACK": "a\tb"}, "STACK='a\\tb' holds characters that an HTTP header may not"),
        ({"VARIANTS": "web,", "LEDGER_TABLE": "abc"}, "VARIANTS='web,' is not a list of variants, like thumbnail,web"),
        (
            {"OUTPUT_PREFIX": "ingest/a/"},
            "OUTPUT_PREFIX='ingest/a/' in the upload's bucket overlaps INGEST_PREFIX='ingest/', so results",
        ),
        (
            {"OUTPUT_PREFIX": "ingest/", "OUTPUT_BUCKET": "results"},
            "OUTPUT_PREFIX='ingest/' in results overlaps INGEST_PREFIX='ingest/', so results would be taken",
        ),
        (
            {"INGEST_PREFIX": "", "OUTPUT_PREFIX": "small/"},
            "INGEST_PREFIX is empty, so OUTPUT_BUCKET has to name a bucket that holds nothing but results",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environ, "web")
    assert str(caught.value).startswith(f"The web function cannot start: {sentence}")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("variable", ["OUTPUT_PREFIX", "INGEST_PREFIX"])
@pytest.mark.parametrize("text", ["/small/", "/small", "small"])
def test_a_prefix_has_a_slash_at_its_end_only(variable: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{variable}='{text}' is not a prefix"):
        Settings.load({variable: text}, "web")


def test_a_colour_is_read_channel_by_channel() -> None:
    assert Settings.load({"BACKGROUND": "#12aBf0"}, "web").background == (0x12, 0xAB, 0xF0)
    assert Settings.load({"KEEP_METADATA": "0", "REQUIRE_SANDBOX": "0"}, "web") == Settings.load(
        {"REQUIRE_SANDBOX": "0"}, "web"
    )
    assert Settings.load({"REQUIRE_SANDBOX": "0"}, "web").require_sandbox is False
