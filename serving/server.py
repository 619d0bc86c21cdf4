"""The relevance model behind KServe's protocols: checks the request, looks features up, scores, records, answers.

HTTP and gRPC only: the scoring is components.scoring.scorer. What a page shows is recorded before it is sent.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from kserve import InferRequest, Model
from kserve.errors import InvalidInput, ServerNotReady

from components.experiment.assignment import ARMS, INTERLEAVE
from components.scoring.scores import Scores
from serving import metrics, page, v2_codec
from serving.feature_lookup import FeatureLookup, Unavailable
from serving.feature_source import look_up
from serving.features import OnlineFeatures
from serving.page import ScoredItems
from serving.recorder import Recorder
from serving.request_log import FALLBACK, VERSION_HEADER, RequestEntry, current_entry, write_entry
from serving.request_schemas import MAX_NAME, InvalidRequest, Ranking, parse
from serving.spool_limits import SpoolFull


class Busy(ServerNotReady):
    """The request was not answered, and may be sent again later."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason  # KServe's REST server reads this
        self.error_msg = reason  # and its gRPC server this


@dataclass(frozen=True)
class Call:
    """One request on its way through the model."""

    payload: object  # bytes, dict or InferRequest
    headers: dict
    entry: RequestEntry
    stages: metrics.Stages


class RelevanceModel(Model):
    """A model that ranks items for a query, built from plain callables."""

    def __init__(
        self,
        scorer: Callable,
        features: OnlineFeatures,
        explainer: Callable,
        recorder: Recorder,
        hash_user: Callable[[str], bytes],
    ):
        super().__init__("relevance", return_response_headers=True)
        self.scorer = scorer
        self.version = scorer.version
        self.features = features
        self.explainer = explainer
        self.recorder = recorder
        self.hash_user = hash_user
        self.workers = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="score")
        self.ready = True

    async def predict(self, payload, headers: dict | None = None, response_headers: dict | None = None):
        """Return predictions in rank order, as tensors where the request was tensors."""
        call = Call(payload, headers or {}, current_entry(), metrics.Stages(self.version))
        answer = await self._run_in_worker(self._predict, call)
        if response_headers is not None:
            response_headers |= {VERSION_HEADER: self.version, "server-timing": call.stages.observe()}
        if isinstance(payload, InferRequest):
            return v2_codec.encode_response(answer, payload, self.name)
        return answer

    async def explain(self, payload, headers: dict | None = None) -> dict:
        """Answer the same request with the rationales nearest to each item's latent reasoning."""
        call = Call(payload, dict(headers or {}), current_entry(), metrics.Stages(self.version))
        if headers is not None:
            headers.clear()  # KServe sends this very dict back as the answer's headers
        answer = await self._run_in_worker(self._explain, call)
        if headers is not None:
            headers |= {VERSION_HEADER: self.version, "server-timing": call.stages.observe()}
        return answer

    async def score_texts(self, query: str, texts: list[str]) -> Scores:
        """Score texts for a query.

        Who asks has looked them up, and records what it shows.
        """
        stages = metrics.Stages(self.version)
        pairs = [(query, text) for text in texts]
        scores = await asyncio.get_running_loop().run_in_executor(self.workers, self.scorer, pairs, stages)
        stages.observe()
        metrics.BATCH.labels(self.version).observe(len(texts))
        return scores

    def get_input_types(self) -> list[dict]:
        """Return the tensors of a V2 request."""
        return v2_codec.INPUTS

    def get_output_types(self) -> list[dict]:
        """Return the tensors of a V2 answer."""
        return v2_codec.OUTPUTS

    async def _run_in_worker(self, work: Callable[[Call], dict], call: Call) -> dict:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.workers, work, call)
        except InvalidRequest as error:
            raise InvalidInput(str(error)) from error
        except SpoolFull as error:
            raise Busy(f"The request was not answered, for it cannot be recorded: {error}.") from error
        except Unavailable as error:
            raise Busy(f"The request was not answered: {error}.") from error

    def _predict(self, call: Call) -> dict:
        result = self._score(call)
        order = page.rank(result.scores)
        with call.stages("record"):
            self._record(call.entry, exposures=page.exposures(call.entry, result, order))
        predictions = page.predictions(result, order)
        return self._complete(call, predictions=predictions, degraded=result.features.is_degraded)

    def _explain(self, call: Call) -> dict:
        result = self._score(call)
        with call.stages("explain"):
            explanations = self.explainer(result.ranking.ids, result.scores, result.features.features)
        with call.stages("record"):
            self._record(call.entry)
        return self._complete(call, explanations=explanations)

    def _complete(self, call: Call, **answer) -> dict:
        return answer | {"version": self.version, "request_id": call.entry.request_id}

    def _score(self, call: Call) -> ScoredItems:
        with call.stages("parse"):
            ranking = self._parse(call)
        with call.stages("features"):
            features = look_up(self.features, ranking)
        call.entry.missing_features = sum(map(len, features.missing))
        self._count(features)
        pairs = [(ranking.query, text) for text in features.texts]
        return ScoredItems(ranking, features, self.scorer(pairs, call.stages))

    def _parse(self, call: Call) -> Ranking:
        entry = call.entry
        entry.version = self.version
        entry.experiment_id = _read_header(call.headers, "x-experiment-id")
        arm = _read_arm(call.headers)
        entry.assigned_arm = None if arm == INTERLEAVE else arm
        entry.page_kind = FALLBACK if arm == INTERLEAVE else None  # no interleaver answered
        is_tensors = isinstance(call.payload, InferRequest)
        ranking = parse(v2_codec.decode_request(call.payload) if is_tensors else call.payload)
        entry.items = len(ranking.ids)
        entry.request_id = ranking.request_id or entry.request_id
        entry.user_hash = self.hash_user(ranking.user_id) if ranking.user_id else None
        return ranking

    def _count(self, features: FeatureLookup) -> None:
        metrics.BATCH.labels(self.version).observe(len(features.items))
        metrics.AGE.labels(self.version).set(features.age_s)
        metrics.MISSING.labels(self.version).inc(sum(map(len, features.missing)))
        metrics.STALE.labels(self.version).inc(sum(features.stale))
        metrics.DEGRADED.labels(self.version).inc(features.is_degraded)

    def _record(self, entry: RequestEntry, **tables: list[dict]) -> None:
        latency_ms = 1000 * (time.time() - entry.time.timestamp())
        write_entry(self.recorder, entry, 200, latency_ms, **tables)


def _read_header(headers: dict, name: str) -> str | None:
    value = headers.get(name)
    if value is not None and len(value) > MAX_NAME:
        raise InvalidRequest(f"the header {name} has {len(value)} characters; at most {MAX_NAME} are taken")
    return value


def _read_arm(headers: dict) -> str | None:
    arm = _read_header(headers, "x-arm")
    if arm is not None and arm not in (*ARMS, INTERLEAVE):
        raise InvalidRequest(f"the header x-arm is {arm!r}; give {' or '.join(ARMS)}")
    return arm
