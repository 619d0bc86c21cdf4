"""Pages show the figures of bench/results, and differ from them nowhere."""

import json

import pytest

from bench.render_docs import RESULTS, list_pages, render_page

PAGE = "<!-- figures: speed\n| peer | {peer_ms:.1f} | {gain:+.2fci} |\n-->\nold\n<!-- end -->\n"


@pytest.fixture
def results(tmp_path):
    figures = {"peer_ms": 3.14159, "gain": 0.5, "gain_low": 0.25, "gain_high": 0.75}
    (tmp_path / "speed.json").write_text(json.dumps(figures))
    return tmp_path


def test_a_block_shows_its_figures(results):
    page = render_page(PAGE, "page.md", results)
    assert "\n| peer | 3.1 | +0.50 (+0.25 to +0.75) |\n<!-- end -->" in page
    assert render_page(page, "page.md", results) == page


@pytest.mark.parametrize("change", [("{peer_ms", "{peer_s"), ("figures: speed", "figures: size")])
def test_an_unknown_figure_is_named(change, results):
    with pytest.raises(ValueError, match="page.md names"):
        render_page(PAGE.replace(*change), "page.md", results)


@pytest.mark.parametrize("page", list_pages(), ids=lambda page: page.name)
def test_every_page_agrees_with_the_figures(page):
    assert render_page(page.read_text(), page.name) == page.read_text(), "run `make docs`"


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.name)
def test_every_result_names_date_machine_and_data(path):
    figures = json.loads(path.read_text())
    assert {"date", "machine", "measured_on"} <= figures.keys()
    assert all(isinstance(value, (int, float, str)) for value in figures.values())
