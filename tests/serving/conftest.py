"""A night's features, a scorer that counts shared words, and a recorder whose S3 is a dict."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from components import contracts

LABELS = contracts.LABELS
ITEMS = {"i1": ("red running shoes", 50.0), "i2": ("blue running socks", 5.0), "i3": ("garden hose", 20.0)}


class WordOverlap:
    """Exact as far as the title shares the query's words, else Irrelevant."""

    version, labels = "student-overlap", LABELS

    def tokenise(self, pairs):
        return list(pairs)

    def run(self, pairs):
        from components.student.score import Scores

        shared = [len(set(query.split()) & set(text.split())) / max(1, len(query.split())) for query, text in pairs]
        probabilities = np.array([[part, 0, 0, 1 - part] for part in shared], np.float32)
        return Scores(LABELS, probabilities, np.ones((len(pairs), 2), np.float32))


def nearest(reasoning, k=3):
    """The same rationale for everything."""
    return [[{"perspective": "attributes", "text": "shares the words", "similarity": 1.0}]] * len(reasoning)


@pytest.fixture(scope="session")
def night(tmp_path_factory):
    """A folder of features of now: three items, one query, no logs."""
    from components.features.build import build
    from components.features.materialize import materialize

    folder, now = tmp_path_factory.mktemp("night"), datetime.now(UTC)
    judgement = dict.fromkeys(contracts.JUDGEMENTS.names, "") | {"query_id": "q1", "item_id": "i1"}
    contracts.write([judgement], contracts.JUDGEMENTS, folder / "judgements.parquet")
    blank = {"brand": "Acme", "category": "Sport", "attributes": "", "rating": 4.0, "time": now - timedelta(days=9)}
    rows = [{"item_id": name, "title": title, "price": price, **blank} for name, (title, price) in ITEMS.items()]
    contracts.write(rows, contracts.ITEMS, folder / "items.parquet")
    build(folder / "judgements.parquet", folder / "items.parquet", None, now, folder / "features")
    materialize(folder / "features", now)
    return folder / "features"


@pytest.fixture
def objects():
    """What was put on an S3 that is a dict."""
    return {}


@pytest.fixture
def recorder(tmp_path, objects):
    from serving.exposures import Recorder

    made = Recorder(tmp_path / "spool", objects.__setitem__, flush_seconds=3600, limit_rows=20)
    yield made
    made.close()
