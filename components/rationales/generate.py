"""Sample rationales: every pair x perspective x sample ends as a row or in quarantine with its reason.

Completions are stored on S3 in shards named by what was asked; a restart reads the finished ones and asks for the rest.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components import contracts, storage
from components.base_models import model_digest
from components.config import JsonConfig
from components.facts import Progress
from components.rationales import perspectives
from components.rationales.choose import choose_pairs
from components.rationales.engine import Completion, Engine, EngineConfig, start
from components.rationales.summary import summary
from components.teacher_prompt import unified_prompt

ORDER = itemgetter("query_id", "item_id", "perspective", "sample")


@dataclass(frozen=True)
class GenerateConfig(JsonConfig):
    """How many rationales are asked for, and how. The paper asks every pair, and draws up to five where none is right.

    `prompt` is few_shot (a perspective's instruction and worked examples), tag (the teacher's own prompt, the
    perspective forced by its tag) or free (one rationale, the perspective is the teacher's choice).
    """

    pairs: int = 0  # judged train pairs, equally of each label; 0 takes all
    samples: int = 1  # a perspective
    max_samples: int = 5  # up to so many where no sample of the pair is right (pass@k)
    prompt: str = "few_shot"
    shots: int = 2
    shard_requests: int = 256


@dataclass(frozen=True)
class Request:
    """One rationale asked for: of which pair, seen how, and under which key it is stored."""

    row: dict
    perspective: str  # "" leaves the choice to the teacher
    sample: int
    text: str  # the rendered prompt
    key: str

    @property
    def opening(self) -> str:
        """What the answer is made to begin with."""
        return f"<{self.perspective}>" if self.perspective else ""


def generate(
    judgements: str | Path,
    model: str | Path,
    config: GenerateConfig,
    engine_config: EngineConfig,
    out: tuple[Path, Path],
) -> dict:
    """Sample rationales of train pairs with a model; write RATIONALES and QUARANTINE to `out`; return the counts.

    Raises:
        ValueError: the judgements hold no train pair.
    """
    chosen = choose_pairs(contracts.read_batches(contracts.JUDGEMENTS, judgements), config.pairs)
    engine = start(model, engine_config)
    asking = Asking(engine, model_digest(model), engine_config, config)
    kept, quarantined, asked = answered(chosen, asking, range(config.samples))
    for sample in range(config.samples, config.max_samples):
        more = answered(without_right(chosen, kept), asking, [sample])
        kept, quarantined, asked = kept + more[0], quarantined + more[1], asked + more[2]
    contracts.write(sorted(kept, key=ORDER), contracts.RATIONALES, out[0])
    contracts.write(quarantined, contracts.QUARANTINE, out[1])
    counts = {"rows_in": asked, "rows_out": len(kept), "set_aside": len(quarantined), "pairs": len(chosen)}
    return counts | {"engine": engine.name} | summary(sorted(kept, key=ORDER), chosen)


class Asking:
    """Turns pairs into requests; a key is made of prompt, perspective, sample, sampling parameters and model digest."""

    def __init__(self, engine: Engine, digest: str, engine_config: EngineConfig, config: GenerateConfig):
        self.engine, self.digest, self.config = engine, digest, config
        sampling = asdict(engine_config)
        for name in ("engine", "batch_size", "max_length"):  # these do not change what is asked
            del sampling[name]
        self.sampling = json.dumps(sampling, sort_keys=True)

    def requests(self, rows: Sequence[dict], samples: Iterable[int]) -> list[Request]:
        """Every request of the pairs, by text, so that prompts which begin alike come in one run and share a cache."""
        asked = [self.request(row, side, sample) for sample in samples for row in rows for side in self.sides]
        return sorted(asked, key=lambda request: request.text)

    @property
    def sides(self) -> tuple[perspectives.Perspective | None, ...]:
        """What each pair is asked for; None leaves the choice to the teacher."""
        return (None,) if self.config.prompt == "free" else perspectives.PERSPECTIVES

    def request(self, row: dict, perspective: perspectives.Perspective | None, sample: int) -> Request:
        """One request, rendered and named: few_shot instructs by perspective, the others ask as in training."""
        few_shot = self.config.prompt == "few_shot"
        messages = (
            perspectives.sampling_prompt(perspective, row, self.config.shots) if few_shot else unified_prompt(row)
        )
        text = self.engine.render(messages) + (perspective.tag if perspective else "")
        name = perspective.name if perspective else ""
        named = "\0".join((text, name, str(sample), self.sampling, self.digest))
        return Request(row, name, sample, text, hashlib.sha256(named.encode()).hexdigest())


def answered(rows: Sequence[dict], asking: Asking, samples: Iterable[int]) -> tuple[list[dict], list[dict], int]:
    """Ask for every pair x perspective x sample; the rationales, the quarantined, and how many were asked."""
    requests = asking.requests(rows, samples)
    told = all_completed(requests, asking)
    kept, quarantined = [], []
    for request in requests:
        if perspectives.parse(told[request.key].text):
            kept.append(rationale(request, told[request.key], asking.digest))
        else:
            quarantined.append(refused(request, told[request.key]))
    return kept, quarantined, len(requests)


def all_completed(requests: Sequence[Request], asking: Asking) -> dict[str, Completion]:
    """The completion of every key, shard by shard; pairs that read alike share a key, which is asked once."""
    unique = list({request.key: request for request in requests}.values())
    progress = Progress(len(unique), "rationales")
    told = {}
    for first in range(0, len(unique), asking.config.shard_requests):
        shard = unique[first : first + asking.config.shard_requests]
        answers = completed(shard, asking.engine)
        told |= {request.key: answer for request, answer in zip(shard, answers, strict=True)}
        progress.advance(len(shard))
    return told


def completed(shard: Sequence[Request], engine: Engine) -> list[Completion]:
    """The shard's completions: those stored under its name, or new ones, then stored whole."""
    name = f"rationales/{hashlib.sha256(''.join(request.key for request in shard).encode()).hexdigest()}.parquet"
    stored = storage.get_bytes(name)
    if stored is not None:
        rows = pq.read_table(io.BytesIO(stored), schema=contracts.COMPLETIONS).to_pylist()
        return [Completion(**{field: row[field] for field in Completion.__dataclass_fields__}) for row in rows]
    completions = engine.complete([request.text for request in shard], [request.opening for request in shard])
    rows = [{"key": request.key} | asdict(completion) for request, completion in zip(shard, completions, strict=True)]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=contracts.COMPLETIONS), buffer, compression="zstd")
    storage.put_bytes(name, buffer.getvalue())
    return completions


