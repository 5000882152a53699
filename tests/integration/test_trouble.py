"""A job on a troubled wire ends as on a calm one, or is retried: nothing in between."""

from collections import Counter
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from imagemachine.envelopes import Notice
from imagemachine.errors import Retryable
from imagemachine.job import Job
from imagemachine.pictures.place import Point
from imagemachine.settings import Settings
from imagemachine.storage import Storage
from imagemachine.variant import Fit, Made, Output, Variant
from integration.trouble import Once, Proxy, Storm, Trouble

VARIANT = Variant("thumbnail", [Fit(320, 320)])


class Upper:
    """A codec that is quick and whose result shows its input."""

    def run(self, data: bytes, seconds: float, focus: Point | None = None) -> Made:
        return Made((Output(data.upper(), "jpeg", 1, 1, 1),), "double")


def job_through(proxy: Proxy) -> Job:
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, s3={"addressing_style": "path"})
    s3 = boto3.client("s3", endpoint_url=proxy.endpoint, region_name="us-east-1", config=config)
    return Job(VARIANT, Settings.load({}, "thumbnail"), Storage(s3, cache_control="no-store"), Upper())


@pytest.mark.parametrize("trouble", list(Trouble))
@pytest.mark.parametrize("when", range(3))
def test_one_trouble_at_each_call(s3: Any, endpoint: str, trouble: Trouble, when: int) -> None:
    bucket = f"trouble-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="ingest/a.jpg", Body=b"picture" * 1000)
    once = Once(trouble, when)
    with Proxy(endpoint) as proxy:
        proxy.plan = once
        job = job_through(proxy)
        harmless = trouble is Trouble.SLOW or (trouble is Trouble.TRUNCATED and when > 0)
        if harmless:
            job.run(Notice(bucket, "ingest/a.jpg"), lambda: 60)
            assert once.calls == ["GET", "PUT", "HEAD"]
        else:
            with pytest.raises(Retryable):
                job.run(Notice(bucket, "ingest/a.jpg"), lambda: 60)
            job.run(Notice(bucket, "ingest/a.jpg"), lambda: 60)
    assert s3.get_object(Bucket=bucket, Key="thumbnail/a.jpg")["Body"].read() == b"PICTURE" * 1000


def test_a_storm_over_many_jobs(s3: Any, endpoint: str) -> None:
    bucket = f"storm-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    storm = Storm(seed=1, share=0.3)
    outcomes: Counter[str] = Counter()
    with Proxy(endpoint) as proxy:
        proxy.plan = storm
        job = job_through(proxy)
        for n in range(60):
            key = f"ingest/{n}.jpg"
            s3.put_object(Bucket=bucket, Key=key, Body=b"picture %d" % n)
            for _ in range(30):
                try:
                    job.run(Notice(bucket, key), lambda: 60)
                    outcomes["made"] += 1
                    break
                except Retryable:
                    outcomes["retried"] += 1
    assert outcomes["made"] == 60
    assert outcomes["retried"] > 10
    assert set(storm.seen) == set(Trouble)
    for n in range(60):
        assert s3.get_object(Bucket=bucket, Key=f"thumbnail/{n}.jpg")["Body"].read() == b"PICTURE %d" % n
