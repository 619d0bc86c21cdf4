"""The marketplace of knowledge: what its rule book decides, what its facts say, and what nobody judged."""

import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from components.rationales.facts import PERSPECTIVES, format_facts, parse_facts
from simulation.knowledge.catalogue import generate_catalogue
from simulation.knowledge.judging import judge
from simulation.knowledge.marketplace import Sizes, generate_pairs, write_marketplace
from simulation.knowledge.queries import Intent
from simulation.knowledge.shop import load_kinds, load_rules, zipf_weights

SIZES = Sizes(items=1200, queries=60, unjudged_queries=60)
KINDS = load_kinds()
RULES = load_rules()


@pytest.fixture(scope="module")
def pairs():
    return list(generate_pairs(SIZES, RULES))


@pytest.fixture(scope="module")
def item():
    """An item of a kind whose seller shows its feature, which a test sets."""
    items = generate_catalogue(1200, list(KINDS.values()), RULES, random.Random(3))

    def build(kind, shown="", part="", **changes):
        found = next(item for item in items if item.kind.name == kind and bool(item.part) == bool(part))
        return replace(found, part=part, page_values={"feature": shown} if shown else {}, **changes)

    return build


def test_relations_of_120_kinds_hold_both_ways():
    assert len(KINDS) == 120
    for kind in KINDS.values():
        assert all(kind.name in KINDS[other].near for other in kind.near)
        assert all(kind.name in KINDS[other].used_with for other in kind.used_with)


def test_knowledge_decides_two_pairs_in_five_at_most(pairs):
    verdicts = [(pair.verdict, judge(pair.query.intent, pair.item, RULES, knows_rules=False)) for _, pair in pairs]
    share = sum(true.label != read.label for true, read in verdicts) / len(verdicts)
    assert 0.2 < share < 0.4


def test_many_items_show_no_category(pairs):
    items = {pair.item.item_id: pair.item for _, pair in pairs}
    share = sum(item.category is None for item in items.values()) / len(items)
    assert 1 / 3 < share < 1 / 2


def test_some_kinds_are_never_judged(pairs):
    judged = {pair.query.intent.kind.name for is_judged, pair in pairs if is_judged}
    assert len(judged) < 60


def test_all_labels_are_on_the_pages(pairs):
    shares = Counter(pair.verdict.label for _, pair in pairs)
    assert min(shares.values()) > 0.08 * len(pairs) and len(shares) == 4


def test_every_fact_is_one_of_its_perspective(pairs):
    for _, pair in pairs:
        for perspective, facts in pair.verdict.facts.items():
            assert tuple(parse_facts(format_facts(facts), perspective)) == facts
        assert list(pair.verdict.facts) == list(PERSPECTIVES)


@pytest.mark.parametrize(
    ("shown", "label", "fact"),
    [
        ("noise cancelling", "Exact", "need noise cancelling: met, noise cancelling"),
        ("anc", "Exact", "need noise cancelling: met, anc"),
        ("waterproof", "Substitute", "need noise cancelling: not met, waterproof"),
        ("", "Exact", "need noise cancelling: not stated"),
    ],
)
def test_a_use_implies_a_need(item, shown, label, fact):
    use = "to work in an open-plan office"
    intent = Intent(KINDS["Headphones"], use=use, needs=KINDS["Headphones"].uses[use])
    value = "waterproof" if shown == "waterproof" else "noise cancelling"
    verdict = judge(intent, item("Headphones", shown, attributes={"feature": value}), RULES)
    assert verdict.label == label and fact in map(str, verdict.facts["user_intent"])


@pytest.mark.parametrize(
    ("made_for", "label", "state"),
    [("B4", "Exact", "fits"), ("A1", "Exact", "fits by series"), ("C7", "Irrelevant", "does not fit")],
)
def test_a_part_fits_by_its_series(item, made_for, label, state):
    part = item("Headphones", part="ear pads", fits_brand="Zentro", series=made_for)
    intent = Intent(KINDS["Headphones"], part="ear pads", brand="Zentro", series="B4")
    verdict = judge(intent, part, RULES)
    assert verdict.label == label and verdict.facts["business_rules"][1].state == state


@pytest.mark.parametrize(("brand", "label"), [("Casalia", "Exact"), ("Ellwood", "Substitute")])
def test_a_tier_is_the_brands(item, brand, label):
    verdict = judge(Intent(KINDS["Kettles"], tier="premium"), item("Kettles", brand=brand), RULES)
    assert verdict.label == label


def test_what_is_refused_mismatches(item):
    intent = Intent(KINDS["Kettles"], refuses={"color": "red"})
    assert judge(intent, item("Kettles", attributes={"color": "red"}), RULES).label == "Substitute"
    assert judge(intent, item("Kettles", attributes={"color": "white"}), RULES).label == "Exact"


def test_the_second_kind_is_searched_half_as_often():
    kinds = list(KINDS.values())[:3]
    weights = zipf_weights(kinds, random.Random(0))
    assert set(weights) == set(kinds) and list(weights.values()) == [1, 1 / 2, 1 / 3]


def test_the_same_seed_writes_the_same_files(tmp_path):
    sizes = Sizes(items=600, queries=20, unjudged_queries=20)
    counts = [write_marketplace(tmp_path / name, sizes) for name in ("a", "b")]
    assert counts[0] == counts[1]
    for name in ("judgements", "unjudged", "truth", "facts"):
        assert pq.read_table(tmp_path / "a" / f"{name}.parquet").equals(
            pq.read_table(tmp_path / "b" / f"{name}.parquet")
        )
    judged, unjudged = (pq.read_table(tmp_path / "a" / f"{name}.parquet") for name in ("judgements", "unjudged"))
    assert not set(judged["query_id"].to_pylist()) & set(unjudged["query_id"].to_pylist())
    assert len(judged) + len(unjudged) == len(pq.read_table(tmp_path / "a" / "truth.parquet"))
    assert not {"label", "mismatch"} & set(unjudged.column_names)


def test_the_command_says_what_it_wrote(tmp_path):
    command = [sys.executable, "-m", "simulation.knowledge", "--out", str(tmp_path)]
    command += ["--items=600", "--queries=20", "--unjudged-queries=20"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "judgements of 20 queries" in output and "the rule book decides" in output
