"""A labeller behind OpenAI's API: any server's chat model, asked for each pair from every perspective.

It gets the very prompts with which the product samples rationales, and its answers are read by the same grammar.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from components.chat_client import ChatAnswer, ChatClient, ChatOptions
from components.contracts import LABELS
from components.label_shares import listed_label_shares
from components.perspectives import Perspective, parse, sampling_prompt
from components.step_result import Progress
from components.teacher.compare import majority_label
from components.teacher.labeller import LabellerAnswer, Pair, mean_probability

SHOTS = 4  # worked examples, one of each label


@dataclass(frozen=True)
class Vote:
    """One answer's label, None where it breaks the form, and the labels' probabilities."""

    label: str | None
    probabilities: tuple[float, ...] | None


class EndpointLabeller:
    """Asks a server about pairs from some perspectives."""

    def __init__(self, options: ChatOptions, perspectives: tuple[Perspective, ...]):
        self.client = ChatClient(options)
        self.perspectives = perspectives

    def label(self, rows: Sequence[dict], model: str, progress: Progress) -> dict[Pair, LabellerAnswer]:
        """Return the majority answer of the perspectives to each judged pair.

        Raises:
            ValueError: the server failed, with the remedy.
        """
        views = self.perspectives
        prompts = [sampling_prompt(view, row, SHOTS) for row in rows for view in views]
        chat_answers = self.client.ask_all(prompts, model, progress.advance)
        votes = [read_vote(answer, views[number % len(views)]) for number, answer in enumerate(chat_answers)]
        answers = {}
        for number, row in enumerate(rows):
            row_votes = votes[number * len(views) : (number + 1) * len(views)]
            answers[row["query_id"], row["item_id"]] = merge_votes(row["label"], row_votes)
        return answers


def read_vote(answer: ChatAnswer, perspective: Perspective) -> Vote:
    """Return what an answer says."""
    return Vote(read_label(answer.text, perspective), label_probabilities(answer.tokens))


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
