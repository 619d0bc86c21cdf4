"""A student of the configured architecture, on the encoders that are supported."""

from dataclasses import fields, replace

import pytest
import torch

from components.student.config import LrkdConfig
from components.student.cross_encoder import CrossEncoderStudent
from components.student.late_interaction import LateInteractionStudent
from components.student.model import ARCHITECTURES, new_student


def test_the_configuration_travels_as_json_text():
    config = LrkdConfig(encoder="tiny", epochs=0.5)
    assert LrkdConfig.from_json(config.to_json()) == config


def test_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match=r"LrkdConfig has no field \['lambda'\]"):
        LrkdConfig.from_json('{"lambda": 0.1}')


def test_the_configuration_has_at_most_fourteen_fields():
    assert len(fields(LrkdConfig)) <= 14


def test_weight_zero_distils_nothing():
    assert LrkdConfig().distillation == "lrkd"
    assert LrkdConfig(align_weight=0.0).distillation == "none"


@pytest.mark.parametrize(
    ("architecture", "student_class"),
    [("cross_encoder", CrossEncoderStudent), ("late_interaction", LateInteractionStudent)],
)
def test_the_architecture_chooses_the_class(encoder, architecture, student_class):
    assert type(new_student(LrkdConfig(encoder=encoder, architecture=architecture), 6)) is student_class


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"extractor": "lstm"}, "extractor is 'lstm': choose of mlp, poly, gat"),
        ({"architecture": "rnn"}, "architecture is 'rnn': choose of cross_encoder, late_interaction"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known(encoder, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        new_student(LrkdConfig(encoder=encoder, **change), 6)


@pytest.mark.parametrize(("architecture", "rate"), [("cross_encoder", 0.1), ("late_interaction", 0.0)])
def test_the_encoders_dropout_is_the_architectures(encoder, architecture, rate):
    student = new_student(LrkdConfig(encoder=encoder, architecture=architecture), 6)
    rates = {module.p for module in student.encoder.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {rate}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_encoder_in_bf16_is_trained_in_float32(encoder, tmp_path, architecture):
    from transformers import AutoModel

    AutoModel.from_pretrained(encoder).to(torch.bfloat16).save_pretrained(tmp_path)
    student = new_student(LrkdConfig(encoder=str(tmp_path), architecture=architecture), 6)
    assert {weight.dtype for weight in student.parameters()} == {torch.float32}
    inputs = {"input_ids": torch.ones(1, 4, dtype=torch.long), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    inputs |= {"token_type_ids": torch.tensor([[0, 0, 1, 1]]), "overlap": torch.zeros(1, 14)}
    logits, _ = student(**{name: inputs[name] for name in student.inputs})
    assert logits.dtype == torch.float32


def test_another_kind_of_encoder_is_refused(tmp_path):
    from transformers import DistilBertConfig, DistilBertModel

    size = DistilBertConfig(vocab_size=10, dim=8, n_layers=1, n_heads=2, hidden_dim=8)
    DistilBertModel(size).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="encoder is a distilbert: choose BERT, RoBERTa, XLM-R or ELECTRA"):
        new_student(replace(LrkdConfig(), encoder=str(tmp_path)), 6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_below_the_trained_ones_are_frozen(encoder, architecture):
    student = new_student(LrkdConfig(encoder=encoder, architecture=architecture, trained_layers=1), 6)
    names = {name for name, weight in student.encoder.named_parameters() if weight.requires_grad}
    last = len(student.encoder.encoder.layer) - 1
    assert names and all(name.startswith(f"encoder.layer.{last}.") for name in names)


def test_more_layers_than_there_are_is_refused(encoder):
    with pytest.raises(ValueError, match="trained_layers is 9; the encoder has . layers"):
        new_student(LrkdConfig(encoder=encoder, trained_layers=9), 6)


@pytest.mark.parametrize(("max_length", "query_length"), [(128, 32), (96, 32), (48, 16)])
def test_a_query_has_a_third_at_most(max_length, query_length):
    assert LrkdConfig(max_length=max_length).query_length == query_length