def rationale(request: Request, completion: Completion, digest: str) -> dict:
    """The RATIONALES row of a completion that keeps the grammar."""
    perspective, text, predicted = perspectives.parse(completion.text)
    return {
        **{name: request.row[name] for name in ("query_id", "item_id", "label")},
        "perspective": perspective,
        "sample": request.sample,
        "text": text,
        "predicted_label": predicted,
        "label_probabilities": completion.label_probabilities,
        "prompt_version": perspectives.VERSION,
        "model_digest": digest,
        "key": request.key,
        **{name: getattr(completion, name) for name in ("tokens_in", "tokens_out", "finish_reason")},
    }


def refused(request: Request, completion: Completion) -> dict:
    """The QUARANTINE row of a completion that does not."""
    cut_off = completion.finish_reason == "length"
    return {
        **{name: request.row[name] for name in ("query_id", "item_id")},
        **{name: getattr(request, name) for name in ("perspective", "sample", "key")},
        "text": completion.text,
        "reason": "cut off at max_new_tokens" if cut_off else "does not keep the grammar",
    }


def without_right(rows: Iterable[dict], rationales: Iterable[dict]) -> list[dict]:
    """The pairs none of whose rationales ends in the judged label."""
    right = {(r["query_id"], r["item_id"]) for r in rationales if r["predicted_label"] == r["label"]}
    return [row for row in rows if (row["query_id"], row["item_id"]) not in right]
