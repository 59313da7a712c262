"""What TritonDescriber sends and what it makes of replies that no sane server gives, against a server made for it."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from opentelemetry.sdk.trace import TracerProvider
from tritonclient.grpc import service_pb2, service_pb2_grpc

from orchestrator.clients.triton.errors import fault_of_call
from orchestrator.clients.triton.vlm import MAX_ANSWER_BYTES
from orchestrator.domain.errors import JobFailed, JobRefused, Unavailable
from orchestrator.domain.prompts.request import Ask, ModelAnswer
from tests.integration.triton.conftest import OpenDescriber

QUESTION = Ask(("m",), "p", {"type": "object"})
GOOD = {"ANSWER": b"{}", "FINISH_REASON": b"stop", "MODEL": b"m", "WEIGHTS": b"w"}


class OddServer(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Answers every question with ``outputs``."""

    def __init__(self) -> None:
        self.outputs = dict(GOOD)
        self.metadata: dict[str, str] = {}
        self.url = ""
        self.image_bytes = 0

    async def RepositoryIndex(self, request: object, context: object) -> object:
        return service_pb2.RepositoryIndexResponse(models=[{"name": "m", "version": "1", "state": "READY"}])

    async def ModelInfer(self, request: Any, context: grpc.aio.ServicerContext) -> object:
        self.image_bytes = len(request.raw_input_contents[0])
        self.metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        reply = service_pb2.ModelInferResponse(model_name="m")
        for name, value in self.outputs.items():
            reply.outputs.add(name=name, datatype="BYTES", shape=[1, 1])
            reply.raw_output_contents.append(len(value).to_bytes(4, "little") + value)
        return reply


@pytest.fixture
async def odd() -> AsyncIterator[OddServer]:
    server, servicer = grpc.aio.server(), OddServer()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
    servicer.url = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield servicer
    await server.stop(None)


async def test_the_trace_goes_on_in_the_metadata_of_the_call(odd: OddServer, describer_of: OpenDescriber) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("job") as span:
        answer = await describer_of(odd.url).describe(b"", QUESTION)

    assert answer == ModelAnswer("{}", "stop", "m", "w")
    assert odd.metadata["traceparent"].split("-")[1] == f"{span.get_span_context().trace_id:032x}"


async def test_a_server_that_takes_no_shared_memory_is_sent_the_picture(
    odd: OddServer, describer_of: OpenDescriber
) -> None:
    describer = describer_of(odd.url, shared_bytes=8 * 2**20)

    for _ in range(2):
        answer = await describer.describe(bytes(2**20), QUESTION)

    assert answer.model == "m"
    assert odd.image_bytes == 4 + 2**20


@pytest.mark.parametrize(
    "wrong",
    [
        {"FINISH_REASON": b"tired"},
        {"FINISH_REASON": b""},
        {"ANSWER": b"\xff\xfe"},
        {"OTHER": b"x", "ANSWER": None},
        {"WEIGHTS": None},
    ],
    ids=["unknown finish", "no finish", "not utf-8", "other name", "no weights"],
)
async def test_a_reply_that_is_not_what_the_models_say_costs_an_attempt(
    odd: OddServer, describer_of: OpenDescriber, wrong: dict[str, bytes | None]
) -> None:
    odd.outputs = {name: value for name, value in {**GOOD, **wrong}.items() if value is not None}

    with pytest.raises(JobFailed) as caught:
        await describer_of(odd.url).describe(b"", QUESTION)

    assert caught.value.reason.code == "bad_worker_reply"


async def test_an_answer_of_any_length_is_not_taken_in(odd: OddServer, describer_of: OpenDescriber) -> None:
    odd.outputs["ANSWER"] = bytes(MAX_ANSWER_BYTES)

    with pytest.raises(JobFailed) as caught:
        await describer_of(odd.url).describe(b"", QUESTION)

    assert caught.value.reason.code == "vlm_error"


@pytest.mark.parametrize(
    ("status", "message", "kind", "code"),
    [
        ("INVALID_ARGUMENT", "refused:too_large: 40 MB", JobRefused, "too_large"),
        ("INVALID_ARGUMENT", "unexpected shape for input", JobRefused, "vlm_bad_request"),
        ("INTERNAL", "refused:too_large: says the model", JobFailed, "vlm_error"),
        ("INTERNAL", "busy: says the model", JobFailed, "vlm_error"),
        ("UNAVAILABLE", "Socket closed", JobFailed, "worker_died"),
        ("UNAVAILABLE", "words of a release to come", JobFailed, "worker_died"),
        ("CANCELLED", "", JobFailed, "worker_died"),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", JobFailed, "worker_timeout"),
    ],
)
def test_a_status_says_whose_fault_it_was(status: str, message: str, kind: type, code: str) -> None:
    fault = fault_of_call("m", status, message)

    assert type(fault) is kind and fault.reason.code == code  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("UNAVAILABLE", "busy:out_of_memory: no memory left for this"),
        ("UNAVAILABLE", "[request id: <id_unknown>] Exceeds maximum queue size"),
        ("UNAVAILABLE", "failed to connect to all addresses; last error: ..."),
        ("NOT_FOUND", "Request for unknown model: 'm' has no available versions"),
    ],
)
def test_what_was_not_begun_costs_no_attempt(status: str, message: str) -> None:
    assert isinstance(fault_of_call("m", status, message), Unavailable)
