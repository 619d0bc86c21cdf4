"""The cross-encoder is the encoder as transformers runs it, with an extractor and a classifier on top."""

import pytest
import torch

from components.student.config import LrkdConfig
from components.student.cross_encoder import CrossEncoderStudent
from components.student.extractors import EXTRACTORS
from components.student.model import new_student

IDS = torch.tensor([[101, 500, 102, 900, 901, 902, 903]])
MASK = torch.ones_like(IDS)
SEGMENTS = torch.tensor([[0, 0, 0, 1, 1, 1, 1]])


def cross_encoder(encoder: str, **config) -> CrossEncoderStudent:
    torch.manual_seed(0)
    return new_student(LrkdConfig(encoder=encoder, **config), 6)


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_each_pair_gets_logits_and_reasoning(encoder, extractor):
    student = cross_encoder(encoder, extractor=extractor)
    ids = torch.randint(5, 900, (3, 7))
    logits, reasoning = student(ids, torch.ones_like(ids), SEGMENTS.expand(3, 7))
    assert logits.shape == (3, 4)
    assert reasoning.shape == (3, 6)


def test_states_are_those_of_transformers(encoder):
    student = cross_encoder(encoder).eval()
    states = student.encoder(input_ids=IDS, attention_mask=MASK, token_type_ids=SEGMENTS).last_hidden_state
    reasoning = student.extractor(states, MASK, SEGMENTS)
    torch.testing.assert_close(student(IDS, MASK, SEGMENTS)[1], reasoning, atol=1e-5, rtol=1e-5)


def test_roberta_counts_positions_from_behind_its_padding(tmp_path):
    from transformers import XLMRobertaConfig, XLMRobertaModel

    size = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    XLMRobertaModel(XLMRobertaConfig(vocab_size=950, type_vocab_size=1, **size)).save_pretrained(tmp_path)
    student = cross_encoder(str(tmp_path)).eval()
    states = student.encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    reasoning = student.extractor(states, MASK, SEGMENTS)
    torch.testing.assert_close(student(IDS, MASK, SEGMENTS)[1], reasoning, atol=1e-5, rtol=1e-5)


def test_dropout_acts_only_in_training(encoder):
    student = cross_encoder(encoder)
    assert not torch.equal(student.train()(IDS, MASK, SEGMENTS)[1], student(IDS, MASK, SEGMENTS)[1])
    assert torch.equal(student.eval()(IDS, MASK, SEGMENTS)[1], student(IDS, MASK, SEGMENTS)[1])


def test_a_seed_gives_the_same_answers_as_before(encoder):
    logits, _ = cross_encoder(encoder).eval()(IDS, MASK, SEGMENTS)
    torch.testing.assert_close(logits, torch.tensor([[-0.21018, 0.05137, 0.00773, -1.98315]]), atol=1e-4, rtol=0)
