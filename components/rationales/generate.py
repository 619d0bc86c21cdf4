"""Sampling of rationales: every pair x perspective x sample ends as a row or in quarantine with its reason.

Pairs are worked on bucket by bucket, so that memory does not grow with their number. Stored completions are not asked
for again: a restart goes on where it was, and a second night asks for new pairs alone. An unjudged pair is asked about
once: nobody can say which of its answers is right.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts, perspectives
from components.pair_selection import read_pairs, write_buckets
from components.rationales.engine import TOO_LONG, Completion, EngineConfig
from components.rationales.engines import start_sampler
from components.rationales.sampler import GenerateConfig, RationaleSampler, Request
from components.rationales.store import Store
from components.rationales.summary import Summary
from components.step_result import Progress, StepResult

ORDER = itemgetter("query_id", "item_id", "perspective", "sample")
QUARANTINE_REASONS = {"length": "cut off at max_new_tokens", TOO_LONG: "the prompt is too long"}


@dataclass
class Samples:
    """RATIONALES and QUARANTINE rows, and the number of requests that they answer."""

    rationales: list[dict] = field(default_factory=list)
    quarantine: list[dict] = field(default_factory=list)
    requests: int = 0

    def extend(self, other: "Samples") -> None:
        """Take up another's rows and requests."""
        self.rationales += other.rationales
        self.quarantine += other.quarantine
        self.requests += other.requests


def generate(
    tables: str | Path | Sequence[str | Path],
    model: str | Path,
    configs: tuple[GenerateConfig, EngineConfig],
    shard: str,
    out: tuple[Path, Path],
) -> StepResult:
    """Sample rationales of a shard's pairs, and write RATIONALES and QUARANTINE.

    `tables` are JUDGEMENTS, UNJUDGED or both. `shard` is I/N: of N workers, which all read the tables, this is number
    I, and takes each N-th bucket.

    Raises:
        ValueError: the judgements hold no pair of the split, or there is no such shard.
    """
    config, engine_config = configs
    with TemporaryDirectory() as folder:
        pairs = read_pairs([tables] if isinstance(tables, str | Path) else tables, config.split, config.pairs)
        buckets = shard_buckets(write_buckets(pairs, config.buckets, Path(folder)), shard)
        return write_rationales(buckets, start_sampler(model, config, engine_config), out)


def shard_buckets(buckets: Sequence[Path], shard: str) -> Sequence[Path]:
    """Return the buckets of one worker.

    Raises:
        ValueError: the shard is not I/N with I below N, or N is above the number of buckets.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", shard)
    number, count = map(int, match.groups()) if match else (1, 0)
    if not number < count <= len(buckets):
        raise ValueError(
            f"shard is {shard!r}; give I/N with I from 0 to N - 1, and N at most the {len(buckets)} buckets "
            "of the configuration"
        )
    return buckets[number::count]


def write_rationales(
    buckets: Sequence[Path],
    sampler: RationaleSampler,
    out: tuple[Path, Path],
    open_store: Callable[[str], Store] = Store,
) -> StepResult:
    """Sample bucket by bucket and write both tables, whole or not at all."""
    summary = Summary()
    counts = Counter(rows_in=0, rows_out=0, quarantined=0, generated=0)
    with (
        contracts.open_writer(contracts.RATIONALES, out[0]) as write_kept,
        contracts.open_writer(contracts.QUARANTINE, out[1]) as write_quarantined,
    ):
        for bucket in buckets:
            rows = [json.loads(line) for line in bucket.read_text().splitlines()]
            store = open_store(f"rationales/{sampler.digest[:16]}/{sampler.config.buckets}-{bucket.stem}")
            samples = sample_bucket(rows, sampler, store)
            counts["rows_in"] += samples.requests
            counts["rows_out"] += write_kept(samples.rationales)
            counts["quarantined"] += write_quarantined(samples.quarantine)
            counts["generated"] += store.stored_count
            summary.add(samples.rationales, samples.quarantine, rows)
    details = summary.details() | {"generated": counts.pop("generated"), "engine": sampler.engine.name}
    details["model"] = getattr(sampler.engine, "model_name", sampler.digest[:12])
    details |= {"used": dict(sampler.usage), "summary": summary.state()}
    return StepResult(**counts, headline=summary.headline(), details=details)


def sample_bucket(rows: Sequence[dict], sampler: RationaleSampler, store: Store) -> Samples:
    """Sample a bucket's pairs, and more often judged ones of which no rationale is right."""
    config = sampler.config
    judged_rows = [row for row in rows if row["label"] is not None]
    samples = complete_pairs(judged_rows, sampler, range(config.samples), store)
    for sample in range(config.samples, config.max_samples):
        samples.extend(complete_pairs(without_right(judged_rows, samples.rationales), sampler, [sample], store))
    samples.extend(complete_pairs([row for row in rows if row["label"] is None], sampler, [0], store))
    samples.rationales.sort(key=ORDER)
    return samples


