"""Templates are rendered with or without escaping, by what they are."""

import pytest
from jinja2 import UndefinedError

from components.html import percent, render


@pytest.mark.parametrize(("name", "text"), [("page.html.j2", "&lt;b&gt;"), ("card.md.j2", "<b>")])
def test_only_html_is_escaped(tmp_path, name, text):
    (tmp_path / name).write_text("{{ title }}")
    assert render(tmp_path / name, {"title": "<b>"}) == text


def test_a_filter_formats_a_value(tmp_path):
    (tmp_path / "page.html.j2").write_text("{{ share | percent }}")
    assert render(tmp_path / "page.html.j2", {"share": 0.125}, {"percent": percent}) == "12.5%"


def test_missing_values_are_empty_where_allowed(tmp_path):
    (tmp_path / "page.html.j2").write_text("[{{ run.model.name }}]")
    assert render(tmp_path / "page.html.j2", {}, allow_missing=True) == "[]"
    with pytest.raises(UndefinedError):
        render(tmp_path / "page.html.j2", {})
