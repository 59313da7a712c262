"""Whose fault each error of the drivers is."""

import inspect
from types import ModuleType

import botocore.exceptions
import bson
import bson.errors
import grpc
import pymilvus.exceptions
import pymongo.errors
import pytest
from botocore.exceptions import ClientError

from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.stores.milvus import errors as milvus
from orchestrator.stores.mongo import errors as mongo
from orchestrator.stores.s3 import errors as s3

# The document's own fault. Everything else of these modules is ours, and the job waits.
REFUSING_BSON = {"BSONError", "InvalidDocument", "InvalidStringData", "InvalidId", "DocumentTooLarge"}
REFUSING_MILVUS = {"DataNotMatchException", "DataTypeNotMatchException", "ParamError"}
REFUSING_BOTO = {
    "ParamValidationError",
    "ValidationError",
    "UnknownKeyError",
    "RangeError",
    "UnknownParameterError",
    "InvalidRegionError",
    "AliasConflictParameterError",
}


def exceptions_of(*modules: ModuleType) -> list[type[Exception]]:
    found = [kind for module in modules for _, kind in inspect.getmembers(module, inspect.isclass)]
    own = [kind for kind in found if kind.__module__ in {module.__name__ for module in modules}]
    return [kind for kind in own if issubclass(kind, Exception) and not issubclass(kind, Warning)]


# What is left out means that the SDK's own description of a service is damaged; no call raises it.
BOTO = [
    kind
    for kind in exceptions_of(botocore.exceptions)
    if not issubclass(kind, botocore.exceptions.UndefinedModelAttributeError)
]


def made(kind: type[Exception]) -> Exception:
    """An instance, whatever its constructor wants."""
    error = kind.__new__(kind)
    Exception.__init__(error, "said the server")
    return error


class TestMongo:
    @pytest.mark.parametrize("kind", exceptions_of(pymongo.errors, bson.errors), ids=lambda kind: kind.__name__)
    def test_every_error_of_the_driver_is_translated(self, kind: type[Exception]) -> None:
        match kind.__name__:
            case "BulkWriteError":
                error = kind({"writeErrors": []})
            case "EncryptedCollectionError":
                error = kind(Exception("said the server"), {})
            case "ClientBulkWriteException":
                error = kind({}, False)
            case _:
                error = kind("said the server")
        assert isinstance(error, mongo.FOREIGN)
        ours = mongo.translate(error)
        assert isinstance(ours, JobRefused if kind.__name__ in REFUSING_BSON else Unavailable)
        assert str(error) in str(ours)

    @pytest.mark.parametrize(
        ("code", "refuses"),
        [
            (121, True),
            (10334, True),
            (17419, True),
            (2, True),
            (50, False),
            (11600, False),
            (14031, False),
            (13, False),
        ],
    )
    def test_a_write_error_goes_by_its_code(self, code: int, refuses: bool) -> None:
        for kind in (pymongo.errors.WriteError, pymongo.errors.OperationFailure):
            assert isinstance(mongo.translate(kind("x", code)), JobRefused) == refuses

    @pytest.mark.parametrize(
        ("codes", "lost"),
        [((11000,), True), ((11000, 11000), True), ((11000, 121), False), ((91,), False), ((), False)],
    )
    def test_a_bulk_lost_a_race_when_every_write_of_it_that_failed_did(
        self, codes: tuple[int, ...], lost: bool
    ) -> None:
        error = pymongo.errors.BulkWriteError({"writeErrors": [{"code": code, "errmsg": "why"} for code in codes]})
        assert mongo.lost_race(error) == lost
        assert isinstance(mongo.translate(error), JobRefused) == (121 in codes)

    @pytest.mark.parametrize(
        "document",
        [{"n": 2**64}, {"t": "\ud800"}, {"a\x00b": 1}, {1: "x"}, {"o": object()}],
        ids=["int", "surrogate", "null", "name", "type"],
    )
    def test_what_the_encoder_refuses_is_the_jobs_fault(self, document: dict[str, object]) -> None:
        with pytest.raises(mongo.FOREIGN) as raised:
            bson.encode(document)
        assert isinstance(mongo.translate(raised.value), JobRefused)


class TestMilvus:
    @pytest.mark.parametrize("kind", exceptions_of(pymilvus.exceptions), ids=lambda kind: kind.__name__)
    def test_every_error_of_the_driver_is_translated(self, kind: type[Exception]) -> None:
        error = kind(message="said the driver")
        assert isinstance(error, milvus.FOREIGN)
        ours = milvus.translate(error)
        assert isinstance(ours, JobRefused) == (kind.__name__ in REFUSING_MILVUS)
        assert "said the driver" in str(ours)

    @pytest.mark.parametrize(("code", "refuses"), [(1100, True), (1102, True), (100, False), (8, False), (1, False)])
    def test_what_the_server_says_goes_by_its_code(self, code: int, refuses: bool) -> None:
        error = pymilvus.exceptions.MilvusException(code=code, message="why")
        assert isinstance(milvus.translate(error), JobRefused) == refuses

    def test_a_broken_connection_is_unavailable(self) -> None:
        for error in (grpc.RpcError("broken"), TimeoutError(), ConnectionRefusedError("refused")):
            assert isinstance(error, milvus.FOREIGN)
            assert isinstance(milvus.translate(error), Unavailable)


class TestS3:
    @pytest.mark.parametrize("kind", BOTO, ids=lambda kind: kind.__name__)
    def test_every_error_of_the_sdk_is_translated(self, kind: type[Exception]) -> None:
        error = kind({"Error": {"Code": "InternalError"}}, "PutObject") if issubclass(kind, ClientError) else made(kind)
        assert isinstance(error, s3.FOREIGN)
        expected = JobRefused if kind.__name__ in REFUSING_BOTO else Unavailable
        assert isinstance(s3.translate(error, "pictures"), expected)

    @pytest.mark.parametrize(
        ("code", "refuses"),
        [
            ("EntityTooLarge", True),
            ("KeyTooLongError", True),
            ("MetadataTooLarge", True),
            ("AccessDenied", False),
            ("NoSuchBucket", False),
            ("InvalidAccessKeyId", False),
            ("SlowDown", False),
            ("RequestTimeout", False),
            ("IncompleteBody", False),
        ],
    )
    def test_what_the_server_says_goes_by_its_code_and_names_bucket_and_code(self, code: str, refuses: bool) -> None:
        ours = s3.translate(ClientError({"Error": {"Code": code, "Message": "why"}}, "PutObject"), "pictures")
        assert isinstance(ours, JobRefused) == refuses
        assert "pictures" in str(ours) and code in str(ours)
