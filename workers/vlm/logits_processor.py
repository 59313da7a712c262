"""Greedy decoding inside a grammar that comes to an end in time."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
import xgrammar

from workers.vlm.grammar import CompiledSchema, Tokens, Vocabulary
from workers.vlm.lengths import TextTracker

_QUOTE = b'"'
_OPENING = frozenset(b'[{,:"')
"""A token without any of these cannot make the rest of an answer much longer than it was."""
_MARGIN_TOKENS = 64
"""How much longer, at most: a character or an escape in several tokens, or another value of an enumeration."""
_LOOP_TIMES = 5
_LOOP_TOKENS = 24
_LONGEST_LOOP_TOKENS = 64
"""A model that said the same so often, and so much of it, never stops by itself."""


class ConstrainedAnswer:
    """One answer while it is written, in at most ``max_tokens`` tokens including the one that stops it.

    As long as the answer can still be ended in the tokens that remain, the model's choice is taken. A token after
    which it could not is not taken: the answer is ended by the way out that was there before it. A text in which the
    model says the same over and over is closed: whether it is of any use is for the reader to judge, but the rest of
    the answer is written, and those of its batch need not wait for it.
    """

    def __init__(self, form: CompiledSchema, vocabulary: Vocabulary, max_tokens: int) -> None:
        self._matcher = xgrammar.GrammarMatcher(form.grammar)
        self._texts = TextTracker(form.schema)
        self._vocabulary = vocabulary
        self._bits = xgrammar.allocate_token_bitmask(1, vocabulary.size)
        self._left = max_tokens
        self._tokens: list[int] = []
        self._open_text: list[int] = []
        self._way_out: deque[int] = deque()
        self._to_end = 0

    @property
    def ended(self) -> bool:
        """Whether the text is whole."""
        return bool(self._matcher.is_terminated())

    @property
    def over(self) -> bool:
        """Whether nothing is to be added: it has ended, or no token is left."""
        return self.ended or self._left < 1

    @property
    def text(self) -> str:
        """What was written so far: the bytes that the grammar accepted. A character that was cut off is dropped."""
        return b"".join(self._vocabulary.texts[token] for token in self._tokens).decode("utf-8", "ignore")

    def allowed(self) -> Tokens:
        """For every token of the vocabulary whether it may come next."""
        allowed = self._allowed(self._texts)
        if is_loop(self._open_text):
            end = self._vocabulary.closing(allowed)
            if end is not None and self._vocabulary.texts[end] == _QUOTE:
                allowed[:] = False
                allowed[end] = True
        return allowed

    def _allowed(self, texts: TextTracker) -> Tokens:
        self._matcher.fill_next_token_bitmask(self._bits)
        bits = self._bits.numpy().view(np.uint8).ravel()
        allowed = np.unpackbits(bits, count=self._vocabulary.size, bitorder="little").view(np.bool_)
        allowed &= self._vocabulary.fitting(texts)
        return allowed

    def add(self, wanted: int) -> int:
        """Go on with the allowed token ``wanted``, or with another one when the end is near. Returns the one taken."""
        if not self._way_out and not self._keeps_an_end(wanted):
            self._way_out.extend(self._shortest_end(self._left, self._texts.copy()) or (wanted,))
        token = self._way_out.popleft() if self._way_out else wanted
        if not self._matcher.accept_token(token):  # the grammar leads nowhere with this vocabulary
            self._left = 0
            return token
        self._left -= 1
        if not self.ended:
            self._tokens.append(token)
            text = self._vocabulary.texts[token]
            self._texts.read(text)
            self._open_text.append(token)
            if not self._texts.in_text or _QUOTE in text:
                self._open_text.clear()
        return token

    def _keeps_an_end(self, token: int) -> bool:
        """Whether the answer can still be ended in time after ``token``. Looked up only where that may be in doubt."""
        left = self._left - 1
        opens = not _OPENING.isdisjoint(self._vocabulary.texts[token])
        if (not opens and left > self._to_end + _MARGIN_TOKENS) or not self._matcher.accept_token(token):
            return True
        try:
            if self.ended:
                return True
            texts = self._texts.copy()
            texts.read(self._vocabulary.texts[token])
            end = self._shortest_end(left, texts)
            self._to_end = len(end) if end else self._to_end
            return end is not None
        finally:
            self._matcher.rollback(1)

    def _shortest_end(self, limit: int, texts: TextTracker) -> list[int] | None:
        """A short way to end the answer from here, the stop token included; None when ``limit`` tokens do not do."""
        tokens: list[int] = []
        try:
            while len(tokens) < limit:
                allowed = self._allowed(texts)
                for stop in self._vocabulary.stops:
                    if allowed[stop]:
                        return [*tokens, stop]
                token = self._vocabulary.closing(allowed)
                if token is None or not self._matcher.accept_token(token):
                    return None
                tokens.append(token)
                texts.read(self._vocabulary.texts[token])
            return None
        finally:
            self._matcher.rollback(len(tokens))


def is_loop(tokens: Sequence[int]) -> bool:
    """Whether ``tokens`` end in one sequence of 1 to 64, five times in a row or more and 24 tokens long or longer."""
    for length in range(1, min(_LONGEST_LOOP_TOKENS, len(tokens) // _LOOP_TIMES) + 1):
        span = max(_LOOP_TIMES * length, _LOOP_TOKENS)
        in_a_row = range(-1, length - span - 1, -1)
        if span <= len(tokens) and all(tokens[at] == tokens[at - length] for at in in_a_row):
            return True
    return False


class GrammarLogitsProcessor:
    """Logits processor of transformers: leaves every answer of a batch exactly one token to go on with."""

    def __init__(self, answers: Sequence[ConstrainedAnswer], stop: int) -> None:
        self._answers = answers
        self._stop = stop

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """``scores`` (answers x vocabulary) with -inf everywhere but at the token that comes next."""
        everything = np.ones(scores.shape[1], dtype=bool)
        masks = np.stack([everything if answer.over else answer.allowed() for answer in self._answers])
        finite = torch.nan_to_num(scores.float())
        wanted = finite.masked_fill(~torch.from_numpy(masks).to(scores.device), -torch.inf).argmax(dim=1).tolist()
        taken = [
            self._stop if answer.over else answer.add(token)
            for answer, token in zip(self._answers, wanted, strict=True)
        ]
        result = torch.full_like(scores, -torch.inf)
        result[torch.arange(len(taken)), torch.tensor(taken)] = 0
        return result
