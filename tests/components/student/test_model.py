"""The student's shapes, what it refuses, and that an item which is read apart does not depend on the query."""

from dataclasses import replace

import pytest
import torch

from components.scoring.tokenizer import LEXICAL_FEATURES
from components.student.config import LrkdConfig
from components.student.model import new_student

SIDES = torch.tensor([[0, 0, 0, 1, 1, 1, 1]])


def made(encoder, **config):
    torch.manual_seed(0)
    return new_student(LrkdConfig(encoder=encoder, **config), 6).eval()


def tokens(*query: int) -> tuple:
    """A pair of this query and always the same item, with its mask and sides."""
    ids = torch.tensor([[*query, 900, 901, 902, 903]])
    return ids, torch.ones_like(ids), torch.tensor([[0] * len(query) + [1] * 4])


def test_the_configuration_travels_as_json_text_and_refuses_what_it_does_not_know():
    config = LrkdConfig(encoder="tiny", epochs=0.5)
    assert LrkdConfig.from_json(config.to_json()) == config
    with pytest.raises(ValueError, match=r"LrkdConfig has no field \['lambda'\]"):
        LrkdConfig.from_json('{"lambda": 0.1}')


@pytest.mark.parametrize("extractor", ["mlp", "poly", "gat", "first", "compare"])
@pytest.mark.parametrize("join_layer", [0, 1])
@pytest.mark.parametrize("overlap", [True, False])
def test_a_student_gives_four_logits_and_a_reasoning_vector_for_each_pair(encoder, extractor, join_layer, overlap):
    student = made(encoder, extractor=extractor, join_layer=join_layer, overlap=overlap)
    ids = torch.randint(5, 900, (3, 7))
    logits, reasoning = student(ids, torch.ones_like(ids), SIDES.expand(3, 7), torch.rand(3, len(LEXICAL_FEATURES)))
    assert logits.shape == (3, 4) and reasoning.shape == (3, 6)


def test_without_a_layer_that_reads_both_sides_the_extractor_compares_them(encoder):
    student = made(encoder, extractor="compare", join_layer=2)
    said = [student(*tokens(101, *query, 102))[1] for query in ((500,), (501,))]
    assert not torch.allclose(*said, atol=1e-4)


@pytest.mark.parametrize("overlap", [True, False])
def test_how_far_the_tokens_are_the_same_matters_where_the_student_reads_it(encoder, overlap):
    student, pair = made(encoder, overlap=overlap), tokens(101, 500, 102)
    features = torch.ones(1, len(LEXICAL_FEATURES))
    said = [student(*pair, numbers)[0] for numbers in (0 * features, features)]
    assert torch.allclose(*said, atol=1e-4) != overlap


def test_without_a_join_the_student_is_the_encoder_as_transformers_runs_it(encoder):
    student, (ids, mask, sides) = made(encoder), tokens(101, 500, 102)
    states = student.encoder(input_ids=ids, attention_mask=mask, token_type_ids=sides).last_hidden_state
    reasoning = student.extractor(states, mask, sides)
    torch.testing.assert_close(student(ids, mask, sides)[1], reasoning, atol=1e-5, rtol=1e-5)


def test_the_last_layer_for_the_first_token_alone_is_the_same_as_for_all(encoder):
    student, pair = made(encoder, extractor="first"), tokens(101, 500, 102)
    pruned = student(*pair)
    student.reads_first = False
    for one, other in zip(pruned, student(*pair), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_an_item_that_is_read_apart_is_the_same_beside_every_query(encoder):
    student = made(encoder, join_layer=1)
    states = [
        student.apart(ids, mask, sides, student.positions(mask, sides))[:, -4:]
        for ids, mask, sides in (tokens(101, 500, 102), tokens(101, 7, 8, 9, 10, 102))
    ]
    torch.testing.assert_close(*states, atol=1e-5, rtol=1e-5)


def test_where_the_extractor_falls_away_the_label_is_read_from_the_first_token(encoder):
    student, pair = made(encoder, variant="auxiliary"), tokens(101, 500, 102)
    before = student(*pair)[0]
    with torch.no_grad():
        student.extractor.out.bias += 5
    torch.testing.assert_close(student(*pair)[0], before)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"extractor": "lstm"}, "extractor is 'lstm': choose of mlp, poly, gat, first, compare"),
        ({"join_layer": 3}, "join_layer is 3: the encoder has 2 layers"),
        ({"join_layer": 2}, "no layer reads query and item together: extractor 'mlp' could not either"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(encoder, config, sentence):
    with pytest.raises(ValueError, match=sentence):
        made(encoder, **config)


@pytest.mark.parametrize(("dropout", "same"), [(0.0, True), (0.5, False)])
def test_dropout_is_the_encoders_own_while_it_trains(encoder, dropout, same):
    student, pair = made(encoder, extractor="mlp", dropout=dropout).train(), tokens(5, 6)
    assert torch.equal(student(*pair)[1], student(*pair)[1]) == same


def test_another_kind_of_encoder_is_refused_with_those_that_are_read(tmp_path):
    from transformers import DistilBertConfig, DistilBertModel

    size = DistilBertConfig(vocab_size=10, dim=8, n_layers=1, n_heads=2, hidden_dim=8)
    DistilBertModel(size).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="encoder is a distilbert: choose BERT, RoBERTa, XLM-R or ELECTRA"):
        new_student(replace(LrkdConfig(), encoder=str(tmp_path)), 6)


def test_roberta_counts_positions_from_behind_its_padding(tmp_path):
    from transformers import XLMRobertaConfig, XLMRobertaModel

    size = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    XLMRobertaModel(XLMRobertaConfig(vocab_size=950, type_vocab_size=1, **size)).save_pretrained(tmp_path)
    student, (ids, mask, sides) = made(str(tmp_path)), tokens(0, 500, 2)
    states = student.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(
        student(ids, mask, sides)[1], student.extractor(states, mask, sides), atol=1e-5, rtol=1e-5
    )
