"""Alembic's environment: every change of the tables since the first release."""
