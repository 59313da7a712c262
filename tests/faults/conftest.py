"""What the fault tests share: a seed that a failure tells."""

import os
import random

import pytest


@pytest.fixture
def seed() -> int:
    """A new seed each time, printed; FAULT_SEED repeats one."""
    value = int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
    print(f"FAULT_SEED={value}")
    return value
