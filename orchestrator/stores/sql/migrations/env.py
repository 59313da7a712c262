"""Run by Alembic for every command: where the database is, and how to reach it."""

import asyncio
from logging.config import fileConfig

from alembic import context

from orchestrator.config import load_settings
from orchestrator.stores.sql import schema

_settings = load_settings()
_given = context.config.attributes
_url = _given.get("url") or _settings.sql_url.get_secret_value()

if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    schema.write_script(context, _url)
else:
    asyncio.run(schema.migrate(context, _url, _given.get("timeout_s") or _settings.store_timeout_s))
