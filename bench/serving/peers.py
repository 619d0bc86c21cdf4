"""Serve the same model behind a plain FastAPI handler and behind KServe, for comparison.

`python -m bench.serving.peers fastapi|kserve PACKAGE PORT`. Callers send texts; nothing is looked up or recorded.
"""

import sys
from pathlib import Path

from components.scoring.scorer import Scorer
from components.scoring.tokenizer import item_text, pad_pairs


def fastapi(package: Path, port: int) -> None:
    """Serve our scorer from a handler in FastAPI's pool of threads."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Request(BaseModel):
        query: str
        instances: list[dict]

    scorer = Scorer(package)
    app = FastAPI()

    @app.post("/v1/models/relevance:predict")
    def predict(request: Request) -> dict:
        scores = scorer([(request.query, item_text(row)) for row in request.instances])
        rows = zip(scores.labels, scores.probabilities.tolist(), scores.scores.tolist(), strict=True)
        names = ("label", "probabilities", "score")
        return {"predictions": [dict(zip(names, row, strict=True)) for row in rows]}

    @app.get("/v1/models/relevance")
    def ready() -> dict:
        return {"ready": True}

    uvicorn.run(app, port=port, access_log=False, log_level="warning")


def kserve(package: Path, port: int) -> None:
    """KServe's Hugging Face handler, step by step: tokenise with padding to the longest, predict, label."""
    from serving.import_guard import stay_light

    stay_light()
    from kserve import Model, ModelServer

    from components.scoring.scorer import softmax

    class Handler(Model):
        def __init__(self):
            super().__init__("relevance")
            self.scorer = Scorer(package)
            self.ready = True

        def preprocess(self, payload, headers=None):
            texts = [item_text(row) for row in payload["instances"]]
            queries = self.scorer.tokenizer.encode_queries([payload["query"]]) * len(texts)
            return pad_pairs(queries, self.scorer.tokenizer.encode_items(texts))

        def predict(self, payload, headers=None):
            return self.scorer.runtime.graph(payload)[0]

        def postprocess(self, result, headers=None, response_headers=None):
            probabilities = softmax(result)
            return {"predictions": [self.scorer.labels[index] for index in probabilities.argmax(-1)]}

    ModelServer(http_port=port, enable_grpc=False, workers=1).start([Handler()])


if __name__ == "__main__":
    {"fastapi": fastapi, "kserve": kserve}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
