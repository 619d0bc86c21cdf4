"""The relevance model behind KServe's V1 protocol: checks the request, looks features up, scores, records, answers.

HTTP and nothing else: scoring is components.student.score. What a page shows is recorded before it is sent.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

from kserve import InferRequest, Model
from kserve.errors import InvalidInput, ServerNotReady

from components.experiment.assignment import ARMS
from components.student.score import item_text
from serving import metrics
from serving.exposures import Full, Recorder
from serving.features import Found, OnlineFeatures
from serving.log import current, record
from serving.requests import MAX_NAME, Ranking, Refused, parse, text

VERSION_HEADER = "x-model-version"


class RelevanceModel(Model):
    """Ranks items for a query; `scorer`, `features` and `explain` are objects that a test makes in a line."""

    def __init__(
        self,
        scorer: Callable,
        features: OnlineFeatures,
        explain: Callable,
        recorder: Recorder,
        hash_user: Callable[[str], bytes],
    ):
        super().__init__("relevance", return_response_headers=True)
        self.scorer, self.features, self.explainer = scorer, features, explain
        self.recorder, self.hash_user, self.version = recorder, hash_user, scorer.version
        self.workers = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="score")
        self.ready = True

    async def predict(self, payload, headers: dict | None = None, response_headers: dict | None = None) -> dict:
        """Labels, probabilities and scores in rank order."""
        answer = await self._in_worker(self._predictions, payload, headers)
        if response_headers is not None:
            response_headers[VERSION_HEADER] = self.version
        return answer

    async def explain(self, payload, headers: dict | None = None) -> dict:
        """The same request, answered with the rationales nearest to each item's latent reasoning."""
        asked = dict(headers or {})
        if headers is not None:  # KServe sends this very dict back as the answer's headers
            headers.clear()
            headers[VERSION_HEADER] = self.version
        return await self._in_worker(self._explanations, payload, asked)

    async def _in_worker(self, work: Callable, payload, headers: dict | None) -> dict:
        entry = current()
        try:
            return await asyncio.get_running_loop().run_in_executor(self.workers, work, payload, headers or {}, entry)
        except Refused as error:
            raise InvalidInput(str(error)) from error
        except Full as error:
            raise ServerNotReady(f"The request was not answered, for it cannot be recorded: {error}.") from error

    def _predictions(self, payload, headers: dict, entry: dict) -> dict:
        request, found, scores = self._score(payload, headers, entry)
        order = sorted(range(len(found.items)), key=lambda n: -scores.scores[n])
        with self._stage("record"):
            shown = [_exposure(entry, request, found, scores, place) for place in enumerate(order[: request.page_size])]
            self._record(entry, exposures=shown)
        labels, names = scores.labels, self.scorer.labels
        predictions = [
            {
                "item_id": request.item_ids[n],
                "label": labels[n],
                "probabilities": dict(zip(names, scores.probabilities[n].tolist(), strict=True)),
                "score": float(scores.scores[n]),
                "position": position,
            }
            for position, n in enumerate(order, 1)
        ]
        return {"predictions": predictions, "version": self.version, "request_id": entry["request_id"]}

    def _explanations(self, payload, headers: dict, entry: dict) -> dict:
        request, found, scores = self._score(payload, headers, entry)
        with self._stage("explain"):
            explanations = self.explainer(request.item_ids, scores, found.features)
        self._record(entry)
        return {"explanations": explanations, "version": self.version, "request_id": entry["request_id"]}

    def _score(self, payload, headers: dict, entry: dict) -> tuple[Ranking, Found, Sequence]:
        request = self._parse(payload, headers, entry)
        with self._stage("features"):
            found = self._find(request)
        entry["missing_features"] = found.missing
        metrics.MISSING.labels(self.version).inc(found.missing)
        metrics.STALE.labels(self.version).inc(sum(found.stale))
        with self._stage("score"):
            return request, found, self.scorer([(request.query, item_text(row)) for row in found.items])

    def _parse(self, payload, headers: dict, entry: dict) -> Ranking:
        entry["version"] = self.version
        entry["experiment_id"] = text(headers, "x-experiment-id", MAX_NAME)
        arm = text(headers, "x-arm", MAX_NAME)
        if arm is not None and arm not in ARMS:
            raise Refused(f"the header x-arm is {arm!r}; give {' or '.join(ARMS)}")
        entry["assigned_arm"] = arm
        if isinstance(payload, InferRequest):
            raise Refused("this model answers V1 requests: POST to /v1/models/relevance:predict or :explain")
        request = parse(payload)
        entry["items"] = len(request.item_ids)
        entry["request_id"] = request.request_id or entry["request_id"]
        entry["user_hash"] = self.hash_user(request.user_id) if request.user_id else None
        return request

    def _find(self, request: Ranking) -> Found:
        if request.instances:
            return self.features.given(request.query, request.query_id, request.instances)
        found = self.features.find(request.query, request.query_id, request.item_ids)
        if found.unknown:
            more = f" and {len(found.unknown) - 1} more" if len(found.unknown) > 1 else ""
            raise Refused(f"item_ids names an unknown item, {found.unknown[0]!r}{more}")
        return found

    def _record(self, entry: dict, **tables: list[dict]) -> None:
        latency_ms = 1000 * (time.time() - entry["time"].timestamp())
        record(self.recorder, entry, 200, latency_ms, **tables)

    @contextmanager
    def _stage(self, name: str):
        with metrics.STAGES.labels(self.version, name).time():
            yield


def _exposure(entry: dict, request: Ranking, found: Found, scores, place: tuple[int, int]) -> dict:
    rank, n = place
    shared = ("request_id", "experiment_id", "user_hash", "assigned_arm", "version")
    return {
        "time": datetime.now(UTC),
        **{name: entry[name] for name in shared},
        "query_id": request.query_id,
        "query": request.query,
        "locale": request.locale,
        "query_class": request.query_class,
        "category": found.items[n].get("category"),
        "item_id": request.item_ids[n],
        "position": rank + 1,
        "score": float(scores.scores[n]),
        "stale": found.stale[n],
    }
