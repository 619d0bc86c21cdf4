"""Engines without a model: one that only renders, and one that answers from a list."""

import re

from components.rationales.engine import Completion, EngineConfig
from components.rationales.generate import Samples, sample_bucket
from components.rationales.sampler import GenerateConfig, RationaleSampler
from components.rationales.store import Store

RIGHT = " It fits the query.\nLabel: Exact"


class EchoEngine:
    """Renders a conversation as its messages in order; its tokens are words."""

    name = "echo"

    def tokenizer(self, text, **_):
        return {"offset_mapping": [word.span() for word in re.finditer(r"\S+", text)]}

    def render(self, messages):
        return "\n".join(message["content"] for message in messages)


class ListEngine(EchoEngine):
    """Answers from a list, in turn, then rightly; keeps the prompts."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.prompts = []

    def complete(self, texts, forced_prefixes):
        self.prompts += texts
        answers = [self.answers.pop(0) if self.answers else RIGHT for _ in texts]
        pairs = zip(forced_prefixes, answers, strict=True)
        return [Completion(f"{prefix}{text}", 9, 5, "stop", None) for prefix, text in pairs]


def memory_store(objects: dict) -> Store:
    """Return a store in a dictionary."""
    return Store("s", objects.get, lambda name, content: objects.setdefault(name, content) is content)


def sample(engine, rows: list[dict], objects: dict, **config) -> Samples:
    """Sample a bucket with the teacher's own prompt."""
    sampler = RationaleSampler(engine, "m1", EngineConfig(), GenerateConfig(prompt="tag", **config))
    return sample_bucket(rows, sampler, memory_store(objects))
