"""Exemplars by rule: the form and the comparison, for the cold start."""

from components import contracts
from components.rationales.exemplars import exemplars, write_exemplars
from components.rationales.perspectives import NAMES, parse
from components.teacher_prompt import answer
from tests.rows import judgement


def test_every_pair_yields_one_exemplar_a_perspective_with_the_judged_label():
    rows = list(exemplars([judgement(label="Substitute", mismatch="brand")]))
    assert [row["perspective"] for row in rows] == list(NAMES)
    assert {row["predicted_label"] for row in rows} == {"Substitute"}
    assert all("the brand differs" in row["text"] for row in rows)


def test_exemplars_keep_the_grammar():
    assert all(
        parse(answer(row)) for row in exemplars([judgement(), judgement(label="Irrelevant", title="Garden hose")])
    )


def test_the_attributes_exemplar_says_which_asked_words_are_there_and_which_are_not():
    row = list(exemplars([judgement(query="blue running shoes")]))[1]
    assert row["text"].startswith("Found running, shoes; not found blue; item is running shoes")


def test_no_exemplar_is_written_where_there_is_no_cold_start(tmp_path):
    contracts.write([judgement()], contracts.JUDGEMENTS, tmp_path / "judgements")
    facts = write_exemplars(tmp_path / "judgements", 0, tmp_path / "exemplars")
    assert (facts["rows_in"], facts["rows_out"]) == (0, 0)
