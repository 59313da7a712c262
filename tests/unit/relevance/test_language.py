"""Whether a text is English."""

import pytest

from orchestrator.domain.relevance.language import Language, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A chocolate cake stands on a wooden table. Behind it there is a window with white curtains.", "en"),
        ("The exterior of a café at night, with several people sitting at small tables near the door.", "en"),
        ("Signboard of Shri Ganesh Sweets above the entrance, with mithai and samosas on the counter inside.", "en"),
        ("Red velvet cake", "en"),
        ("Crème brûlée", "en"),
        ("एक लकड़ी की मेज पर चॉकलेट केक रखा है और पीछे एक खिड़की है।", "other"),
        ("केक", "other"),
        ("木のテーブルの上にチョコレートケーキがあります。", "other"),
        ("На деревянном столе стоит шоколадный торт, за ним окно с белыми занавесками.", "other"),
        ("Un gâteau au chocolat est posé sur une table en bois devant une fenêtre avec des rideaux blancs.", "other"),
        ("Ein Schokoladenkuchen steht auf einem Holztisch, dahinter ist ein Fenster mit weißen Vorhängen.", "other"),
        ("Una tarta de chocolate está sobre una mesa de madera, detrás hay una ventana con cortinas.", "other"),
        ("Een chocoladetaart staat op een houten tafel, daarachter is een raam met witte gordijnen.", "other"),
        ("Uma torta de chocolate está em cima de uma mesa de madeira, atrás dela uma janela branca.", "other"),
        ("A sign of the shop with the name चॉकलेट केक की दुकान in front of it and a table", "other"),
        ("", "other"),
        ("12345 !!! 🍰", "other"),
    ],
)
def test_prose_is_told_by_its_letters_and_its_function_words(text: str, language: Language) -> None:
    assert language_of(text) == language
