"""Whose fault an error of the SDK is: the store's as a whole (Unavailable), one object's, or the job's."""

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.exceptions import ValidationError as InvalidParameter
from urllib3.exceptions import HTTPError

from orchestrator.domain.errors import JobError, JobFailed, JobRefused, Unavailable
from orchestrator.stores.values import refused

FOREIGN = (BotoCoreError, ClientError, HTTPError, OSError)
"""What a call of the SDK raises, apart from our own mistakes. urllib3's own come out of a body that is being read."""

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_REFUSING = frozenset({"EntityTooLarge", "InvalidObjectName", "InvalidURI", "KeyTooLongError", "MetadataTooLarge"})
_STORE_WIDE = frozenset(
    {
        "AccountProblem",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidSecurity",
        "InvalidToken",
        "NotSignedUp",
        "RequestTimeTooSkewed",
        "RequestTimeout",
        "SignatureDoesNotMatch",
        "SlowDown",
        "TooManyRequests",
    }
)
"""What the store says of credentials, clocks and load: it would say it of every object."""


def translate(error: Exception, bucket: str) -> JobRefused | Unavailable:
    """Our error for one of FOREIGN. Credentials, rights and buckets are the operator's, so the job waits for them."""
    match error:
        case ParamValidationError() | InvalidParameter():
            return refused(str(error))
        case ClientError():
            text = f"bucket {bucket}: {describe(error)}"
            return refused(text) if error_code(error) in _REFUSING else Unavailable("s3", text)
        case _:
            return Unavailable("s3", f"bucket {bucket}: {str(error) or type(error).__name__}")


def translate_read(error: Exception, bucket: str, key: str) -> JobError | Unavailable:
    """Our error for one of FOREIGN that came of reading an object that is there, from our own bucket.

    An archived object, or one whose encryption key is disabled, is that object's trouble and no other's.
    """
    if isinstance(error, ClientError):
        code = error_code(error)
        if code == "InvalidObjectState" or code.startswith("KMS."):
            return JobFailed("object_refused", f"bucket {bucket}, key {key}: {describe(error)}")
    return translate(error, bucket)


def translate_source(error: Exception, bucket: str, key: str) -> JobError | Unavailable:
    """Our error for one of FOREIGN that came of reading a source image from whichever bucket the job names.

    What the store says of this bucket or object (denied, archived, moved, no such bucket) is the job's trouble and
    costs it attempts; only what it would say of every object is an outage.
    """
    where = f"bucket {bucket}, key {key}"
    match error:
        case ParamValidationError() | InvalidParameter():
            return JobRefused("bad_url", f"{where}: {error}")
        case ClientError() if error_status(error) < 500 and error_code(error) not in _STORE_WIDE:
            return JobFailed("source_refused", f"{where}: {describe(error)}")
        case ClientError():
            return Unavailable("s3", f"{where}: {describe(error)}")
        case _:
            return Unavailable("s3", f"{where}: {str(error) or type(error).__name__}")


def describe(error: ClientError) -> str:
    """Operation, code and message of an answer that is an error."""
    return f"{error.operation_name}: {error_code(error)}: {error.response.get('Error', {}).get('Message', '')}"


def error_code(error: ClientError) -> str:
    """The code of the answer, such as NoSuchBucket; "?" when it has none."""
    return str(error.response.get("Error", {}).get("Code") or "?")


def error_status(error: ClientError) -> int:
    """The HTTP status of the answer, 0 when unknown."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
