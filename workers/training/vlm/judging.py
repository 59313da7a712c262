"""A help for learning to judge, which is not part of the model.

A verdict is one bit, and it depends on two words of which each alone says nothing of it: what is asked about, and what
is shown. A network that looks at neither is not told by the bit where to look. So while it learns, two linear layers
have to tell both from what half of its layers have gathered in a place.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from workers.training.vlm.questions import kinds

_WEIGHT = 0.25


class Judge(nn.Module):
    """The two linear layers, over numbers of ``width``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.asked = nn.Linear(width, len(kinds()))
        self.shown = nn.Linear(width, len(kinds()))

    def loss(self, gathered: Tensor, right: Tensor) -> Tensor:
        """``gathered`` [answer, number]; ``right`` [answer, 2] are the numbers of what is asked about and of what is
        shown."""
        even: Any = functional.rms_norm(gathered.float(), gathered.shape[-1:])
        told = self.asked(even).float(), self.shown(even).float()
        missed = [functional.cross_entropy(one, kind) for one, kind in zip(told, right.T, strict=True)]
        return _WEIGHT * (missed[0] + missed[1])
