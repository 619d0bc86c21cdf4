"""Requests for rationales: one a perspective, grouped by prompt, under keys of all that changes the answer."""

from itertools import groupby

import pytest

from components.perspectives import NAMES
from components.rationales.engine import EngineConfig
from components.rationales.sampler import GenerateConfig, RationaleSampler
from testing.rows import judgement
from tests.components.rationales.scripted_engines import EchoEngine

ROWS = [judgement(title="shoe 1"), judgement(item_id="i2", title="shoe 2")]


ENGINE = EngineConfig()


def requests(digest="m1", engine_config=ENGINE, engine=None, **config):
    sampler = RationaleSampler(engine or EchoEngine(), digest, engine_config, GenerateConfig(**config))
    return list(sampler.requests(ROWS, [0]))


def keys(**options):
    return {request.key for request in requests(**options)}


def test_every_pair_is_asked_once_a_perspective():
    names = {(request.perspective, request.row["item_id"]) for request in requests()}
    assert len(requests()) == len(names) == 6


def test_prompts_that_begin_alike_come_together():
    perspectives = [request.perspective for request in requests(prompt="few_shot")]
    assert sorted(name for name, _ in groupby(perspectives)) == sorted(NAMES)
    items = [request.row["item_id"] for request in requests(prompt="tag")]
    assert [name for name, _ in groupby(items)] == ["i1", "i2"]


def test_a_free_prompt_leaves_the_perspective_open():
    free = requests(prompt="free")
    assert [(request.perspective, request.forced_prefix) for request in free] == [("", "")] * 2


def test_a_key_changes_with_the_model():
    assert keys() == keys()
    assert not keys() & keys(digest="m2")


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.5},
        {"top_k": 20},
        {"top_p": 0.9},
        {"min_p": 0.1},
        {"repetition_penalty": 1.1},
        {"max_new_tokens": 20},
        {"max_length": 200},
        {"use_grammar": True},
        {"seed": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_key_changes_with_every_sampling_parameter(change):
    assert not keys() & keys(engine_config=EngineConfig(**change))


def test_a_key_changes_with_the_engine_that_runs():
    other = EchoEngine()
    other.name = "other"
    assert not keys() & keys(engine=other)
    assert keys(engine_config=EngineConfig(engine="transformers")) == keys(engine_config=EngineConfig(engine="auto"))


def test_a_key_ignores_the_batch_size():
    assert keys(engine_config=EngineConfig(batch_size=1)) == keys()
