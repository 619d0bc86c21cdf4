"""A server with items that were read ahead, and one that has none of them."""

import pytest
from prometheus_client import REGISTRY

from components.scoring.index import index_catalogue
from components.scoring.index_builder import IndexOptions
from components.scoring.scorer import Scorer
from serving.item_index import open_item_index
from serving.scraped_metrics import show_queries


@pytest.fixture
def registry(monkeypatch):
    """Return the process's registry, from which collectors of the test go with it."""
    collectors = []
    register = REGISTRY.register
    monkeypatch.setattr(REGISTRY, "register", lambda collector: collectors.append(collector) or register(collector))
    yield REGISTRY
    for collector in collectors:
        REGISTRY.unregister(collector)


def test_a_server_starts_without_its_index(tiny_folder, tmp_path, registry, caplog):
    assert len(open_item_index(str(tmp_path / "nowhere"), str(tiny_folder), "v1")) == 0
    assert "No item is read ahead" in caplog.text and "nowhere is no folder" in caplog.text
    assert registry.get_sample_value("broadfast_item_index_items", {"version": "v1"}) == 0


@pytest.mark.slow
def test_a_server_says_what_it_holds(late_interaction_package, tmp_path, registry, capsys):
    package = late_interaction_package[0]
    (tmp_path / "items.csv").write_text("title\nred hose\nblue hose\n")
    index_catalogue(package, tmp_path / "items.csv", tmp_path / "index", IndexOptions())
    index = open_item_index(str(tmp_path / "index"), str(package), "v2")
    assert "2 items were read ahead" in capsys.readouterr().err
    assert index.lookup([[1, 2, 3]]) == [None]
    assert registry.get_sample_value("broadfast_item_index_items", {"version": "v2"}) == 2
    assert registry.get_sample_value("broadfast_item_index_misses_total", {"version": "v2"}) == 1


@pytest.fixture
def tiny_folder(tmp_path):
    from testing.tiny_package import write_package

    write_package(tmp_path / "package")
    return tmp_path / "package"


@pytest.mark.slow
def test_remembered_queries_are_counted(late_interaction_package, registry):
    scorer = Scorer(late_interaction_package[0])
    show_queries(scorer.runtime, "v3")
    for title in ("red hose", "blue hose"):
        scorer([("hose", title)])
    labels = {"version": "v3"}
    assert registry.get_sample_value("broadfast_query_cache_hits_total", labels) == 1
    assert registry.get_sample_value("broadfast_query_cache_misses_total", labels) == 1
    assert registry.get_sample_value("broadfast_query_cache_bytes", labels) > 0
