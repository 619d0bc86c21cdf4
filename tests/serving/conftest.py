"""A night's features, a scorer that counts shared words, and a recorder whose S3 is a dict."""

import numpy as np
import pytest

from components import contracts
from testing.feature_night import build_night
from testing.relevance_server import start_relevance_server
from testing.servers import environment

LABELS = contracts.LABELS


class WordOverlap:
    """A scorer: Exact as far as the title shares the query's words, else Irrelevant."""

    version = "student-overlap"
    labels = LABELS
    projection = None

    def tokenise(self, pairs):
        return list(pairs)

    def run(self, pairs):
        from components.scoring.scorer import Scores

        shares = [len(set(query.split()) & set(text.split())) / max(1, len(query.split())) for query, text in pairs]
        probabilities = np.array([[share, 0, 0, 1 - share] for share in shares], np.float32)
        return Scores(LABELS, probabilities, np.ones((len(pairs), 2), np.float32))


def nearest(reasoning, k=3):
    """Return the same rationales for everything, one for Exact and one for Irrelevant."""
    rationale = {"perspective": "attributes", "text": "shares the words", "similarity": 1.0}
    rationales = [rationale | {"predicted_label": label} for label in ("Exact", "Irrelevant")]
    return [rationales] * len(reasoning)


@pytest.fixture(scope="session")
def night(tmp_path_factory):
    """Build a folder of today's features: three items, one query, no logs."""
    return build_night(tmp_path_factory.mktemp("night"))


@pytest.fixture(scope="session")
def server(s3, night, tmp_path_factory):
    """Run one relevance server with S3 behind it."""
    with environment(**s3.environment):
        return start_relevance_server(s3, night, tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def objects():
    """Return the objects of an S3 that is a dict."""
    return {}


@pytest.fixture
def recorder(tmp_path, objects):
    from serving.recorder import Recorder
    from serving.spool_limits import SpoolLimits

    recorder = Recorder(tmp_path / "spool", objects.__setitem__, flush_seconds=3600, limits=SpoolLimits(rows=20))
    yield recorder
    recorder.close()
