"""A labeller behind OpenAI's API: any server's chat model, asked for each pair from every perspective.

It gets the very prompts with which the product samples rationales, and its answers are read by the same grammar.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from components.contracts import LABELS
from components.label_shares import listed_label_shares
from components.perspectives import Perspective, parse, sampling_prompt
from components.step_result import Progress
from components.teacher.compare import majority_label
from components.teacher.endpoint_errors import explain_failure
from components.teacher.labeller import LabellerAnswer, Pair, mean_probability

TRIES = 4  # the client waits longer before each
TIMEOUT_S = 120.0
SHOTS = 4  # worked examples, one of each label
TOP_LOGPROBS = 5  # which every known server gives
NAMED_MODELS = 10  # of a server that has many


@dataclass(frozen=True)
class EndpointOptions:
    """Which server and model is asked, and how."""

    endpoint: str  # as https://host/v1
    api_key: str = field(repr=False)
    model: str = ""  # "" takes the first that the server names
    perspectives: tuple[Perspective, ...] = ()
    concurrency: int = 8  # requests under way at once
    max_tokens: int = 256  # of an answer
    limit_name: str = "max_tokens"  # how the server calls that limit
    has_logprobs: bool = True


@dataclass(frozen=True)
class Vote:
    """One answer's label, None where it breaks the form, and the labels' probabilities."""

    label: str | None
    probabilities: tuple[float, ...] | None


class EndpointLabeller:
    """Asks a server about pairs, and counts requests, tokens and seconds in `usage`."""

    def __init__(self, options: EndpointOptions):
        self.options = options
        self.usage: Counter = Counter(dict.fromkeys(("requests", "tokens_in", "tokens_out", "seconds"), 0))
        self.client_options = {
            "base_url": options.endpoint,
            "api_key": options.api_key or "none",
            "max_retries": TRIES,
            "timeout": TIMEOUT_S,
        }

    def choose_model(self) -> str:
        """Return the model that is named, or else the only one that the server has.

        Raises:
            ValueError: the server cannot be asked, or has none or several.
        """
        from openai import OpenAI, OpenAIError

        if self.options.model:
            return self.options.model
        try:
            with OpenAI(**self.client_options) as client:
                models = [entry.id for entry in client.models.list()]
        except (OpenAIError, AttributeError) as error:  # a page of another kind has no models
            raise explain_failure(error, self.options.endpoint) from None
        if len(models) != 1:
            names = ", ".join(sorted(models)[:NAMED_MODELS]) or "none"
            raise ValueError(f"{self.options.endpoint} has {len(models)} models ({names}): name one by --model")
        return models[0]

    def label(self, rows: Sequence[dict], model: str, progress: Progress) -> dict[Pair, LabellerAnswer]:
        """Return the majority answer of the perspectives to each judged pair.

        Raises:
            ValueError: the server failed, with the remedy.
        """
        from openai import OpenAIError

        views = self.options.perspectives
        prompts = [(row, view) for row in rows for view in views]
        start = time.monotonic()
        try:
            votes = asyncio.run(self._ask_all(prompts, model, progress))
        except (OpenAIError, AttributeError) as error:
            raise explain_failure(error, self.options.endpoint) from None
        self.usage["seconds"] += time.monotonic() - start
        answers = {}
        for number, row in enumerate(rows):
            row_votes = votes[number * len(views) : (number + 1) * len(views)]
            answers[row["query_id"], row["item_id"]] = merge_votes(row["label"], row_votes)
        return answers

    async def _ask_all(self, prompts: Sequence[tuple], model: str, progress: Progress) -> list[Vote]:
        """Ask all prompts, so many at once.

        The first failure ends the rest, which would cost for nothing.
        """
        from openai import AsyncOpenAI

        gate = asyncio.Semaphore(self.options.concurrency)
        async with AsyncOpenAI(**self.client_options) as client:

            async def ask(row: Mapping, perspective: Perspective) -> Vote:
                async with gate:
                    vote = await self._ask(client.chat.completions.create, model, row, perspective)
                progress.advance()
                return vote

            tasks = [asyncio.ensure_future(ask(*prompt)) for prompt in prompts]
            try:
                return await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()

    async def _ask(self, create: Callable, model: str, row: Mapping, perspective: Perspective) -> Vote:
        options = {self.options.limit_name: self.options.max_tokens}
        if self.options.has_logprobs:
            options |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        messages = sampling_prompt(perspective, row, SHOTS)
        response = await create(model=model, messages=messages, temperature=0.0, **options)
        choice = response.choices[0]
        self.usage["requests"] += 1
        if response.usage:
            self.usage.update(tokens_in=response.usage.prompt_tokens, tokens_out=response.usage.completion_tokens)
        tokens = choice.logprobs.content if choice.logprobs else None
        return Vote(read_label(choice.message.content or "", perspective), label_probabilities(tokens or ()))


def read_label(text: str, perspective: Perspective) -> str | None:
    """Return the label of an answer that keeps the grammar, or None.

    The perspective's tag may miss: a chat cannot be made to begin with it.
    """
    text = text.strip()
    answer = parse(text) or parse(f"{perspective.tag} {text}")
    return answer[2] if answer else None


def label_probabilities(tokens: Sequence) -> tuple[float, ...] | None:
    """Return p(label) in LABELS order at the last token that begins a label, or None."""
    starts = [entry for entry in tokens if entry.top_logprobs and begun_label(entry.token)]
    if not starts:
        return None
    logprobs = {}
    for candidate in starts[-1].top_logprobs:  # the likeliest first
        logprobs.setdefault(begun_label(candidate.token), candidate.logprob)
    return listed_label_shares(LABELS, logprobs)


def begun_label(token: str) -> str | None:
    """Return the label that a token begins, or None."""
    text = token.strip()
    return next((label for label in LABELS if text and label.startswith(text)), None)


def merge_votes(label: str, votes: Sequence[Vote]) -> LabellerAnswer:
    """Return the majority label of the perspectives, with its mean probability."""
    majority = majority_label(Counter(vote.label for vote in votes if vote.label))
    probabilities = [vote.probabilities for vote in votes if vote.probabilities]
    if majority is None or not probabilities:
        return LabellerAnswer(label, majority)
    return LabellerAnswer(label, majority, mean_probability(probabilities, majority))
