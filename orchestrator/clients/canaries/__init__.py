"""Canary requests: how an endpoint that failed several jobs shows that it works again."""
