"""Deletes everything in a bucket, old versions included.

empty.py BUCKET
"""

import sys

import boto3


def main(bucket: str) -> None:
    """A thousand at a time, as S3 lists and deletes them."""
    s3 = boto3.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
        if objects:
            left = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
            if left:
                raise SystemExit(f"{left[0]['Key']}: {left[0]['Message']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
