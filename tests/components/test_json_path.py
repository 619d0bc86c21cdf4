"""Values deep in a JSON document."""

from components.json_path import read_path


def test_a_path_of_names_leads_to_a_value():
    assert read_path({"status": {"traffic": [1]}}, "status", "traffic") == [1]


def test_a_missing_part_gives_none():
    assert read_path({"status": {}}, "status", "components", "predictor") is None
    assert read_path(None, "status") is None
