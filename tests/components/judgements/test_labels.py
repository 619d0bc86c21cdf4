"""Labels and ratings of other scales become ours."""

from collections import Counter

import pytest

from components.judgements.label_advice import describe_absent, describe_unknown, suggest_option
from components.judgements.labels import parse_labels
from tests.components.judgements.sources import GOOD, csv_file, jsonl_file


@pytest.mark.parametrize(
    ("labels", "pairs"),
    [
        ("", {"E": "Exact", "substitute": "Substitute", "3": None}),
        ("4=Exact,3=Substitute,2=Complement,0=Irrelevant", {"4": "Exact", 3.0: "Substitute", "2.00": "Complement"}),
        ("4=Exact,3=Substitute,2=Complement,0=Irrelevant", {"1": None, "0": "Irrelevant", "Exact": "Exact"}),
        (">=2.5=Exact,>=1.5=Substitute,<1.5=Irrelevant", {"3": "Exact", 2.33: "Substitute", "1.00": "Irrelevant"}),
        (">=1.5=Substitute,>=2.5=E,<1.5=I", {2.5: "Exact", 1.5: "Substitute", 1.49: "Irrelevant"}),
        ("none=Irrelevant,some=Substitute", {"None": "Irrelevant", "some": "Substitute"}),
        ("1-3", {"2,67": "Exact", "2,33": "Substitute", "1.000,5": None}),
        ("good fit=Exact,Bad=Irrelevant", {"Good  Fit": "Exact", "bad": "Irrelevant", "meh": None}),
        ("binary", {"1": "Exact", 0: "Irrelevant", True: "Exact", "False": "Irrelevant", 2: None}),
        ("0-1", {0.75: "Exact", 0.4: "Substitute", "0.39": "Irrelevant", 1.2: None}),
        ("0-3", {"3.0": "Exact", 2: "Substitute", "1": "Irrelevant", 0.7: "Irrelevant", -1: None, 4: None}),
        ("1-3", {2.67: "Exact", 2.33: "Substitute", 1: "Irrelevant", 0: None}),
        ("0-4", {4: "Exact", 3: "Substitute", 2: "Substitute", 1: "Irrelevant"}),
        ("1-5", {5: "Exact", 3: "Substitute", 2: "Irrelevant"}),
        ("Exact-Partial-Irrelevant", {"Partial": "Substitute", "exact": "Exact", "Irrelevant": "Irrelevant"}),
    ],
)
def test_values_become_labels(labels, pairs):
    scale = parse_labels(labels)
    assert {value: scale.find(value) for value in pairs} == pairs


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("4", "'4' cannot be read: write VALUE=LABEL or >=NUMBER=LABEL, .*: esci, binary"),
        ("4=Good", "'4=Good' cannot be read: .* LABEL being one of Exact, Substitute"),
        (">=high=Exact", "'>=high=Exact' compares with '>=high', which is no number"),
        (">=1=Exact,<2=Irrelevant", "the ranges >=1 and <2 overlap, as Exact and Irrelevant"),
        (">=2=Exact,<=2=Irrelevant", "the ranges >=2 and <=2 overlap"),
    ],
)
def test_a_scale_that_cannot_be_read_is_refused(labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_labels(labels)


@pytest.mark.parametrize(
    ("values", "option"),
    [
        (["1", "0"], "binary"),
        (["0.2", "1"], "0-1"),
        (["2.33", "3"], "1-3"),
        (["0", "3"], "0-3"),
        (["4", "0"], "0-4"),
        (["5", "1"], "1-5"),
        (["10", "0"], '"10=Exact,0=Irrelevant"'),
        (["10", "5", "0"], '"10=Exact,5=Substitute,0=Irrelevant"'),
        ([str(rating) for rating in range(0, 101, 10)], '">=75=Exact,>=40=Substitute,<40=Irrelevant"'),
        (["Partial"], "exact-partial-irrelevant"),
        (["True", "False"], "binary"),
        (["2,33", "3"], "1-3"),
        (["good", "bad"], '"good=LABEL,bad=LABEL"'),
    ],
)
def test_an_option_is_suggested_for_unknown_labels(values, option):
    assert suggest_option(values) == f"--labels {option}"


def test_unknown_labels_are_counted_with_the_option():
    sentence = describe_unknown(Counter({"3": 2, "1": 1, "0": 1}), "a.csv")
    assert "a.csv: 4 rows have labels that are none of Exact (E)" in sentence
    assert "'3' (2 rows), '1' (1 rows)" in sentence and "for example --labels 0-3;" in sentence


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        (
            "10=Exact,5=Substitute",
            'Add 0=LABEL, as --labels "10=Exact,5=Substitute,0=LABEL", LABEL being one of Exact, ',
        ),
        ("1-3", "Name another scale (esci, binary, "),
    ],
)
def test_an_option_is_amended_for_unknown_labels(option, remedy):
    sentence = describe_unknown(Counter({"0": 40}), "a.csv", option)
    assert sentence.startswith(f"a.csv: 40 rows have labels that are not in --labels {option}: '0' (40 rows). {remedy}")


def test_labels_that_nobody_gave_are_named():
    assert "a.csv holds 2 of the 4 labels: nobody gave Substitute, Complement" in describe_absent(
        ["Exact", "Irrelevant"], "a.csv"
    )
    assert describe_absent(["Exact", "Substitute", "Complement", "Irrelevant"], "a.csv") == ""


def test_ratings_are_prepared_by_their_scale(tmp_path, prepare_source):
    rows = [GOOD | {"item_id": f"i{n}", "label": label} for n, label in enumerate(("3", "1", "", "2", "7"))]
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows), labels="0-3")
    assert tables.details["labels"] == {"Exact": 1, "Irrelevant": 1, "Substitute": 1}
    assert tables.reasons == [
        (4, "unrated: the row has no label"),
        (6, "unknown label: '7' is not in --labels 0-3"),
    ]


def test_numbers_and_texts_of_numbers_are_one(tmp_path, prepare_source):
    rows = [GOOD | {"item_id": f"i{n}", "label": label} for n, label in enumerate(("3.000", 3, 0.7))]
    tables = prepare_source(jsonl_file(tmp_path / "a.jsonl", rows), labels="0-3")
    assert [row["label"] for row in tables.judgements] == ["Exact", "Exact", "Irrelevant"]
