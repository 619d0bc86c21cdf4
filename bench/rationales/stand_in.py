"""A stand-in for a teacher: true facts, each right with a stated probability, and the label that they come to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from components.rationales.facts import Fact, format_facts, format_states, parse_facts, states
from components.sampling import hash_fraction
from simulation.knowledge.judging import conclude

FACTS = "facts"  # what a student is aligned with
STATES = "states"  # the same without values
Pair = tuple[str, str]  # query_id, item_id


@dataclass(frozen=True)
class Answer:
    """What a teacher says of a pair: its facts by perspective, and its label."""

    facts: Mapping[str, tuple[Fact, ...]]

    @property
    def label(self) -> str:
        """Return the label that the facts come to."""
        return conclude([fact for facts in self.facts.values() for fact in facts])[0]

    def text(self, target: str) -> str:
        """Return the facts of all perspectives, without a verdict: whole, or how they stand alone."""
        write = {FACTS: format_facts, STATES: format_states}[target]
        return "\n".join(text for text in map(write, self.facts.values()) if text)

    @property
    def item_kind(self) -> str:
        """Return what the teacher takes the item for."""
        return self.facts["business_rules"][0].offered_value


def true_answers(rows: Iterable[dict]) -> dict[Pair, Answer]:
    """Read the true facts of each pair from rows of facts.parquet."""
    facts: dict[Pair, dict[str, tuple[Fact, ...]]] = {}
    for row in rows:
        perspective = row["perspective"]
        facts.setdefault((row["query_id"], row["item_id"]), {})[perspective] = tuple(
            parse_facts(row["facts"], perspective)
        )
    return {pair: Answer(by_perspective) for pair, by_perspective in facts.items()}


def answer_with_errors(pair: Pair, truth: Answer, accuracy: float) -> Answer:
    """Return a pair's answer with each fact right with probability `accuracy`, by hash."""
    return Answer(
        {
            perspective: tuple(with_error(pair, perspective, fact, accuracy) for fact in facts)
            for perspective, facts in truth.facts.items()
        }
    )


def with_error(pair: Pair, perspective: str, fact: Fact, accuracy: float) -> Fact:
    """Return a fact, or with the probability of an error one in another state."""
    name = "\n".join(("stand-in", *pair, perspective, fact.name, fact.asked_value))
    if hash_fraction(name) < accuracy:
        return fact
    others = [state for state in states(perspective, fact.name) if state != fact.state]
    return replace(fact, state=others[int(hash_fraction(f"{name}\nstate") * len(others))])
