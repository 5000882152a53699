"""What shared/stack.yaml comes to: promises that no emulator would break, and each permission against its purpose."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import template
from controlplane.deploying.template import Template
from imagemachine import announcements, batch
from imagemachine.batch import retry_delay
from imagemachine.errors import ConfigurationError
from imagemachine.formats import CHOICES
from imagemachine.settings import LONGEST_RETRY_SECONDS, Settings
from imagemachine.telemetry import Measures
from template import FILE, Stack, listed, stack, statements, texts

ROOT = FILE.parents[1]
TEMPLATE = template.load()
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
FOLDERS = sorted(path.parent.name for path in (ROOT / "images").glob("*/app.py"))

ACCOUNT, REGION = template.ACCOUNT, template.REGION
UPLOADS = f"pictures-uploads-{ACCOUNT}-{REGION}"
RESULTS = f"pictures-results-{ACCOUNT}-{REGION}"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:pictures-uploads"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d"
EVERYTHING = {"KmsKeyArn": KEY, "Tracing": "true", "Cdn": "true", "Announce": "true"}
"""Parameters with which the stack has all that it can have."""


def queue(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:pictures-{name}"


def statement(sid: str, actions: str, *resources: str, **condition: dict[str, str]) -> dict[str, Any]:
    """A permission in one form, whichever way the template writes it."""
    return {"Sid": sid, "Action": sorted(actions.split()), "Resource": sorted(resources), "Condition": condition}


def held(document: Any) -> list[dict[str, Any]]:
    """The permissions of a policy in the same form; whoever is let in beside the resource's owner stands with them."""
    return [
        {
            "Sid": one["Sid"],
            "Action": sorted(listed(one["Action"])),
            "Resource": sorted(listed(one["Resource"])),
            "Condition": one.get("Condition", {}),
            **({"Principal": one["Principal"]} if "Principal" in one else {}),
            **({"Effect": "Deny"} if one["Effect"] != "Allow" else {}),
            **{key: one[key] for key in one.keys() & {"NotAction", "NotResource", "NotPrincipal"}},
        }
        for one in statements(document)
    ]


def role(deployed: Stack, variant: str) -> list[dict[str, Any]]:
    (policy,) = deployed.properties(f"Role{variant}")["Policies"]
    return held(policy["PolicyDocument"])


# ---- Every permission, and what it is for: one more is another machine --------


def of_a_variant(variant: str) -> list[dict[str, Any]]:
    return [
        # The one call that fetches an upload, and the look whether it is still the same.
        statement("ReadUploads", "s3:GetObject", f"arn:aws:s3:::{UPLOADS}/ingest/*"),
        # Put it, look whose it is, remove it.
        statement("OwnResults", "s3:GetObject s3:PutObject s3:DeleteObject", f"arn:aws:s3:::{RESULTS}/{variant}/*"),
        # 404 instead of 403, and the keys that an older result may have.
        statement("TellMissingFromForbidden", "s3:ListBucket", f"arn:aws:s3:::{UPLOADS}", f"arn:aws:s3:::{RESULTS}"),
        # The first three are the event source mapping's; the last brings a message back after its own time.
        statement(
            "OwnQueue",
            "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:ChangeMessageVisibility",
            queue(variant),
        ),
        statement("SetAside", "sqs:SendMessage", queue(f"{variant}-dead-letters")),
        statement(
            "OwnLog",
            "logs:CreateLogStream logs:PutLogEvents",
            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/pictures-{variant}:*",
        ),
    ]


