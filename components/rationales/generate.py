"""Sample rationales: every pair x perspective x sample ends as a row or in quarantine with its reason.

Pairs are worked on bucket by bucket, so that memory does not grow with their number. What the store knows is not asked
again: a restart goes on where it was, and a second night asks for what is new.
"""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts
from components.config import JsonConfig
from components.pretrained import model_digest
from components.rationales import perspectives
from components.rationales.choose import divided, pairs_of
from components.rationales.engine import Completion, Engine, EngineConfig
from components.rationales.engines import start
from components.rationales.store import Store
from components.rationales.summary import Summary
from components.step_result import Progress
from components.teacher_prompt import capped, unified_prompt

ORDER = itemgetter("query_id", "item_id", "perspective", "sample")
NOT_ASKED = "the prompt is too long"


@dataclass(frozen=True)
class GenerateConfig(JsonConfig):
    """How many rationales are asked for, and how. The paper asks every pair, and draws up to five where none is right.

    Of the train split pairs are taken equally of each label, of another (to be judged on) one of each query in turn.
    `prompt` is few_shot (a perspective's instruction and worked examples), tag (the teacher's own prompt, the
    perspective forced by its tag) or free (one rationale, the perspective is the teacher's choice).
    """

    split: str = "train"
    pairs: int = 0  # 0 takes all
    samples: int = 1  # a perspective
    max_samples: int = 5  # up to so many where no sample of the pair is right (pass@k)
    attempts: int = 2  # at a sample, until one keeps the grammar
    prompt: str = "few_shot"
    shots: int = 2
    shard_requests: int = 256  # are stored at once
    buckets: int = 1  # pairs are divided into so many; another number is another store


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

    def name(self, attempt: int) -> str:
        """What an attempt is stored under."""
        return f"{self.key}/{attempt}" if attempt else self.key


def generate(
    judgements: str | Path,
    model: str | Path,
    config: GenerateConfig,
    engine_config: EngineConfig,
    shard: str,
    out: tuple[Path, Path],
) -> dict:
    """Ask a model for rationales of a shard's pairs; write RATIONALES and QUARANTINE to `out`; return the counts.

    `shard` is I/N: of N workers, which all know the judgements, this is number I, and works on each N-th bucket.

    Raises:
        ValueError: the judgements hold no pair of the split, or there is no such shard.
    """
    with TemporaryDirectory() as folder:
        pairs = pairs_of(contracts.read_batches(contracts.JUDGEMENTS, judgements), config.split, config.pairs)
        buckets = own_buckets(divided(pairs, config.buckets, Path(folder)), shard)
        asking = Asking(start(model, engine_config), model_digest(model), engine_config, config)
        return {"engine": asking.engine.name} | write_rationales(buckets, asking, out)


def own_buckets(buckets: Sequence[Path], shard: str) -> Sequence[Path]:
    """The buckets of one worker; those of all workers together are each bucket once.

    Raises:
        ValueError: the shard is not I/N with I below N, or N is above the number of buckets.
    """
    said = re.fullmatch(r"(\d+)/(\d+)", shard)
    number, count = map(int, said.groups()) if said else (1, 0)
    if not number < count <= len(buckets):
        raise ValueError(
            f"shard is {shard!r}; give I/N with I from 0 to N - 1, and N at most the {len(buckets)} buckets "
            "of the configuration"
        )
    return buckets[number::count]


def write_rationales(
    buckets: Sequence[Path], asking: "Asking", out: tuple[Path, Path], store_at: Callable[[str], Store] = Store
) -> dict:
    """Work on one bucket after the other, and write both tables; either appears whole or not at all."""
    summary, counts = Summary(), Counter(rows_in=0, rows_out=0, set_aside=0, generated=0)
    with (
        contracts.open_writer(contracts.RATIONALES, out[0]) as keep,
        contracts.open_writer(contracts.QUARANTINE, out[1]) as set_aside,
    ):
        for bucket in buckets:
            rows = [json.loads(line) for line in bucket.read_text().splitlines()]
            store = store_at(f"rationales/{asking.digest[:16]}/{asking.config.buckets}-{bucket.stem}")
            kept, quarantined, asked = sampled(rows, asking, store)
            counts.update(rows_in=asked, rows_out=keep(kept), set_aside=set_aside(quarantined), generated=store.told)
            summary.add(kept, quarantined, rows)
    return counts | summary.facts() | {"used": dict(asking.used), "summary": summary.state()}