def complete_pairs(rows: Sequence[dict], sampler: RationaleSampler, samples: Iterable[int], store: Store) -> Samples:
    """Complete every pair x perspective x sample.

    An answer that breaks the grammar is asked for again, up to the number of attempts.
    """
    requests = sampler.requests(rows, samples)
    unparsed_requests = requests
    completions: dict[str, Completion] = {}
    for attempt in range(sampler.config.attempts):
        names = {request.attempt_key(attempt): request for request in unparsed_requests}
        complete_missing(names, sampler, store)
        completions |= {request.key: store.completions[name] for name, request in names.items()}
        unparsed_requests = [
            request for request in unparsed_requests if perspectives.parse(completions[request.key].text) is None
        ]
    unparsed_keys = {request.key for request in unparsed_requests}
    parsed_requests = [request for request in requests if request.key not in unparsed_keys]
    return Samples(
        rationales=[rationale_row(request, completions[request.key], sampler.digest) for request in parsed_requests],
        quarantine=[quarantine_row(request, completions[request.key]) for request in unparsed_requests],
        requests=len(requests),
    )


def complete_missing(requests: dict[str, Request], sampler: RationaleSampler, store: Store) -> None:
    """Complete and store the requests that the store lacks, by key."""
    missing_keys = [name for name in requests if name not in store.completions]
    progress = Progress(len(missing_keys), "rationales")
    for first in range(0, len(missing_keys), sampler.config.shard_requests):
        keys = missing_keys[first : first + sampler.config.shard_requests]
        completions = sampler.complete([requests[key] for key in keys])
        store.add(dict(zip(keys, completions, strict=True)))
        progress.advance(len(keys))


def rationale_row(request: Request, completion: Completion, digest: str) -> dict:
    """Return the RATIONALES row of a completion that keeps the grammar."""
    perspective, text, predicted_label = perspectives.parse(completion.text)
    return {
        **{name: request.row[name] for name in ("query_id", "item_id", "label")},
        "perspective": perspective,
        "sample": request.sample,
        "text": text,
        "predicted_label": predicted_label,
        "label_probabilities": completion.label_probabilities,
        "prompt_version": perspectives.VERSION,
        "model_digest": digest,
        "key": request.key,
        **{name: getattr(completion, name) for name in ("tokens_in", "tokens_out", "finish_reason")},
    }


def quarantine_row(request: Request, completion: Completion) -> dict:
    """Return the QUARANTINE row of a completion that breaks the grammar."""
    return {
        **{name: request.row[name] for name in ("query_id", "item_id", "label")},
        **{name: getattr(request, name) for name in ("perspective", "sample", "key")},
        "text": completion.text,
        "reason": QUARANTINE_REASONS.get(completion.finish_reason, "does not keep the grammar"),
    }


def without_right(rows: Iterable[dict], rationales: Iterable[dict]) -> list[dict]:
    """Return the pairs none of whose rationales ends in the judged label."""
    right = {(row["query_id"], row["item_id"]) for row in rationales if row["predicted_label"] == row["label"]}
    return [row for row in rows if (row["query_id"], row["item_id"]) not in right]
