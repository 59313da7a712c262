"""The photographs that the super-resolution networks learn from, and those that only their figures see.

All come in Debian packages, so nobody needs more than a package mirror. The licences are those of the packages'
copyright files; drawings and renderings in the same packages are left out.
"""

from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """What a photograph is for. A photograph has one part only, so no crop of a held-out one was ever learnt from."""

    TRAIN = "train"
    VALIDATION = "validation"
    HELD_OUT = "held-out"


@dataclass(frozen=True, slots=True)
class Package:
    """One release of a Debian package; ``sha256`` is that of the .deb file, ``folder`` where its pictures lie in it."""

    name: str
    version: str
    sha256: str
    folder: str


@dataclass(frozen=True, slots=True)
class Photograph:
    """One file of ``package``."""

    package: Package
    file: str
    author: str
    licence: str
    part: Part = Part.TRAIN

    @property
    def name(self) -> str:
        """Short, and unique among all."""
        return self.file.split("/")[0].split(".")[0].split("_by_")[0]


_LOMIRI_16 = Package(
    "lomiri-wallpapers-16.04",
    "20.04.0-2",
    "a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab",
    "usr/share/backgrounds",
)
_LOMIRI_20 = Package(
    "lomiri-wallpapers-20.04",
    "20.04.0-2",
    "d44e89b8473aafe64a5b678f014862dc31335aaaf18665c544d985d854f1a709",
    "usr/share/backgrounds",
)
_MATE = Package(
    "mate-backgrounds",
    "1.26.0-1",
    "7bf4c2209f34b4f61ba6d24c8b58c28b361e82e4b943aae6d42c030169af9e04",
    "usr/share/backgrounds/mate/nature",
)
_PLASMA = Package(
    "plasma-workspace-wallpapers",
    "4:5.27.5-2",
    "32cd18b71c8c938a18b3b351f217c02ac590e323caa3cf322fbb875ce8892f8b",
    "usr/share/wallpapers",
)
_PALAPELI = Package(
    "palapeli-data",
    "4:22.12.3-1",
    "69a15dce2ac25ed8708ac518cd0cee5f4eb0c70ed15da2fdb8899a19ac0ee058",
    "usr/share/palapeli/collection",
)
_AITZOL, _NERLICH, _FREESPACE = "Aitzol Berasategi", "Peter Nerlich", 'Trevor "Freespace"'
_BARBIN, _KDE = "Charles Barbin", "KDE Visual Design Group"
_BY, _BY_SA, _BY_SA_3, _GPL = "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-SA-3.0", "GPL-2+"
_PD, _FDL = "public domain", "GFDL"
_WALLPAPER = "contents/images/2560x1600.jpg"

PHOTOGRAPHS = (
    Photograph(_LOMIRI_16, "Bridge_by_Sander_Klootwijk.jpg", "Sander Klootwijk", _BY_SA),
    Photograph(_LOMIRI_16, "Dragonfly_by_Bolly.jpg", '"Bolly"', _BY_SA),
    Photograph(_LOMIRI_16, "Picture_0B_by_freespace.jpg", _FREESPACE, _BY),
    Photograph(_LOMIRI_16, "Picture_1A_by_freespace.jpg", _FREESPACE, _BY),
    Photograph(_LOMIRI_16, "Wine_by_Jakkub_Mede.jpg", "Jakub Mede", _BY, Part.HELD_OUT),
    Photograph(_LOMIRI_16, "aitzgorri_by_Aitzol_Berasategi.jpg", _AITZOL, _BY),
    Photograph(_LOMIRI_16, "free_by_Peter_Nerlich.jpg", _NERLICH, _BY_SA),
    Photograph(_LOMIRI_16, "friends_by_Aitzol_Berasategi.jpg", _AITZOL, _BY, Part.VALIDATION),
    Photograph(_LOMIRI_16, "greentock_by_Peter_Nerlich.jpg", _NERLICH, _BY_SA),
    Photograph(_LOMIRI_16, "life_by_Aitzol_Berasategi.jpg", _AITZOL, _BY),
    Photograph(_LOMIRI_16, "picosdeeuropa_by_Aitzol_Berasategi.jpg", _AITZOL, _BY, Part.HELD_OUT),
    Photograph(_LOMIRI_16, "seeding_by_Clements_Engelhardt.jpg", "Clemens Engelhardt", "CC0-1.0"),
    Photograph(_LOMIRI_16, "sunset_by_Aitzol_Berasategi.jpg", _AITZOL, _BY),
    Photograph(_LOMIRI_20, "Kleiber_by_Lukas_Baubkus.jpg", "Lukas Baubkus", _BY_SA_3, Part.HELD_OUT),
    Photograph(_MATE, "Aqua.jpg", _BARBIN, _GPL),
    Photograph(_MATE, "Blinds.jpg", "Lennart Poettering, Andrea Cimitan", _GPL),
    Photograph(_MATE, "Dune.jpg", "Marco Cogoni, Hylke Bons", _GPL, Part.VALIDATION),
    Photograph(_MATE, "FreshFlower.jpg", "Jens Ansorg", _GPL),
    Photograph(_MATE, "Garden.jpg", _BARBIN, _GPL),
    Photograph(_MATE, "GreenMeadow.jpg", "Timothy Schellhase, Lapo Calamandrei", _GPL),
    Photograph(_MATE, "LadyBird.jpg", _BARBIN, _GPL, Part.HELD_OUT),
    Photograph(_MATE, "RainDrops.jpg", '"blackcombwhistler07"', _GPL),
    Photograph(_MATE, "Storm.jpg", "Sergey Nazarov", _GPL),
    Photograph(_MATE, "TwoWings.jpg", "Charles Barbin, Hylke Bons", _GPL),
    Photograph(_MATE, "Wood.jpg", "Jean-François Fortin Tam", _GPL),
    Photograph(_MATE, "YellowFlower.jpg", _BARBIN, _GPL),
    Photograph(_PLASMA, f"BytheWater/{_WALLPAPER}", _KDE, _GPL),
    Photograph(_PLASMA, f"ColdRipple/{_WALLPAPER}", _KDE, _GPL),
    Photograph(_PLASMA, f"ColorfulCups/{_WALLPAPER}", _KDE, _GPL, Part.HELD_OUT),
    Photograph(_PLASMA, f"EveningGlow/{_WALLPAPER}", _KDE, _GPL, Part.HELD_OUT),
    Photograph(_PLASMA, f"FallenLeaf/{_WALLPAPER}", _KDE, _GPL),
    Photograph(_PLASMA, f"Grey/{_WALLPAPER}", _KDE, _GPL),
    Photograph(_PLASMA, f"Kite/{_WALLPAPER}", _KDE, _GPL),
    Photograph(_PLASMA, f"OneStandsOut/{_WALLPAPER}", _KDE, _GPL, Part.HELD_OUT),
    Photograph(_PLASMA, f"Path/{_WALLPAPER}", _KDE, _GPL),
    Photograph(_PLASMA, f"summer_1am/{_WALLPAPER}", _KDE, _GPL),
    Photograph(_PALAPELI, "castle-maintenon.jpg", "Eric Pouhier", _FDL, Part.HELD_OUT),
    Photograph(_PALAPELI, "cincinnati-bridge.jpg", "Derek Jensen", _PD),
    Photograph(_PALAPELI, "citrus-fruits.jpg", "US Department of Agriculture", _PD),
    Photograph(_PALAPELI, "european-honey-bee.jpg", "John Severns", _PD, Part.VALIDATION),
)
