"""The vision-language models behind their HTTP workers, as the stages see them."""

from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.clients.workers.replies import WorkerReply, bad_reply, result_of
from orchestrator.domain.prompts.request import Ask, ModelAnswer
from workers.wire import GENERATE_PATH, GenerateParameters, GenerateReply

MAX_ANSWER_BYTES = 2**20


class HttpDescriber:
    """Describer over a worker pool. Every worker of the pool serves one model, and whichever it is may answer:
    the answer names it. ``Ask.models`` chooses among models only where several are served at one address."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def describe(self, body: bytes, ask: Ask) -> ModelAnswer:
        """The worker's answer about the picture ``body``.

        Raises JobRefused, JobFailed (also for a reply that breaks the wire's contract) and Unavailable.
        """
        request = GenerateParameters(prompt=ask.prompt, answer_schema=dict(ask.schema), max_tokens=ask.max_tokens)
        question = request.model_dump_json().encode()
        return await self._pool.call(
            GENERATE_PATH,
            query={},
            body=b"\n".join((question, body)),
            headers={"Content-Type": "application/octet-stream"},
            read=parse_generate_reply,
        )


def parse_generate_reply(reply: WorkerReply) -> ModelAnswer:
    """The reply as the stages' value. Raises JobFailed (``bad_worker_reply``) when it breaks the wire's contract."""
    result = result_of(reply, GenerateReply)
    if not result.model or not result.weights:
        raise bad_reply(reply, "model or weights are missing")
    if len(reply.body) > MAX_ANSWER_BYTES:
        raise bad_reply(reply, f"the answer has more than {MAX_ANSWER_BYTES} bytes")
    try:
        text = reply.body.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise bad_reply(reply, "the answer is not UTF-8") from error
    return ModelAnswer(text, result.finish_reason, result.model, result.weights)
