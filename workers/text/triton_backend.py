"""A sentence model as a model of Triton's python backend. Imported inside tritonserver only."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.server.text_embedding import Embeddings, TextModel, Texts
from workers.text.folder import weight_files
from workers.triton.requests import Place, failure, place_of, response, rows_of, texts_in, together
from workers.triton.server_guard import ServerGuard
from workers.weights.digest import check_files

GRAPH_NAME, TOKENIZER_NAME = "model.onnx", "tokenizer.json"


class TritonText:
    """What Triton calls TritonPythonModel: a VECTOR for each TEXT."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load the model and warm it up; then it is READY. Whatever this raises fails the load."""
        self._guard = ServerGuard()
        place = place_of(args)
        self._model = self.load_model(place)
        for count in (1, place.max_batch):
            self._model.encode([("to be ready",) * count])
        self._guard.loaded()

    def load_model(self, place: Place) -> TextModel:
        """The built-in model, or the one in the version's directory."""
        return _builtin(place) if place.weights is None else _from_folder(place.weights, place)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One response per request, in order."""
        read = [_read(request) for request in requests]
        asked = {index: item for index, item in enumerate(read) if not isinstance(item, Exception)}
        made = dict(zip(asked, together(self._model.encode, list(asked.values())), strict=True))
        return [self._response(made.get(index, item)) for index, item in enumerate(read)]

    def finalize(self) -> None:
        """Triton unloads the model, or ends."""
        self._guard.release()

    def _response(self, made: Any) -> Any:
        if isinstance(made, Exception):
            return failure(made)
        rows: Embeddings = made
        return response(rows, SPACE=[self._model.space] * len(rows))


def _read(request: Any) -> Texts | Exception:
    try:
        return texts_in(rows_of(request, "TEXT") or [])
    except Exception as error:
        return error


def _builtin(place: Place) -> TextModel:
    from workers.text.builtin import load_builtin  # onnxruntime, which a folder for torch does without

    return load_builtin(place.threads)


def _from_folder(folder: Path, place: Place) -> TextModel:
    """What ``workers.training text`` exports, or a sentence-transformers folder."""
    check_files(path for path in folder.rglob("*") if path.is_file())
    if (folder / GRAPH_NAME).is_file():
        from workers.text.onnx_sentences import OnnxSentences

        return OnnxSentences(folder.name, folder / GRAPH_NAME, folder / TOKENIZER_NAME, threads=place.threads)
    files = weight_files(folder)
    from workers.text.sentences import SentenceModel  # takes seconds: torch

    return SentenceModel(folder.name, folder, files, device=place.device, threads=place.threads)
