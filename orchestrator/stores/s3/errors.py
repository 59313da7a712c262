"""Whose fault an error of the SDK is: ours (Unavailable) or the object's (JobRefused)."""

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.exceptions import ValidationError as InvalidParameter
from urllib3.exceptions import HTTPError

from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.stores.values import refused

FOREIGN = (BotoCoreError, ClientError, HTTPError, OSError)
"""What a call of the SDK raises, apart from our own mistakes. urllib3's own come out of a body that is being read."""

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_REFUSING = frozenset({"EntityTooLarge", "InvalidObjectName", "InvalidURI", "KeyTooLongError", "MetadataTooLarge"})


def translate(error: Exception, bucket: str) -> JobRefused | Unavailable:
    """Our error for one of FOREIGN. Credentials, rights and buckets are the operator's, so the job waits for them."""
    match error:
        case ParamValidationError() | InvalidParameter():
            return refused(str(error))
        case ClientError():
            about = error.response.get("Error", {})
            text = f"bucket {bucket}: {error.operation_name}: {about.get('Code', '?')}: {about.get('Message', '')}"
            return refused(text) if about.get("Code") in _REFUSING else Unavailable("s3", text)
        case _:
            return Unavailable("s3", f"bucket {bucket}: {str(error) or type(error).__name__}")