class Asking:
    """Turns pairs into requests; a key is made of prompt, perspective, sample, sampling parameters and model digest."""

    def __init__(self, engine: Engine, digest: str, engine_config: EngineConfig, config: GenerateConfig):
        self.engine, self.digest, self.config = engine, digest, config
        sampling = asdict(engine_config)
        for name in ("engine", "batch_size", "max_length"):  # these do not change what is asked
            del sampling[name]
        self.sampling = json.dumps(sampling, sort_keys=True)
        self.used = Counter(dict.fromkeys(("requests", "tokens_in", "tokens_out", "seconds"), 0))

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """What the engine answers, in order; what that took is added up in `used`."""
        began = time.monotonic()
        told = self.engine.complete([request.text for request in requests], [request.opening for request in requests])
        self.used.update(requests=len(told), seconds=round(time.monotonic() - began, 3))
        self.used.update({name: sum(getattr(one, name) for one in told) for name in ("tokens_in", "tokens_out")})
        return told

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
        few_shot, shown = self.config.prompt == "few_shot", capped(row, self.engine.tokenizer)
        messages = (
            perspectives.sampling_prompt(perspective, shown, self.config.shots) if few_shot else unified_prompt(shown)
        )
        text = self.engine.render(messages) + (perspective.tag if perspective else "")
        name = perspective.name if perspective else ""
        named = "\0".join((text, name, str(sample), self.sampling, self.digest))
        return Request(row, name, sample, text, hashlib.sha256(named.encode()).hexdigest())


def sampled(rows: Sequence[dict], asking: Asking, store: Store) -> tuple[list[dict], list[dict], int]:
    """A bucket's rationales, its quarantined, and how many were asked; more samples where none of a pair is right."""
    kept, quarantined, asked = answered(rows, asking, range(asking.config.samples), store)
    for sample in range(asking.config.samples, asking.config.max_samples):
        more = answered(without_right(rows, kept), asking, [sample], store)
        kept, quarantined, asked = kept + more[0], quarantined + more[1], asked + more[2]
    return sorted(kept, key=ORDER), quarantined, asked


def answered(
    rows: Sequence[dict], asking: Asking, samples: Iterable[int], store: Store
) -> tuple[list[dict], list[dict], int]:
    """Ask for every pair x perspective x sample; the rationales, the quarantined, and how many were asked."""
    requests = asking.requests(rows, samples)
    broken, last = requests, {}
    for attempt in range(asking.config.attempts):
        complete({request.name(attempt): request for request in broken}, asking, store)
        last |= {request.key: store.known[request.name(attempt)] for request in broken}
        broken = [request for request in broken if perspectives.parse(last[request.key].text) is None]
    lost = {request.key for request in broken}
    kept = [rationale(request, last[request.key], asking.digest) for request in requests if request.key not in lost]
    return kept, [refused(request, last[request.key]) for request in broken], len(requests)


def complete(requests: dict[str, Request], asking: Asking, store: Store) -> None:
    """See that the store knows every named request; pairs that read alike share a name, which is asked once."""
    wanted = [name for name in requests if name not in store.known]
    progress = Progress(len(wanted), "rationales")
    for first in range(0, len(wanted), asking.config.shard_requests):
        names = wanted[first : first + asking.config.shard_requests]
        shard = [requests[name] for name in names]
        store.add(dict(zip(names, asking.complete(shard), strict=True)))
        progress.advance(len(shard))


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
    reasons = {"length": "cut off at max_new_tokens", "too long": NOT_ASKED}
    return {
        **{name: request.row[name] for name in ("query_id", "item_id", "label")},
        **{name: getattr(request, name) for name in ("perspective", "sample", "key")},
        "text": completion.text,
        "reason": reasons.get(completion.finish_reason, "does not keep the grammar"),
    }


def without_right(rows: Iterable[dict], rationales: Iterable[dict]) -> list[dict]:
    """The pairs none of whose rationales ends in the judged label."""
    right = {(r["query_id"], r["item_id"]) for r in rationales if r["predicted_label"] == r["label"]}
    return [row for row in rows if (row["query_id"], row["item_id"]) not in right]
