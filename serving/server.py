"""The relevance model behind KServe's protocols: checks the request, looks features up, scores, records, answers.

HTTP and gRPC and nothing else: scoring is components.scoring.scorer. What a page shows is recorded before it is sent.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from kserve import InferRequest, Model
from kserve.errors import InvalidInput, ServerNotReady

from components.experiment.assignment import ARMS
from components.scoring.scorer import Scores
from components.scoring.tokenizer import item_text
from serving import metrics, v2_codec
from serving.features import Found, OnlineFeatures, Unavailable
from serving.recorder import Full, Recorder
from serving.request_log import current, record
from serving.request_schemas import MAX_NAME, Ranking, Refused, parse

VERSION_HEADER = "x-model-version"


class Busy(ServerNotReady):
    """The request may be sent again later; the message says why it was not answered."""

    def __init__(self, why: str):
        super().__init__(why)
        self.error_msg = self.reason = why  # KServe's gRPC server reads the one, its REST server the other


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

    async def predict(self, payload, headers: dict | None = None, response_headers: dict | None = None):
        """Labels, probabilities and scores in rank order; as tensors where the request was tensors."""
        stages = metrics.Stages(self.version)
        answer = await self._in_worker(self._predictions, payload, headers, stages)
        if response_headers is not None:
            response_headers |= {VERSION_HEADER: self.version, "server-timing": stages.observe()}
        return v2_codec.answer(answer, payload, self.name) if isinstance(payload, InferRequest) else answer

    async def explain(self, payload, headers: dict | None = None) -> dict:
        """The same request, answered with the rationales nearest to each item's latent reasoning."""
        stages, asked = metrics.Stages(self.version), dict(headers or {})
        if headers is not None:
            headers.clear()  # KServe sends this very dict back as the answer's headers
        answer = await self._in_worker(self._explanations, payload, asked, stages)
        if headers is not None:
            headers |= {VERSION_HEADER: self.version, "server-timing": stages.observe()}
        return answer

    def get_input_types(self) -> list[dict]:
        """The tensors of a V2 request."""
        return v2_codec.INPUTS

    def get_output_types(self) -> list[dict]:
        """The tensors of its answer."""
        return v2_codec.OUTPUTS

    async def _in_worker(self, work: Callable, payload, headers: dict | None, stages: metrics.Stages) -> dict:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.workers, work, payload, headers or {}, current(), stages)
        except Refused as error:
            raise InvalidInput(str(error)) from error
        except Full as error:
            raise Busy(f"The request was not answered, for it cannot be recorded: {error}.") from error
        except Unavailable as error:
            raise Busy(f"The request was not answered: {error}.") from error

    def _predictions(self, payload, headers: dict, entry: dict, stages: metrics.Stages) -> dict:
        request, found, scores = self._score(payload, headers, entry, stages)
        order = sorted(range(len(found.items)), key=lambda n: -scores.scores[n])
        with stages("record"):
            places = enumerate(order[: request.shown])
            self._record(entry, exposures=[_exposure(entry, request, found, scores, place) for place in places])
        labels, names = scores.labels, self.scorer.labels
        predictions = [
            {
                "item_id": request.ids[n],
                "label": labels[n],
                "probabilities": dict(zip(names, scores.probabilities[n].tolist(), strict=True)),
                "score": float(scores.scores[n]),
                "position": position,
                "stale": found.stale[n],
                "missing": found.missing[n],
            }
            for position, n in enumerate(order, 1)
        ]
        return self._answer(entry, predictions=predictions, degraded=found.degraded)

    def _explanations(self, payload, headers: dict, entry: dict, stages: metrics.Stages) -> dict:
        request, found, scores = self._score(payload, headers, entry, stages)
        with stages("explain"):
            explanations = self.explainer(request.ids, scores, found.features)
        with stages("record"):
            self._record(entry)
        return self._answer(entry, explanations=explanations)

    def _answer(self, entry: dict, **said) -> dict:
        return said | {"version": self.version, "request_id": entry["request_id"]}

    def _score(self, payload, headers: dict, entry: dict, stages: metrics.Stages) -> tuple[Ranking, Found, Scores]:
        with stages("parse"):
            request = self._parse(payload, headers, entry)
        with stages("features"):
            found = self._find(request)
        entry["missing_features"] = sum(map(len, found.missing))
        self._count(found)
        pairs = [(request.query, item_text(row)) for row in found.items]
        return request, found, self.scorer(pairs, stages)

    def _parse(self, payload, headers: dict, entry: dict) -> Ranking:
        entry["version"] = self.version
        entry["experiment_id"] = _header(headers, "x-experiment-id")
        arm = _header(headers, "x-arm")
        if arm is not None and arm not in ARMS:
            raise Refused(f"the header x-arm is {arm!r}; give {' or '.join(ARMS)}")
        entry["assigned_arm"] = arm
        request = parse(v2_codec.body(payload) if isinstance(payload, InferRequest) else payload)
        entry["items"] = len(request.ids)
        entry["request_id"] = request.request_id or entry["request_id"]
        entry["user_hash"] = self.hash_user(request.user_id) if request.user_id else None
        return request

    def _find(self, request: Ranking) -> Found:
        if request.instances:
            return self.features.given(request.query, request.query_id, request.items)
        found = self.features.find(request.query, request.query_id, request.item_ids)
        if found.unknown:
            more = f" and {len(found.unknown) - 1} more" if len(found.unknown) > 1 else ""
            raise Refused(f"item_ids names an unknown item, {found.unknown[0]!r}{more}")
        return found

    def _count(self, found: Found) -> None:
        metrics.BATCH.labels(self.version).observe(len(found.items))
        metrics.AGE.labels(self.version).set(found.age_s)
        metrics.MISSING.labels(self.version).inc(sum(map(len, found.missing)))
        metrics.STALE.labels(self.version).inc(sum(found.stale))
        metrics.DEGRADED.labels(self.version).inc(found.degraded)

    def _record(self, entry: dict, **tables: list[dict]) -> None:
        latency_ms = 1000 * (time.time() - entry["time"].timestamp())
        record(self.recorder, entry, 200, latency_ms, **tables)


def _header(headers: dict, name: str) -> str | None:
    value = headers.get(name)
    if value is not None and len(value) > MAX_NAME:
        raise Refused(f"the header {name} has {len(value)} characters; at most {MAX_NAME} are taken")
    return value


def _exposure(entry: dict, request: Ranking, found: Found, scores: Scores, place: tuple[int, int]) -> dict:
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
        "item_id": request.ids[n],
        "position": rank + 1,
        "score": float(scores.scores[n]),
        "stale": found.stale[n],
    }
