"""A prompt as the conversation that a model was trained on. The prompt is data: it cannot leave its place in it."""

import re
from typing import Any


class ChatTemplate:
    """Writes prompts in the form of one processor of transformers.

    That is the chat template which came with the weights. Weights without one get the plainest form of their family:
    ``USER: <image>\\n… ASSISTANT:`` as LLaVA 1.5 was trained, or for models that look at pictures by cross-attention
    (their processor knows a start token) the placeholder, the start token, and the prompt.
    """

    def __init__(self, processor: Any) -> None:
        tokenizer = processor.tokenizer
        self._processor = processor
        self._image_token: str = processor.image_token
        self._bos_token: str | None = tokenizer.bos_token
        special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
        special |= {self._image_token, *tokenizer.all_special_tokens}
        longest_first = sorted((token for token in special if len(token) > 1), key=lambda token: (-len(token), token))
        self._special = re.compile("|".join(map(re.escape, longest_first)))

    def text(self, prompt: str) -> str:
        """The text for the model, with exactly one placeholder for the picture."""
        harmless = self.escape_special_tokens(prompt)
        if self._processor.chat_template:
            content = [{"type": "image"}, {"type": "text", "text": harmless}]
            messages = [{"role": "user", "content": content}]
            return str(self._processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))
        if hasattr(self._processor, "bos_token"):
            return f"{self._image_token}{self._bos_token}{harmless}"
        return f"USER: {self._image_token}\n{harmless} ASSISTANT:"

    def token_ids(self, prompt: str) -> list[int]:
        """The same as tokens."""
        text = self.text(prompt)
        # Where the start token is in the text already, the tokenizer must not add another one.
        starts_itself = bool(self._bos_token) and str(self._bos_token) in text
        ids: list[int] = self._processor.tokenizer(text, add_special_tokens=not starts_itself)["input_ids"]
        return ids

    def escape_special_tokens(self, prompt: str) -> str:
        """``prompt`` with a blank inside whatever the tokenizer would read as a special token."""
        while (harmless := self._special.sub(lambda found: f"{found[0][0]} {found[0][1:]}", prompt)) != prompt:
            prompt = harmless
        return prompt
