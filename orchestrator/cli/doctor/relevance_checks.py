"""Checks of what the relevance road needs: SQL, Milvus, Triton. They change nothing."""

from functools import partial

from orchestrator.cli.doctor.checks import Check, Wrong
from orchestrator.config import Settings
from orchestrator.domain.urls import without_secrets


def relevance_store_checks(settings: Settings) -> list[Check]:
    """SQL (reachable, schema, rights) and Milvus."""
    return [
        Check("sql", partial(_sql_schema, settings), _SQL_REMEDY),
        Check(
            "sql rights",
            partial(_sql_rights, settings),
            "Grant the user of JUSTLENS_SQL_URL SELECT, INSERT, UPDATE and DELETE on the tables of JustLens, and SELECT"
            " on alembic_version.",
        ),
        Check("milvus", partial(_milvus, settings), "Start Milvus, or correct JUSTLENS_MILVUS_URL and its token."),
    ]


_SQL_REMEDY = (
    "Start MySQL or MariaDB and correct JUSTLENS_SQL_URL; for tables that are missing or old run the migrations"
    " (`alembic -c deploy/alembic.ini upgrade head`, or let `justlens run` do it as a user who may); for newer ones"
    " install the release they belong to."
)


async def _sql_schema(settings: Settings) -> str:
    from orchestrator.stores.sql.inspection import schema_state

    url = settings.sql_url.get_secret_value()
    state = await schema_state(url, settings.store_timeout_s)
    if state.present != state.newest:
        raise Wrong(f"the tables are at {state.present or 'no migration'}, this release needs {state.newest}")
    return f"{without_secrets(url)}, tables at {state.present}"


async def _sql_rights(settings: Settings) -> str:
    from orchestrator.stores.sql.inspection import try_rights

    await try_rights(settings.sql_url.get_secret_value(), settings.store_timeout_s)
    return "read, insert, update and delete are allowed"


async def _milvus(settings: Settings) -> str:
    from orchestrator.stores.milvus import MilvusVectors

    url = settings.milvus_url.get_secret_value()
    token = settings.milvus_token.get_secret_value() if settings.milvus_token else None
    vectors = await MilvusVectors.connect(url, timeout_s=settings.store_timeout_s, token=token)
    try:
        await vectors.ping()
    finally:
        await vectors.close()
    return "it answers"


def triton_checks(settings: Settings) -> list[Check]:
    """Triton, if it is to be asked: whether it answers, and whether it has a model ready that prompts ask for."""
    if settings.triton_url is None:
        return []
    remedy = (
        "Start Triton with triton/models as its repository and wait until a model is loaded, or correct"
        " JUSTLENS_TRITON_URL (host:port of its gRPC service); unset, the workers of pool vlm are asked."
    )
    return [Check("triton", partial(_triton, settings.triton_url), remedy)]


async def _triton(url: str) -> str:
    from orchestrator.clients.triton.vlm import READY_TIMEOUT_S, TritonDescriber
    from orchestrator.domain.prompts.profiles import MODELS

    describer = TritonDescriber(url, timeout_s=READY_TIMEOUT_S)
    try:
        ready = await describer.ready()
    finally:
        await describer.close()
    usable = [model for model in MODELS if model in ready]
    if not usable:
        raise Wrong(f"{url}: it answers, but has none of {', '.join(MODELS)} ready")
    return f"{url}, ready: {', '.join(usable)}"
