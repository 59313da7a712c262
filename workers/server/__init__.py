"""The HTTP service that every worker shares: admission, batching, health, metrics, life cycle."""
