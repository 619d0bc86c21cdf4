"""What is true of a query and an item: the facts of each perspective, and the label that follows from them.

A reader without the rule book gets other facts: they show how many pairs knowledge decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from components.rationales.facts import Fact
from simulation.knowledge.catalogue import Item
from simulation.knowledge.queries import Intent
from simulation.knowledge.shop import RuleBook

SERVED = {"same": "served", "serves a similar use": "served in part"}


@dataclass(frozen=True)
class Verdict:
    """A label, what mismatches where something does, and the facts by perspective."""

    label: str
    mismatch: str | None
    facts: dict[str, tuple[Fact, ...]]


def judge(intent: Intent, item: Item, rules: RuleBook, knows_rules: bool = True) -> Verdict:
    """Judge an item by hidden truth, or as a reader without the rule book."""
    relation = relate(intent, item, knows_rules)
    fit = state_of_fit(intent, item, rules, knows_rules)
    compares = relation in ("same", "serves a similar use") and not item.part and not intent.part
    needs = [compare("need", intent, item, pair, knows_rules) for pair in intent.needs.items()] if compares else []
    values = compare_values(intent, item, knows_rules) if compares else []
    tier = state_of_tier(intent, item) if compares and knows_rules else []
    wish = intent.part or intent.kind.words[0]
    facts = {
        "user_intent": (Fact("use", intent.use or wish, SERVED.get(relation, "not served")), *needs),
        "attributes": tuple(values),
        "business_rules": (Fact("kind", wish, relation, item_name(item)), *fit, *tier),
    }
    return Verdict(*conclude([fact for part in facts.values() for fact in part]), facts)


def item_name(item: Item) -> str:
    """Return what an item is, in a word."""
    return item.part or item.kind.words[0]


def relate(intent: Intent, item: Item, knows_rules: bool) -> str:
    """Return how the kind of an item stands to the one that is asked for."""
    if intent.use and not knows_rules:
        return "unrelated"  # which kind the use means is knowledge
    if item.part or intent.part:
        return relate_part(intent, item)
    if item.kind is intent.kind:
        return "same"
    if knows_rules and item.kind.name in intent.kind.near:
        return "serves a similar use"
    if knows_rules and item.kind.name in intent.kind.used_with:
        return "used together"
    return "unrelated"


def relate_part(intent: Intent, item: Item) -> str:
    """Return the relation where a part is searched or offered."""
    if item.kind is not intent.kind:
        return "unrelated"
    if not item.part:
        return "what the part is for"
    if not intent.part:
        return "part for it"
    return "same" if item.part == intent.part else "unrelated"


def state_of_fit(intent: Intent, item: Item, rules: RuleBook, knows_rules: bool) -> list[Fact]:
    """Return whether a part fits the shopper's thing, where that can be asked."""
    if not item.part or item.kind is not intent.kind or not intent.brand:
        return []
    thing = " ".join(word for word in (intent.brand, intent.series) if word).lower()
    made_for = " ".join(word for word in (item.fits_brand, item.series) if word).lower()
    if intent.part and item.part != intent.part:
        return [Fact("fit", thing, "another part", item.part)]
    if item.fits_brand != intent.brand:
        return [Fact("fit", thing, "does not fit", made_for)]
    if not intent.series or item.series == intent.series:
        return [Fact("fit", thing, "fits", made_for)]
    fits = knows_rules and rules.fits(item.series, intent.series)
    return [Fact("fit", thing, "fits by series" if fits else "does not fit", made_for)]


def compare_values(intent: Intent, item: Item, knows_rules: bool) -> list[Fact]:
    """Return a fact for each value that the text asks for or refuses."""
    facts = []
    if intent.brand:
        state = "same" if item.brand == intent.brand else "differs"
        facts.append(Fact("brand", intent.brand.lower(), state, "" if state == "same" else item.brand.lower()))
    if intent.model:
        state = "same" if item.model == intent.model else "differs"
        facts.append(Fact("model", intent.model.lower(), state, "" if state == "same" else item.model.lower()))
    facts += [compare("want", intent, item, pair, knows_rules) for pair in intent.wants.items()]
    for name, value in intent.refuses.items():
        is_there = item.attributes.get(name) == value and (knows_rules or item.page_values.get(name, value) == value)
        facts.append(Fact(name, value, "refused and there" if is_there else "refused and absent"))
    return facts


def compare(kind: str, intent: Intent, item: Item, pair: tuple[str, str], knows_rules: bool) -> Fact:
    """Return how one value stands: a need that a use implies, or a wish."""
    name, value = pair
    has_it = item.attributes.get(name) == value
    page_value = item.page_values.get(name, "")
    if kind == "need":
        state = "met" if has_it and page_value else "not met" if page_value else "not stated"
        return Fact("need", value, state, page_value)
    if not page_value:
        return Fact(name, value, "missing")
    if has_it:
        is_read = knows_rules or page_value == value
        return (
            Fact(name, value, "same")
            if page_value == value
            else Fact(name, value, "implied" if is_read else "differs", page_value)
        )
    return Fact(name, value, "differs", page_value)


def state_of_tier(intent: Intent, item: Item) -> list[Fact]:
    """Return whether an item's brand is of the tier that is asked for."""
    if not intent.tier:
        return []
    tier = item.kind.brands[item.brand]
    return [Fact("tier", intent.tier, "same" if tier == intent.tier else "differs", f"{item.brand.lower()} is {tier}")]


WRONG = {"not met": "attribute", "differs": "attribute", "refused and there": "attribute"}
NAMED_MISMATCH = {"brand": "brand", "tier": "brand", "model": "model"}


def conclude(facts: Sequence[Fact]) -> tuple[str, str | None]:
    """Return the label that the facts of all perspectives come to, and what mismatches.

    What a page does not state is taken for met, as a shopper who has to ask takes it.
    """
    by_name = {fact.name: fact.state for fact in facts}
    wrong = [NAMED_MISMATCH.get(fact.name, "attribute") for fact in facts if fact.state in WRONG]
    relation = by_name["kind"]
    if relation == "unrelated":
        return "Irrelevant", "category"
    if relation in ("used together", "what the part is for"):
        return "Complement", "accessory"
    if by_name.get("fit") in ("does not fit", "another part"):
        return "Irrelevant", "accessory"
    if relation == "part for it":
        return "Complement", "accessory"
    if relation == "serves a similar use":
        if "model" in by_name or "brand" in wrong:
            return "Irrelevant", "model" if "model" in by_name else "brand"
        return "Substitute", "category"
    return ("Substitute", wrong[0]) if wrong else ("Exact", None)
