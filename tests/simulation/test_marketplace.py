"""The embedded marketplace is large, hard to guess, and judged by rules a person can check."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from random import Random

import pyarrow.parquet as pq
import pytest

from components.contracts import LABELS
from simulation.catalogue import Item
from simulation.kinds import KINDS
from simulation.marketplace import JUDGEMENTS, NOISE, generate, judge
from simulation.queries import Intent, generate_queries, search_with_typo

KIND = {kind.name: kind for kind in KINDS}
SHOES, BOOTS, SOCKS = (KIND[name] for name in ("Running Shoes", "Hiking Boots", "Sports Socks"))
RED = {"color": "red", "size": "9", "material": "mesh"}
SHOE = Item("i1", SHOES, "", "Velora", "AB-123", RED, "Velora AB-123 red running shoes", "color: red", 90.0, 4.0)
LACES = replace(SHOE, item_id="i2", part="laces", brand="Fitwell", model="", fits="Velora")


@pytest.fixture(scope="module")
def marketplace():
    """Judgements and truth at their usual size."""
    return generate(2400, 460, 7)


def test_it_is_as_big_as_a_small_shop(marketplace):
    rows = marketplace[0]
    assert len({row["item_id"] for row in rows}) >= 2000 and len({row["query_id"] for row in rows}) >= 400
    assert len({row["category"] for row in rows}) >= 12 and len(rows) >= 6000


def test_exact_is_commonest_and_complement_rarest(marketplace):
    counts = Counter(row["label"] for row in marketplace[0])
    assert set(counts) == set(LABELS)
    assert max(counts, key=counts.get) == "Exact" and min(counts, key=counts.get) == "Complement"


def test_every_query_class_and_mismatch_occurs(marketplace):
    assert {row["query_class"] for row in marketplace[0]} == {"head", "torso", "tail"}
    mismatches = {row["mismatch"] for row in marketplace[0]}
    assert mismatches == {None, "category", "brand", "model", "attribute", "accessory"}


def test_a_seed_decides_all_rows():
    assert generate(240, 40, 7) == generate(240, 40, 7)
    assert generate(240, 40, 7) != generate(240, 40, 8)


def test_annotators_err_in_four_percent_of_rows(marketplace):
    rows = zip(*marketplace, strict=True)
    share = sum(row["label"] != truth["true_label"] for row, truth in rows) / len(marketplace[0])
    assert NOISE == 0.04 and abs(share - NOISE) < 0.01, share


def overlap(row: dict) -> list[float]:
    """Return features of the words that query and item share."""
    query = set(row["query"].lower().split())
    title, attributes = (set(row[name].lower().replace(";", " ").split()) for name in ("title", "attributes"))
    shared = query & (title | attributes)
    return [len(shared), len(shared) / len(query), len(query & title) / len(query | title), len(query - shared)]


def test_shared_words_do_not_give_the_labels_away(marketplace):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score

    held_out = [row for row in marketplace[0] if int(row["query_id"][1:]) % 4 == 0]
    train = [row for row in marketplace[0] if int(row["query_id"][1:]) % 4]
    model = LogisticRegression(max_iter=1000, class_weight="balanced")
    model.fit([overlap(row) for row in train], [row["label"] for row in train])
    predictions = model.predict([overlap(row) for row in held_out])
    figure = f1_score([row["label"] for row in held_out], predictions, average="macro")
    assert figure < 0.5, f"token overlap reaches macro-F1 {figure:.3f} on held-out queries"


@pytest.mark.parametrize(
    ("intent", "judgement"),
    [
        (Intent(SHOES), ("Exact", None)),
        (Intent(SHOES, brand="Velora", wants=("color", "red")), ("Exact", None)),
        (Intent(SHOES, brand="Kestrel"), ("Substitute", "brand")),
        (Intent(SHOES, model="XX-999"), ("Substitute", "model")),
        (Intent(SHOES, wants=("color", "white")), ("Substitute", "attribute")),
        (Intent(SHOES, refuses=("color", "red")), ("Substitute", "attribute")),
        (Intent(SHOES, refuses=("color", "white")), ("Exact", None)),
        (Intent(BOOTS), ("Substitute", "category")),
        (Intent(BOOTS, brand="Kestrel"), ("Irrelevant", "category")),
        (Intent(BOOTS, model="XX-999"), ("Irrelevant", "category")),
        (Intent(KIND["Kettles"]), ("Irrelevant", "category")),
        (Intent(SHOES, part="laces"), ("Complement", "accessory")),
    ],
)
def test_shoes_are_judged_by_the_intent(intent, judgement):
    assert judge(intent, SHOE) == judgement


@pytest.mark.parametrize(
    ("intent", "judgement"),
    [
        (Intent(SHOES, part="laces", brand="Velora"), ("Exact", None)),
        (Intent(SHOES, part="laces"), ("Exact", None)),
        (Intent(SHOES, part="laces", brand="Kestrel"), ("Substitute", "brand")),
        (Intent(SHOES, part="insoles"), ("Irrelevant", "accessory")),
        (Intent(SHOES), ("Complement", "accessory")),
        (Intent(SHOES, brand="Kestrel"), ("Irrelevant", "brand")),
        (Intent(BOOTS, part="laces"), ("Irrelevant", "category")),
    ],
)
def test_laces_are_judged_by_what_they_fit(intent, judgement):
    assert judge(intent, LACES) == judgement


def test_what_is_used_together_is_a_complement():
    assert "Sports Socks" in SHOES.with_it
    assert judge(Intent(SHOES), replace(SHOE, kind=SOCKS)) == ("Complement", "accessory")


class FirstOfAll(Random):
    """Draws the first always, and so one query for each kind."""

    def choices(self, population, weights):
        return population[:1]

    def choice(self, sequence):
        return sequence[0]


def test_too_many_queries_are_refused_with_a_remedy():
    assert len(generate_queries(len(KINDS), [], FirstOfAll(7))) == len(KINDS)
    with pytest.raises(ValueError, match="19 different queries cannot be made of 0 items: ask for fewer"):
        generate_queries(len(KINDS) + 1, [], FirstOfAll(7))


def test_the_shortest_word_can_be_mistyped():
    assert all(search_with_typo(kind, [], Random(seed))[0].strip() for kind in KINDS for seed in range(100))


def test_the_command_writes_judgements_and_truth_separately(tmp_path):
    command = [sys.executable, "-m", "simulation.marketplace", f"--out={tmp_path}", "--items=240", "--queries=30"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert pq.read_schema(tmp_path / "judgements.parquet").equals(JUDGEMENTS)
    truth = pq.read_table(tmp_path / "truth.parquet")
    assert truth.column_names == ["query_id", "item_id", "true_label", "price"]
    assert output.startswith(f"{truth.num_rows:,} judgements of 30 queries over 240 items")
