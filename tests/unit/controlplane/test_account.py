"""The account's clients."""

import pytest
from botocore.utils import parse_timestamp

from controlplane.account import Account, _moment


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-25T12:00:00.000Z",
        "2026-11-25T12:00:00Z",
        "2026-11-25T12:00:00.071123Z",
        "2026-11-25T12:00:00",
        "2026-11-25T13:00:00+01:00",
        "Wed, 25 Nov 2026 12:00:00 GMT",
        "1795608000",
        1795608000,
        1795608000.25,
        "20261125T120000Z",
    ],
)
def test_a_time_is_read_as_botocore_reads_it(value: object) -> None:
    expected = parse_timestamp(value)
    assert _moment(value) == expected
    assert _moment(value).utcoffset() == expected.utcoffset()


def test_clients_read_times_by_it(endpoint: str) -> None:
    s3 = Account.emulated(endpoint).clients["s3"]
    s3.create_bucket(Bucket="times-of-a-listing")
    s3.put_object(Bucket="times-of-a-listing", Key="a", Body=b"")
    (listed,) = s3.list_objects_v2(Bucket="times-of-a-listing")["Contents"]
    head = s3.head_object(Bucket="times-of-a-listing", Key="a")
    assert listed["LastModified"].replace(microsecond=0) == head["LastModified"]
