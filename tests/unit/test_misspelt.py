"""A misspelt variable is named with the setting that was meant."""

import pytest

from orchestrator.config import Settings, find_misspelt


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("JUSTLENS_AMPQ_URL", "JUSTLENS_AMQP_URL"),
        ("JUSTLENS_S3_ACCESSKEY", "JUSTLENS_S3_ACCESS_KEY"),
        ("justlens_api_prot", "JUSTLENS_API_PORT"),
    ],
)
def test_the_nearest_setting_is_named(name: str, meant: str) -> None:
    [said] = find_misspelt([name, "PATH"])
    assert said == f"{name} is no setting and is ignored; do you mean {meant}?"


def test_a_variable_that_is_near_to_nothing_says_where_all_are_listed() -> None:
    [said] = find_misspelt(["JUSTLENS_ZZZ"])
    assert "justlens config" in said


def test_settings_and_the_variables_of_workers_are_known_in_any_case() -> None:
    names = [f"JUSTLENS_{name.upper()}" for name in Settings.model_fields]
    assert find_misspelt([*names, *map(str.lower, names), "JUSTLENS_WEIGHTS", "JUSTLENS_WEIGHTS_CACHE"]) == []
