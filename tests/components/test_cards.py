"""The cards that a shop edits: read whole, refused with the place of what is wrong, versioned by content."""

import pytest

from components.cards import CARDS, read_cards
from components.contracts import LABELS

TEXT = CARDS.read_text()


def edit(tmp_path, old, new):
    path = tmp_path / "cards.toml"
    assert old in TEXT
    path.write_text(TEXT.replace(old, new, 1))
    return path


def test_the_shipped_cards_define_every_label():
    cards = read_cards()
    assert tuple(cards.labels) == LABELS and all(cards.labels.values())
    assert [perspective.name for perspective in cards.perspectives] == ["user_intent", "attributes", "business_rules"]


def test_an_edited_definition_changes_the_version(tmp_path):
    cards = read_cards(edit(tmp_path, "the item is something else", "nobody would buy it"))
    assert cards.labels["Irrelevant"] == "nobody would buy it"
    assert cards.version != read_cards().version == read_cards().version


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Irrelevant =", "Bad =", r"\[labels\] defines .*'Bad'.*: keep the names Exact, Substitute, Complement"),
        ('label = "Complement"', 'label = "Fits"', "an example of user_intent ends in 'Fits': give one of Exact"),
        (
            "; the boots give that.",
            " <b>yes</b>",
            "an example of user_intent reasons .*: give one line without < and >",
        ),
        ('instruction = "Apply', 'advice = "Apply', "'instruction' is missing"),
        ("[labels]", "[labels", "line"),
    ],
)
def test_a_wrong_card_is_refused_with_its_place(tmp_path, old, new, reason):
    path = edit(tmp_path, old, new)
    with pytest.raises(ValueError, match=rf"cards.toml: .*{reason}"):
        read_cards(path)
