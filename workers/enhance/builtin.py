"""The built-in networks, in onnxruntime."""

from workers.builtin import pinned
from workers.enhance.likeness import Likeness
from workers.enhance.networks import Networks
from workers.enhance.onnx_network import OnnxNetwork
from workers.enhance.probing import check_network

NAME = "builtin"
_FILES = ("sr_x2/model.onnx", "sr_x4/model.onnx")


def load_builtin(threads: int | None, likeness: Likeness | None = None) -> Networks:
    """Two and four times. Raises ValueError when a file is not the one that was released."""
    networks = [OnnxNetwork(file.split("/")[0], pinned(file), threads) for file in _FILES]
    for network in networks:
        check_network(network)
    return Networks(NAME, networks, likeness=likeness)
