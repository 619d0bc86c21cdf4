"""A real KServe server process around the scorer that counts shared words: `FEATURES SPOOL PORT`."""

import sys

from serving.__main__ import serve
from serving.exposures import Recorder


def main(features: str, spool: str, port: str) -> None:
    """Serve until SIGTERM, as `python -m serving` does."""
    from serving.explain import Explainer
    from serving.features import OnlineFeatures
    from serving.server import RelevanceModel
    from tests.serving.conftest import WordOverlap, nearest

    recorder = Recorder(spool, flush_seconds=3600)
    model = RelevanceModel(WordOverlap(), OnlineFeatures(features), Explainer(nearest), recorder, lambda user: b"h" * 16)
    try:
        serve(model, recorder, "127.0.0.1", int(port))
    finally:
        recorder.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
