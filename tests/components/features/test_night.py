"""A night of features with and without a feature store: the same training set, and a cluster that names none."""

import sys

import pytest

from components import contracts
from components.features.build import build
from components.features.night import build_night
from components.item_keys import item_key
from testing.servers import environment
from tests.components.features.conftest import AS_OF, item, judgement


@pytest.fixture
def local_tables(tables):
    """Add an item with a text in Spanish, judged in three locales."""
    items = contracts.read(contracts.ITEMS, tables[1])
    items.append(item(item_key("a", "es"), brand="Sony España", category="Sonido", price=30.0))
    contracts.write(items, contracts.ITEMS, tables[1])
    rows = contracts.read(contracts.JUDGEMENTS, tables[0])
    rows += [judgement("q3", "a", locale=locale) for locale in ("us", "es", "fr")]
    contracts.write(rows, contracts.JUDGEMENTS, tables[0])
    return tables


@pytest.mark.slow
def test_files_are_joined_as_feast_joins_them(local_tables, logs, tmp_path):
    from components.features.file_join import join_files
    from components.features.materialize import materialize, write_training_set
    from components.features.training_set import write_joined

    build(*local_tables, logs, AS_OF, tmp_path / "night")
    materialize(tmp_path / "night", AS_OF)
    write_training_set(local_tables[0], tmp_path / "night", AS_OF, tmp_path / "feast")
    write_joined(local_tables[0], join_files(local_tables[0], tmp_path / "night", AS_OF), tmp_path / "files")
    expected, rows = (contracts.read(contracts.TRAINING_SET, tmp_path / name) for name in ("feast", "files"))
    assert len(rows) == 7 and rows == [pytest.approx(row) for row in expected]


def test_a_night_without_a_store_starts_no_feast(tables, tmp_path):
    feast_modules = {name for name in sys.modules if name.split(".")[0] == "feast"}
    with environment(BROADFAST_FEATURE_STORE="off"):
        result = build_night(tables, "", AS_OF.isoformat(), (str(tmp_path / "night"), str(tmp_path / "rows")))
    assert result.headline == "2 items, 2 queries, no feature store" and result.rows_out == 4
    assert {name for name in sys.modules if name.split(".")[0] == "feast"} == feast_modules
    assert not (tmp_path / "night" / "registry.db").exists()


def test_a_cluster_names_its_store(tables, tmp_path):
    with environment(BROADFAST_ROUTER="standard"), pytest.raises(ValueError, match="BROADFAST_REDIS is not set: make"):
        build_night(tables, "", AS_OF.isoformat(), (str(tmp_path / "night"), str(tmp_path / "rows")))
