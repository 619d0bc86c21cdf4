"""Prompts of a pair are read together, the longest first, in batches of whole pairs."""

from components.rationales.prompt_groups import common_stem, group_prompts

TAGS = ("<a>", "<b>")


def test_a_pairs_prompts_stay_together():
    texts = [f"{pair}{tag}" for tag in TAGS for pair in ("shoe", "red shoe", "hat")]
    tags = [tag for tag in TAGS for _ in range(3)]
    assert group_prompts(texts, tags, [len(text) for text in texts], 4) == [[[1, 4], [0, 3]], [[2, 5]]]


def test_single_prompts_are_batched_by_their_prefix():
    texts = ["one <a>", "two <b>", "three <a>"]
    assert group_prompts(texts, ["<a>", "<b>", "<a>"], [7, 7, 9], 4) == [[[2], [0]], [[1]]]


def test_no_batch_is_larger_than_asked():
    batches = group_prompts(["shoe<a>"] * 5 + ["hat<a>"], ["<a>"] * 6, [7] * 5 + [6], 2)
    assert [sum(map(len, batch)) for batch in batches] == [2, 2, 1, 1]
    assert sorted(number for batch in batches for group in batch for number in group) == list(range(6))


def test_a_stem_leaves_each_row_a_token():
    assert common_stem([[1, 2, 3], [1, 2, 4]]) == [1, 2]
    assert common_stem([[1, 2], [1, 2]]) == [1]
    assert common_stem([[7]]) == []
