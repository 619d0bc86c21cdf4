"""Facts are read as they were written, and what is none is refused with its line."""

import pytest

from components.rationales.facts import Fact, format_facts, parse_facts


def test_facts_are_read_as_they_were_written():
    facts = [Fact("color", "navy blue", "same"), Fact("feature", "waterproof", "implied", "gore-tex, lined")]
    assert format_facts(facts) == "color navy blue: same\nfeature waterproof: implied, gore-tex, lined"
    assert parse_facts(format_facts(facts), "attributes") == facts


@pytest.mark.parametrize(
    ("text", "perspective", "reason"),
    [
        ("It is a good match.", "attributes", "'It is a good match.' is no fact: write NAME VALUE: STATE, OFFERED"),
        ("color red: fits", "attributes", "attributes knows same, implied, differs, missing"),
        ("color red: same", "business_rules", "business_rules knows no color"),
    ],
)
def test_what_is_no_fact_is_refused(text, perspective, reason):
    with pytest.raises(ValueError) as error:
        parse_facts(text, perspective)
    assert text in str(error.value) and reason in str(error.value)
