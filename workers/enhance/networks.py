"""The enhance model made of networks: the cheapest one that suffices, the gate, the exact size."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from workers.enhance import gate
from workers.enhance.likeness import Likeness
from workers.enhance.network import Network, NotFinite
from workers.enhance.picture import Enlarged, Enlargement, Harmful, encode_picture, read_picture, recipe_digest
from workers.enhance.plan import cheapest_factor
from workers.enhance.planes import join, split
from workers.enhance.precision_check import BLACK_BELOW, MORE_CLIPPED, upscale_checked
from workers.wire import ImageType

HARMFUL_OUTPUT = "harmful_output"
"""The network gave numbers that are none, also in float32."""


class Networks:
    """``usual`` for every type of picture that has no networks of its own in ``special``; one network per scale.

    ``likeness`` judges what passes the gate; without one, whether both show the same things is not asked.

    ``recipe`` of a result names the network that made it and everything around it. Bytes are the same for the same
    source and recipe, as long as memory suffices: smaller windows may change a value by one.
    """

    pre = staticmethod(read_picture)
    post = staticmethod(encode_picture)

    def __init__(
        self,
        name: str,
        usual: Sequence[Network],
        special: Mapping[ImageType, Sequence[Network]] = MappingProxyType({}),
        likeness: Likeness | None = None,
    ) -> None:
        self.name = name
        self._likeness = likeness
        self._usual = _by_scale(usual)
        self._special = {image_type: _by_scale(networks) for image_type, networks in special.items() if networks}
        networks = [*usual, *(network for group in special.values() for network in group)]
        self.weights = "+".join(sorted({network.weights for network in networks}))
        self._recipes = {network.name: _recipe(network, likeness) for network in networks}

    def core(self, batch: Sequence[Enlargement]) -> list[Enlarged | Harmful]:
        """One result per item, in order. Raises MemoryError when the device has none left."""
        return [self._one(item) for item in batch]

    def _one(self, item: Enlargement) -> Enlarged | Harmful:
        if (item.pixels.width, item.pixels.height) == (item.width, item.height):
            return Enlarged(item.pixels, self.name, recipe_digest(self.name, "none", {}))
        network = self._cheapest(item)
        planes = split(item.pixels)
        try:
            better = upscale_checked(network, planes.colour)
        except NotFinite:
            return Harmful(HARMFUL_OUTPUT)
        reason = gate.harm(planes.colour, better, network.scale)
        if reason is None and self._likeness is not None:
            reason = self._likeness.harm(planes.colour, better)
        if reason is not None:
            return Harmful(reason)
        pixels = join(planes, better, item.width, item.height)
        return Enlarged(pixels, network.name, self._recipes[network.name])

    def _cheapest(self, item: Enlargement) -> Network:
        group = self._special.get(item.image_type, self._usual)
        # The smaller of both: the other side was rounded to whole pixels, which must not cost a dearer network.
        needed = min(item.width / item.pixels.width, item.height / item.pixels.height)
        return group[cheapest_factor(needed, tuple(group))]


def _by_scale(networks: Sequence[Network]) -> Mapping[int, Network]:
    """Raises ValueError for two networks of one scale, and for none that enlarges."""
    found = {network.scale: network for network in networks}
    if len(found) != len(networks):
        raise ValueError(f"two networks of one scale: {', '.join(network.name for network in networks)}")
    if max(found, default=1) == 1:
        raise ValueError("at least one network that enlarges is needed")
    return found


def _recipe(network: Network, likeness: Likeness | None) -> str:
    """Everything around the weights that decides the bytes: windows, precision, library, the bars of the checks."""
    parameters: dict[str, object] = {
        "scale": network.scale,
        "halo": network.halo,
        "multiple": network.multiple,
        "tile_pixels": network.tile_pixels,
        "batch": network.batch,
        "runtime": network.runtime,
        "precise": network.precise.runtime if network.precise else None,
        "trust": [BLACK_BELOW, MORE_CLIPPED],
        "gate": [gate.VERSION, gate.STRUCTURE_AT_LEAST, gate.COLOUR_AT_MOST, gate.PATTERN_AT_MOST],
    }
    if likeness is not None:
        parameters["likeness"] = likeness.parameters
    return recipe_digest(network.name, network.weights, parameters)
