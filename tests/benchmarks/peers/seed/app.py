"""The handler of the first tutorials: boto3, Pillow, a client, files in /tmp."""

import json
from typing import Any
from urllib.parse import unquote_plus

import boto3
from PIL import Image

s3 = boto3.client("s3")


def handler(event: dict[str, Any], _context: object) -> None:
    """Make the thumbnail of the one upload of every message."""
    for message in event["Records"]:
        record = json.loads(json.loads(message["body"])["Message"])["Records"][0]
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        s3.download_file(bucket, key, "/tmp/upload.jpg")  # noqa: S108 - what it is compared for
        with Image.open("/tmp/upload.jpg") as image:  # noqa: S108
            image.thumbnail((320, 320))
            image.save("/tmp/result.jpg", quality=80)  # noqa: S108
        s3.upload_file("/tmp/result.jpg", bucket, key.replace("ingest/", "thumbnail/", 1))  # noqa: S108
