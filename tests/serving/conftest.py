"""A night's features, a scorer that counts shared words, and a recorder whose S3 is a dict."""

import numpy as np
import pytest

from components import contracts
from testing.feature_night import build_night

LABELS = contracts.LABELS


class WordOverlap:
    """Exact as far as the title shares the query's words, else Irrelevant."""

    version, labels, projection = "student-overlap", LABELS, None

    def tokenise(self, pairs):
        return list(pairs)

    def run(self, pairs):
        from components.scoring.scorer import Scores

        shared = [len(set(query.split()) & set(text.split())) / max(1, len(query.split())) for query, text in pairs]
        probabilities = np.array([[part, 0, 0, 1 - part] for part in shared], np.float32)
        return Scores(LABELS, probabilities, np.ones((len(pairs), 2), np.float32))


def nearest(reasoning, k=3):
    """The same rationale for everything."""
    return [[{"perspective": "attributes", "text": "shares the words", "similarity": 1.0}]] * len(reasoning)


@pytest.fixture(scope="session")
def night(tmp_path_factory):
    """A folder of features of now: three items, one query, no logs."""
    return build_night(tmp_path_factory.mktemp("night"))


@pytest.fixture
def objects():
    """What was put on an S3 that is a dict."""
    return {}


@pytest.fixture
def recorder(tmp_path, objects):
    from serving.recorder import Recorder

    made = Recorder(tmp_path / "spool", objects.__setitem__, flush_seconds=3600, limit_rows=20)
    yield made
    made.close()
