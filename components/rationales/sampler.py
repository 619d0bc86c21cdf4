"""Requests for rationales, their keys, and the engine that completes them."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from components.config import JsonConfig
from components.perspectives import PERSPECTIVES, Perspective, sampling_prompt
from components.rationales.engine import Completion, Engine, EngineConfig
from components.sampling import hash_digest
from components.teacher_prompt import cap_fields, unified_prompt

NOT_IN_KEY = ("engine", "batch_size")  # the engine that runs is named, for "auto" names none


@dataclass(frozen=True)
class GenerateConfig(JsonConfig):
    """How many rationales are sampled, and how.

    The paper draws up to five where none is right. Of the train split pairs are taken equally of each label, of another
    (to be judged on) one of each query in turn. `prompt` is few_shot (a perspective's instruction and worked examples),
    tag (the teacher's own prompt, the perspective forced by its tag) or free (one rationale, the perspective is the
    teacher's choice).
    """

    split: str = "train"
    pairs: int = 0  # 0 takes all
    samples: int = 1  # a perspective
    max_samples: int = 5  # up to so many where no sample of the pair is right (pass@k)
    attempts: int = 2  # at a sample, until one keeps the grammar
    prompt: str = "few_shot"
    shots: int = 4  # worked examples, one of each label
    shard_requests: int = 256  # are stored at once
    buckets: int = 1  # pairs are divided into so many; another number is another store


@dataclass(frozen=True)
class Request:
    """One rationale to sample, with the key that stores it."""

    row: dict
    perspective: str  # "" leaves the choice to the teacher
    sample: int
    text: str  # the rendered prompt
    key: str

    @property
    def forced_prefix(self) -> str:
        """Return the text that the answer is forced to begin with."""
        return f"<{self.perspective}>" if self.perspective else ""

    def attempt_key(self, attempt: int) -> str:
        """Return the key that stores one attempt."""
        return f"{self.key}/{attempt}" if attempt else self.key


class RationaleSampler:
    """Turns pairs into requests and completes them with an engine.

    A key covers all that can change a rationale's text: prompt, perspective, sample index, sampling parameters, engine
    family and model digest.
    """

    def __init__(self, engine: Engine, digest: str, engine_config: EngineConfig, config: GenerateConfig):
        self.engine = engine
        self.digest = digest
        self.config = config
        parameters = {name: value for name, value in asdict(engine_config).items() if name not in NOT_IN_KEY}
        self.parameters = json.dumps(parameters | {"engine": engine.name}, sort_keys=True)
        self.usage = Counter(dict.fromkeys(("requests", "tokens_in", "tokens_out", "seconds"), 0))

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return the engine's answers in order, and add up their cost in `usage`."""
        start = time.monotonic()
        texts = [request.text for request in requests]
        prefixes = [request.forced_prefix for request in requests]
        completions = self.engine.complete(texts, prefixes)
        self.usage.update(requests=len(completions), seconds=round(time.monotonic() - start, 3))
        for completion in completions:
            self.usage.update(tokens_in=completion.tokens_in, tokens_out=completion.tokens_out)
        return completions

    def requests(self, rows: Sequence[dict], samples: Iterable[int]) -> list[Request]:
        """Return every request of the pairs, sorted so that shared beginnings are cached."""
        requests = []
        for sample in samples:
            for row in rows:
                requests += [self.request(row, perspective, sample) for perspective in self.perspectives]
        return sorted(requests, key=lambda request: request.text)

    @property
    def perspectives(self) -> tuple[Perspective | None, ...]:
        """Return the perspectives of each pair, where None leaves the choice to the teacher."""
        return (None,) if self.config.prompt == "free" else PERSPECTIVES

    def request(self, row: dict, perspective: Perspective | None, sample: int) -> Request:
        """Render and name one request: few_shot instructs by perspective, the others ask as in training."""
        capped_row = cap_fields(row, self.engine.tokenizer)
        if self.config.prompt == "few_shot":
            messages = sampling_prompt(perspective, capped_row, self.config.shots)
        else:
            messages = unified_prompt(capped_row)
        text = self.engine.render(messages) + (perspective.tag if perspective else "")
        name = perspective.name if perspective else ""
        identity = "\0".join((text, name, str(sample), self.parameters, self.digest))
        return Request(row, name, sample, text, hash_digest(identity).hex())
