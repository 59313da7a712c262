"""Makes the bucket of JUSTLENS_S3_BUCKET on the S3 server of JUSTLENS_S3_ENDPOINT, when it is not there."""

import boto3

from orchestrator.config import load_settings


def main() -> None:
    """Raises what boto3 raises when the server refuses."""
    settings = load_settings()
    access, secret = settings.s3_access_key, settings.s3_secret_key
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=access and access.get_secret_value(),
        aws_secret_access_key=secret and secret.get_secret_value(),
    )
    if settings.s3_bucket not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=settings.s3_bucket)


if __name__ == "__main__":
    main()
