"""Whether the API would start with the settings in force."""

from orchestrator.cli.doctor.checks import Check, Wrong
from orchestrator.config import Settings
from orchestrator.config.api_keys import EXAMPLE
from orchestrator.domain.errors import ConfigurationError


def api_checks(settings: Settings) -> list[Check]:
    """The keys: who is let in. With servers the API may run elsewhere: there none are no fault."""
    is_given = settings.api_keys is not None and settings.api_keys.get_secret_value().strip()
    if settings.mode == "servers" and not is_given:
        return []

    async def keys() -> str:
        from orchestrator.api import options_from

        try:
            options = options_from(settings)
        except ConfigurationError as error:
            raise Wrong("; ".join(error.problems)) from error
        named = (f"{key.name} ({', '.join(sorted(key.scopes))})" for key in options.keys)
        return ", ".join(named) or "none; requests from this machine need none"

    return [Check("api keys", keys, f"Set JUSTLENS_API_KEYS where the API runs: {EXAMPLE}")]
