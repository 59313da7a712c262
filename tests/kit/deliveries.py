"""Taking from a queue what must be there."""

from orchestrator.runtime.ports import Delivery, Subscription


async def take(subscription: Subscription) -> Delivery:
    """The next delivery, which must come within ten seconds."""
    delivery = await subscription.next(timeout_s=10.0)
    assert delivery is not None
    return delivery