WITH_A_KEY = statement(
    "BucketsKey",
    "kms:Decrypt kms:GenerateDataKey",
    KEY,
    StringEquals={"kms:ViaService": f"s3.{REGION}.amazonaws.com"},
)
ANNOUNCED = [
    statement("AnnounceOutcomes", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:pictures-outcomes"),
    # Its own attribute of an upload's item, and the answer to that: no other reading.
    statement("NoteOutcomes", "dynamodb:UpdateItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/pictures-outcomes"),
]
TRACED = statement("Traces", "xray:PutTraceSegments xray:PutTelemetryRecords", "*")
"""X-Ray knows no resources for these: the only star of its own in the template."""


@pytest.mark.parametrize("variant", ["thumbnail", "web"])
def test_a_function_may_do_what_it_does_and_nothing_else(variant: str) -> None:
    assert role(stack(), variant) == of_a_variant(variant)
    full = role(stack(**EVERYTHING), variant)
    assert sorted(full, key=str) == sorted([*of_a_variant(variant), WITH_A_KEY, *ANNOUNCED, TRACED], key=str)


def test_a_function_is_its_role_alone() -> None:
    for name, properties in stack(**EVERYTHING).of_type("AWS::IAM::Role").items():
        assert properties.keys() == {"RoleName", "AssumeRolePolicyDocument", "Policies"}, name
        (trust,) = statements(properties["AssumeRolePolicyDocument"])
        assert trust == {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    assert stack(**EVERYTHING).of_type("AWS::IAM::Policy") == {}
    assert stack(**EVERYTHING).of_type("AWS::Lambda::Permission") == {}


@pytest.mark.parametrize("bucket", [UPLOADS, "my-pictures"])
def test_the_topic_hears_of_its_own_bucket_alone(bucket: str) -> None:
    deployed = stack(**({} if bucket == UPLOADS else {"SourceBucketName": bucket}))
    assert held(deployed.properties("TopicPolicy")) == [
        {
            **statement(
                "UploadsFromTheSourceBucket",
                "sns:Publish",
                TOPIC,
                ArnLike={"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
                # A bucket's ARN names no account.
                StringEquals={"aws:SourceAccount": ACCOUNT},
            ),
            "Principal": {"Service": "s3.amazonaws.com"},
        }
    ]
    assert deployed.properties("TopicPolicy")["Topics"] == [TOPIC]


@pytest.mark.parametrize("variant", ["thumbnail", "web"])
def test_the_queues_hear_of_the_topic_alone(variant: str) -> None:
    assert held(stack().properties(f"QueuePolicy{variant}")) == [
        {
            **statement(
                "AnnouncementsFromTheTopic",
                "sqs:SendMessage",
                queue(variant),
                queue(f"{variant}-dead-letters"),
                ArnEquals={"aws:SourceArn": TOPIC},
            ),
            "Principal": {"Service": "sns.amazonaws.com"},
        }
    ]


def encrypted_transport_only(bucket: str) -> dict[str, Any]:
    return {
        **statement(
            "EncryptedTransportOnly",
            "s3:*",
            f"arn:aws:s3:::{bucket}",
            f"arn:aws:s3:::{bucket}/*",
            Bool={"aws:SecureTransport": "false"},
        ),
        "Principal": "*",
        "Effect": "Deny",
    }


def test_a_bucket_refuses_what_is_not_encrypted_on_its_way() -> None:
    assert held(stack().properties("SourceBucketPolicy")) == [encrypted_transport_only(UPLOADS)]
    assert held(stack().properties("OutputBucketPolicy")) == [encrypted_transport_only(RESULTS)]


def test_cloudfront_reads_the_results_and_nobody_else_does() -> None:
    distribution = f"arn:aws:cloudfront::{ACCOUNT}:distribution/<Distribution>"
    its = {"Principal": {"Service": "cloudfront.amazonaws.com"}}
    only_it = {"aws:SourceArn": distribution}
    assert held(stack(Cdn="true").properties("OutputBucketPolicy")) == [
        encrypted_transport_only(RESULTS),
        {
            **statement("ResultsThroughCloudFront", "s3:GetObject", f"arn:aws:s3:::{RESULTS}/*", StringEquals=only_it),
            **its,
        },
        {
            **statement("TellMissingFromForbidden", "s3:ListBucket", f"arn:aws:s3:::{RESULTS}", StringEquals=only_it),
            **its,
        },
    ]


def test_there_are_no_other_policies() -> None:
    """What is added to the template is to be added to the tests above."""
    policies = {name for name, entry in stack(**EVERYTHING).resources.items() if list(statements(entry))}
    assert policies == {
        "SourceBucketPolicy",
        "OutputBucketPolicy",
        "TopicPolicy",
        *(f"{kind}{variant}" for kind in ("QueuePolicy", "Role") for variant in ("thumbnail", "web")),
    }


SIMPLE = st.fixed_dictionaries(
    {},
    optional={
        "SourceBucketName": st.sampled_from(["", "mine", "shared"]),
        "OutputBucketName": st.sampled_from(["", "yours", "shared"]),
        "IngestPrefix": st.sampled_from(["ingest/", "", "new/pictures/"]),
        "KmsKeyArn": st.sampled_from(["", KEY]),
        "Tracing": st.sampled_from(["true", "false"]),
        "Versioning": st.sampled_from(["true", "false"]),
        "ExpireUploadsDays": st.sampled_from(["0", "30"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(SIMPLE)
def test_whatever_the_parameters_permissions_name_what_they_are_for(parameters: dict[str, str]) -> None:
    deployed = stack(**parameters)
    if deployed.refusals:
        return
    uploads = parameters.get("SourceBucketName") or UPLOADS
    results = parameters.get("OutputBucketName") or RESULTS
    assert (deployed.outputs["SourceBucket"], deployed.outputs["OutputBucket"]) == (uploads, results)
    prefix = parameters.get("IngestPrefix", "ingest/")
    for variant in ("thumbnail", "web"):
        by_name = {one["Sid"]: one for one in role(deployed, variant)}
        assert by_name["ReadUploads"]["Resource"] == [f"arn:aws:s3:::{uploads}/{prefix}*"]
        assert by_name["OwnResults"]["Resource"] == [f"arn:aws:s3:::{results}/{variant}/*"]
        assert (
            by_name["TellMissingFromForbidden"]["Resource"]
            == sorted({f"arn:aws:s3:::{uploads}", f"arn:aws:s3:::{results}"})
            or uploads == results
        )
        assert by_name.keys() - {"BucketsKey", "Traces"} == {one["Sid"] for one in of_a_variant(variant)}
        assert ("BucketsKey" in by_name) == bool(parameters.get("KmsKeyArn"))
        assert ("Traces" in by_name) == (parameters.get("Tracing") == "true")
        variables = deployed.properties(f"Function{variant}")["Environment"]["Variables"]
        loaded = Settings.load(variables, variant)
        assert (loaded.output_bucket, loaded.ingest_prefix) == (results, prefix)


# ---- Form -----------------------------------------------------------------------------------------------------------


def test_everything_of_a_variant_is_written_once() -> None:
    identifier, collection, machine = TEMPLATE["Resources"]["Fn::ForEach::Machine"]
    assert (identifier, collection) == ("Variant", {"Ref": "Variants"})
    assert TEMPLATE["Transform"] == "AWS::LanguageExtensions"
    assert all(name.endswith("${Variant}") for name in machine if not name.startswith("Fn::ForEach"))
    assert all(name.endswith("${Variant}") for name in machine["Fn::ForEach::Alarms"][2])


def test_the_template_travels_in_the_call_itself() -> None:
    """Without its comments, and saying the same. Beyond this CloudFormation wants it in a bucket first."""
    sent = Template().body
    assert len(sent.encode()) <= 51_200 - 4_000  # There is room for what comes.
    assert template.parse(sent) == TEMPLATE


def test_the_folders_may_be_variants() -> None:
    pattern = PARAMETERS["Variants"]["AllowedPattern"]
    assert FOLDERS
    assert [name for name in FOLDERS if not re.fullmatch(pattern, name)] == []


@pytest.mark.parametrize("name", ["cafe", "a1", "Web", "web-large", "1web", "", "w" * 25])
def test_a_name_that_would_break_the_stack_is_refused(name: str) -> None:
    assert not re.fullmatch(PARAMETERS["Variants"]["AllowedPattern"], name)


@pytest.mark.parametrize("name", ["web", "g", "a4x", "counterclockwise", "w" * 24])
def test_a_name_that_fits_is_taken(name: str) -> None:
    assert re.fullmatch(PARAMETERS["Variants"]["AllowedPattern"], name)


def test_each_function_runs_the_image_of_its_own_name() -> None:
    names = ["clockwise", "counterclockwise", "web", "mobileweb"]
    digests = {name: f"{index:064x}" for index, name in enumerate(names)}
    parameter = "".join(f"{name}={digests[name]};" for name in sorted(names, key=len))
    assert re.fullmatch(PARAMETERS["Digests"]["AllowedPattern"], parameter)
    deployed = stack(Variants=",".join(names), Digests=parameter)
    for name in names:
        image = deployed.properties(f"Function{name}")["Code"]["ImageUri"]
        assert image == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/pictures@sha256:{digests[name]}"


def test_every_parameter_is_explained_grouped_and_used() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)
    used = " ".join(texts([TEMPLATE[section] for section in ("Conditions", "Resources", "Outputs", "Rules")]))
    for name, parameter in PARAMETERS.items():
        assert parameter["Description"].endswith(".")
        assert re.search(rf"\b{name}\b", used), f"{name} changes nothing"


def test_no_condition_is_left_over() -> None:
    used = " ".join(texts(TEMPLATE["Resources"])) + " ".join(texts([TEMPLATE["Conditions"], TEMPLATE["Outputs"]]))
    assert [name for name in TEMPLATE["Conditions"] if not re.search(rf"\b{name}\b", used)] == []


# ---- Queues ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", PARAMETERS["Timeout"]["AllowedValues"])
@pytest.mark.parametrize("window", PARAMETERS["BatchWindow"]["AllowedValues"])
def test_a_message_stays_hidden_for_six_timeouts_and_the_window(timeout: str, window: str) -> None:
    deployed = stack(Timeout=timeout, BatchWindow=window)
    assert deployed.properties("Queueweb")["VisibilityTimeout"] == 6 * int(timeout) + int(window)
    assert deployed.properties("Functionweb")["Timeout"] == timeout
    assert deployed.properties("Sourceweb")["MaximumBatchingWindowInSeconds"] == window


def test_ten_receives_then_the_dead_letters_for_fourteen_days() -> None:
    deployed = stack()
    aside = queue("web-dead-letters")
    assert deployed.properties("Queueweb")["RedrivePolicy"] == {"deadLetterTargetArn": aside, "maxReceiveCount": "10"}
    assert deployed.properties("Subscriptionweb")["RedrivePolicy"] == {"deadLetterTargetArn": aside}
    assert deployed.properties("DeadLettersweb")["MessageRetentionPeriod"] == 14 * 24 * 3600
    # It counts from the first queue on.
    assert deployed.properties("Queueweb")["MessageRetentionPeriod"] == 4 * 24 * 3600


def test_ten_receives_outlast_an_outage_of_ten_minutes_by_far() -> None:
    """Nine pauses lie between ten receives, each at least the half of what it may be; and no later one is forgotten."""
    first = int(PARAMETERS["RetrySeconds"]["Default"])
    receives = int(stack().properties("Queueweb")["RedrivePolicy"]["maxReceiveCount"])
    for _ in range(100):
        pauses = [retry_delay(first, receive) for receive in range(1, receives)]
        assert sum(pauses) > 3 * 600
        assert sum(pauses) < stack().properties("Queueweb")["MessageRetentionPeriod"] / 24
        assert all(pause <= LONGEST_RETRY_SECONDS for pause in pauses)


def test_the_default_batch_has_time_for_its_slowest_pictures() -> None:
    most = int(PARAMETERS["BatchSize"]["Default"]) * Settings.max_seconds
    assert int(PARAMETERS["Timeout"]["Default"]) > most + 30


def test_queues_are_encrypted() -> None:
    queues = stack().of_type("AWS::SQS::Queue")
    assert len(queues) == 4
    assert all(properties["SqsManagedSseEnabled"] is True for properties in queues.values())


def test_one_bad_picture_is_not_the_whole_batch() -> None:
    source = stack().properties("Sourceweb")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (source["FunctionName"], source["EventSourceArn"]) == ("pictures-web", queue("web"))
    subscription = stack().properties("Subscriptionweb")
    assert (subscription["TopicArn"], subscription["Protocol"]) == (TOPIC, "sqs")
    assert subscription["Endpoint"] == queue("web")


def test_concurrency_is_limited_where_that_was_said() -> None:
    assert "ScalingConfig" not in stack().properties("Sourceweb")
    assert "ReservedConcurrentExecutions" not in stack().properties("Functionweb")
    limited = stack(MaximumConcurrency="7", ReservedConcurrency="9")
    assert limited.properties("Sourceweb")["ScalingConfig"] == {"MaximumConcurrency": "7"}
    assert limited.properties("Functionweb")["ReservedConcurrentExecutions"] == "9"


# ---- Buckets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SourceBucket", "OutputBucket"])
@pytest.mark.parametrize("key", ["", KEY])
def test_buckets_are_private_and_encrypted(name: str, key: str) -> None:
    properties = stack(KmsKeyArn=key).properties(name)
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    by_s3 = {"SSEAlgorithm": "AES256"}
    assert rule["ServerSideEncryptionByDefault"] == (
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else by_s3
    )
    assert rule.get("BucketKeyEnabled", False) is bool(key)


@pytest.mark.parametrize("name", ["SourceBucket", "OutputBucket", "SourceBucketPolicy", "OutputBucketPolicy"])
def test_buckets_outlive_the_stack_with_their_policies(name: str) -> None:
    entry = TEMPLATE["Resources"][name]
    assert (entry["DeletionPolicy"], entry["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_a_bucket_that_exists_is_not_the_stacks() -> None:
    uploads = stack(SourceBucketName="mine", ExistingSourceBucket="true")
    assert set(uploads.of_type("AWS::S3::Bucket")) == {"OutputBucket"}
    assert set(uploads.of_type("AWS::S3::BucketPolicy")) == {"OutputBucketPolicy"}
    both = stack(SourceBucketName="mine", ExistingSourceBucket="true", OutputBucketName="mine")
    assert both.of_type("AWS::S3::Bucket") == both.of_type("AWS::S3::BucketPolicy") == {}
    one = stack(SourceBucketName="mine", OutputBucketName="mine")
    assert set(one.of_type("AWS::S3::Bucket")) == {"SourceBucket"}


@pytest.mark.parametrize("prefix", ["ingest/", "new/pictures/"])
def test_uploads_alone_are_announced(prefix: str) -> None:
    bucket = stack(IngestPrefix=prefix).properties("SourceBucket")
    entries = bucket["NotificationConfiguration"]["TopicConfigurations"]
    assert [entry["Event"] for entry in entries] == ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    assert [entry["Filter"]["S3Key"]["Rules"] for entry in entries] == [[{"Name": "prefix", "Value": prefix}]] * 2
    assert {entry["Topic"] for entry in entries} == {TOPIC}
    # S3 tries its destination when the notification is set.
    assert TEMPLATE["Resources"]["SourceBucket"]["DependsOn"] == "TopicPolicy"


def test_a_whole_bucket_is_announced_where_results_go_elsewhere() -> None:
    deployed = stack(IngestPrefix="")
    entries = deployed.properties("SourceBucket")["NotificationConfiguration"]["TopicConfigurations"]
    assert all("Filter" not in entry for entry in entries)
    assert deployed.refusals == []
    assert stack(IngestPrefix="", SourceBucketName="mine").refusals == []
    shared = stack(IngestPrefix="", SourceBucketName="mine", OutputBucketName="mine")
    assert shared.refusals == ["Without an IngestPrefix results need a bucket of their own."]


def lifecycle(deployed: Stack, name: str) -> dict[str, dict[str, Any]]:
    return {rule["Id"]: rule for rule in deployed.properties(name)["LifecycleConfiguration"]["Rules"]}


@pytest.mark.parametrize("prefix", ["ingest/", "new/pictures/"])
def test_an_expiry_takes_uploads_and_no_results(prefix: str) -> None:
    """In a bucket that holds both, an expiry without the prefix would take the results too."""
    one = stack(IngestPrefix=prefix, ExpireUploadsDays="30", SourceBucketName="x", OutputBucketName="x")
    assert lifecycle(one, "SourceBucket")["uploads"] == {
        "Id": "uploads",
        "Status": "Enabled",
        "Prefix": prefix,
        "ExpirationInDays": "30",
        "NoncurrentVersionExpiration": {"NoncurrentDays": "30"},
    }
    assert set(lifecycle(stack(), "SourceBucket")) == {"unfinished-uploads"}
    assert set(lifecycle(stack(), "OutputBucket")) == {"unfinished-results"}
    assert lifecycle(stack(ExpireResultsDays="9"), "OutputBucket")["results"]["ExpirationInDays"] == "9"
    assert stack(ExpireResultsDays="9").refusals == []
    assert stack(ExpireResultsDays="9", SourceBucketName="x", OutputBucketName="x").refusals == [
        "ExpireResultsDays needs a bucket for the results alone."
    ]


# ---- What a function is told ----------------------------------------------------------------------------------------

TOLD = {
    "IngestPrefix": ("INGEST_PREFIX", "new/"),
    "Suffixes": ("SUFFIXES", "jpg,png"),
    "RetrySeconds": ("RETRY_SECONDS", "7"),
    "Width": ("WIDTH", "301"),
    "Height": ("HEIGHT", "302"),
    "Quality": ("QUALITY", "73"),
    "Formats": ("FORMATS", "keep,webp"),
    "Background": ("BACKGROUND", "#a0b0c0"),
    "CacheControl": ("CACHE_CONTROL", "no-store"),
    "MaxBytes": ("MAX_BYTES", "1001"),
    "MaxPixels": ("MAX_PIXELS", "2002"),
    "MaxSeconds": ("MAX_SECONDS", "3.5"),
}
"""Parameters whose text is a variable's, each another: one that is fed from its neighbour shows."""


def variables(**parameters: str) -> dict[str, str]:
    found: dict[str, str] = stack(**parameters).properties("Functionweb")["Environment"]["Variables"]
    return found


def test_each_variable_is_fed_from_its_own_parameter() -> None:
    everything = variables(**{name: value for name, (_, value) in TOLD.items()}, KeepMetadata="true")
    assert everything == {
        **dict(TOLD.values()),
        "STACK": "pictures",
        "OUTPUT_BUCKET": RESULTS,
        "QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pictures-web",
        "DEAD_LETTER_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pictures-web-dead-letters",
        "REQUIRE_SANDBOX": "1",
        "KEEP_METADATA": "1",
    }
    Settings.load(everything, "web")


@pytest.mark.parametrize("name", sorted(TOLD))
def test_one_parameter_moves_one_variable(name: str) -> None:
    variable, value = TOLD[name]
    before, after = variables(), variables(**{name: value})
    assert {key for key in before | after if before.get(key) != after.get(key)} == {variable}


def test_what_is_not_given_is_the_functions_own_choice() -> None:
    assert variables().keys() == {
        *("STACK", "OUTPUT_BUCKET", "QUEUE_URL", "DEAD_LETTER_QUEUE_URL"),
        *("INGEST_PREFIX", "RETRY_SECONDS", "REQUIRE_SANDBOX"),
    }
    loaded = Settings.load(variables(), "web")
    assert loaded == Settings(
        output_prefix="web/",
        stack="pictures",
        output_bucket=RESULTS,
        queue_url=loaded.queue_url,
        dead_letter_queue_url=loaded.dead_letter_queue_url,
        require_sandbox=True,
    )


def test_outcomes_are_announced_where_that_is_wanted() -> None:
    assert "OUTCOMES_TOPIC_ARN" not in variables()
    assert not {"OutcomesTopic", "Ledger"} & stack().resources.keys()
    deployed = stack(Announce="true")
    loaded = Settings.load(variables(Announce="true"), "web")
    assert loaded.outcomes_topic_arn == deployed.outputs["OutcomesTopic"]
    assert (loaded.ledger_table, loaded.variants) == ("pictures-outcomes", ("thumbnail", "web"))
    table = deployed.properties("Ledger")
    assert table["KeySchema"] == [{"AttributeName": announcements._UPLOAD, "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": announcements._EXPIRES, "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"  # Nothing is paid for a table that nobody uses.


def test_the_sandbox_is_required_unless_that_was_taken_back() -> None:
    assert variables()["REQUIRE_SANDBOX"] == "1"
    assert variables(RequireSandbox="false")["REQUIRE_SANDBOX"] == "0"


def test_a_whole_bucket_is_told_without_an_empty_variable() -> None:
    told = variables(IngestPrefix="")
    assert told["INGEST_PREFIX"] == "/"
    assert Settings.load(told, "web").ingest_prefix == ""


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("IngestPrefix", ["", "a/", "a/b-c_1/"], ["/a/", "a", "*/", "a?/", "${aws:username}/", "a b/"]),
        ("Suffixes", ["", "jpg", ".jpg,png"], ["*.jpg", "jpg,", "jpg png"]),
        ("KmsKeyArn", ["", KEY], ["alias/mine", "*", KEY.replace("key/", "alias/")]),
        ("Width", ["", "1", "65535", "thumbnail=200", "thumbnail=200;web=1600;"], ["0", "-1", "a b", "Web=1"]),
        ("Height", ["", "1600", "web=1"], ["0", "1.5", "web="]),
        ("Quality", ["", "1", "100", "thumbnail=70;web=85"], ["0", "101", "web=850"]),
        ("Formats", ["", "keep", "keep,webp,avif", "web=keep,webp;mobile=webp"], ["KEEP", "keep,", ";"]),
        ("Background", ["", "#fff000"], ["white", "#fff"]),
        ("MaximumConcurrency", ["0", "2", "999", "1000"], ["1", "1001", "-1"]),
    ],
)
def test_a_parameter_takes_what_its_variable_takes(name: str, good: list[str], bad: list[str]) -> None:
    pattern = PARAMETERS[name]["AllowedPattern"]
    assert [value for value in good if not re.fullmatch(pattern, value)] == []
    assert [value for value in bad if re.fullmatch(pattern, value)] == []
    if name in TOLD:
        for value in good:
            Settings.load(variables(**{name: value}), "web")


def test_formats_are_the_settings_formats() -> None:
    for format_ in CHOICES:
        assert format_ in PARAMETERS["Formats"]["ConstraintDescription"]
    with pytest.raises(ConfigurationError, match="FORMATS"):
        Settings.load(variables(Formats="bmp"), "web")


def test_tracing_and_architecture_are_as_they_are_told() -> None:
    assert stack().properties("Functionweb")["TracingConfig"] == {"Mode": "PassThrough"}
    assert stack(Tracing="true").properties("Functionweb")["TracingConfig"] == {"Mode": "Active"}
    assert stack(Architecture="arm64").properties("Functionweb")["Architectures"] == ["arm64"]


# ---- Watching ------------------------------------------------------------------------------------------------------


def test_each_variant_has_five_alarms_on_its_own_parts() -> None:
    alarms = stack().of_type("AWS::CloudWatch::Alarm")
    assert len(alarms) == 2 * 5
    watched = {
        alarm["AlarmName"]: (
            alarm["Namespace"],
            alarm["MetricName"],
            alarm["Statistic"],
            {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]},
            int(alarm["Threshold"]),
            alarm["EvaluationPeriods"],
            alarm["TreatMissingData"],
        )
        for alarm in alarms.values()
        if alarm["AlarmName"].startswith("pictures-web-")
    }
    waiting, function = {"QueueName": "pictures-web"}, {"FunctionName": "pictures-web"}
    aside, own = {"QueueName": "pictures-web-dead-letters"}, {"stack": "pictures", "variant": "web"}
    assert watched == {
        # SQS stops counting where nobody looks for hours; the letters are still there.
        "pictures-web-letters": (
            *("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"),
            *(aside, 0, 1, "ignore"),
        ),
        "pictures-web-age": (
            *("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum"),
            *(waiting, 900, 5, "notBreaching"),
        ),
        "pictures-web-errors": ("AWS/Lambda", "Errors", "Sum", function, 0, 1, "notBreaching"),
        "pictures-web-throttles": ("AWS/Lambda", "Throttles", "Sum", function, 0, 15, "notBreaching"),
        "pictures-web-sandbox": ("ImageMachine", "sandbox_refusals", "Sum", own, 0, 1, "notBreaching"),
    }
    told = [f"arn:aws:sns:{REGION}:{ACCOUNT}:pictures-alarms"]
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == told
        assert (alarm["Period"], alarm["ComparisonOperator"]) == (60, "GreaterThanThreshold")


def test_nobody_is_told_and_nothing_is_watched_unless_that_is_wanted() -> None:
    assert "AlarmMail" not in stack().resources
    mail = stack(AlarmEmail="a@example.com").properties("AlarmMail")
    assert (mail["Protocol"], mail["Endpoint"]) == ("email", "a@example.com")
    bare = stack(Alarms="false", AlarmEmail="a@example.com")
    assert bare.of_type("AWS::CloudWatch::Alarm") == bare.of_type("AWS::CloudWatch::Dashboard") == {}
    assert "AlarmMail" not in bare.resources
    assert "AlarmTopic" not in bare.resources


def expressions(deployed: Stack) -> dict[str, list[str]]:
    """What the dashboard shows, by the widgets' titles."""
    body = json.loads(deployed.properties("Dashboard")["DashboardBody"])
    assert all(widget["properties"]["region"] == REGION for widget in body["widgets"])
    return {
        widget["properties"]["title"]: [metric["expression"] for (metric,) in widget["properties"]["metrics"]]
        for widget in body["widgets"]
    }


def test_the_dashboard_shows_what_the_functions_measure() -> None:
    shown = expressions(stack("image-machine"))
    assert len(shown) == 5
    text = " ".join(expression for expressions in shown.values() for expression in expressions)
    assert '{ImageMachine,stack,variant,outcome} stack="image-machine" MetricName="pictures"' in text
    assert Measures({"pictures": "Count"}, ("stack", "variant", "outcome")) == batch._COUNTED
    ours = set(re.findall(r"ImageMachine,stack,variant\} stack=\"image-machine\" MetricName=\"(\w+)\"", text))
    assert ours == {"milliseconds", "bytes_out"}
    assert ours <= batch._MEASURED.units.keys()
    assert "{AWS/SQS,QueueName} image machine (thumbnail OR web)" in text


def test_the_bill_knows_the_functions_memory() -> None:
    assert expressions(stack(Memory="3008"))["What costs, a day"][-1].endswith("* 3008 / 1024000")
