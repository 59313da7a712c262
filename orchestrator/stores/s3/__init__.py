"""Objects in an S3 bucket."""

from orchestrator.stores.s3.objects import S3Objects

__all__ = ["S3Objects"]
