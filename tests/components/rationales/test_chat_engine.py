"""A chat model by its URL labels pairs by the product's own steps: the store, the votes, the bounds."""

import json

import pytest
from kfp import dsl

from components import contracts
from components.contracts import LABELS
from components.rationales import component
from components.rationales.chat_engine import ChatEngine
from components.rationales.engine import EngineConfig
from components.rationales.sampler import GenerateConfig
from components.teacher.votes import read_votes
from testing import servers
from testing.chat_server import ChatHandler, ChatModel
from testing.rows import judgement

ENGINE = EngineConfig(engine="chat", temperature=0.0)
ASK = GenerateConfig(split="valid", prompt="few_shot", max_samples=1, attempts=1)
TRUTH = {("shoe", f"Sprint {number}"): LABELS[number % 4] for number in range(6)}
PAGE = {"query_id": "q", "query": "shoe", "locale": "us", "source": "file", "shown": 1}
UNJUDGED = [
    dict.fromkeys(contracts.UNJUDGED.names) | PAGE | {"item_id": f"i{number}", "title": f"Sprint {number}"}
    for number in range(6)
]


@pytest.fixture
def chat():
    """Serve a chat model that knows the labels, and name it in the environment."""
    model = ChatModel(TRUTH, key="secret")
    with servers.serving(ChatHandler, model) as url:
        variables = {"BROADFAST_LLM_ENDPOINT": f"{url}/v1", "BROADFAST_LLM_API_KEY": "secret"}
        with servers.environment(**variables):
            yield model


def ask(folder, rows, schema, config=ASK) -> dict:
    """Run the step that writes rationales, without a model's folder."""
    contracts.write(rows, schema, folder / "pairs")
    tables = [dsl.Dataset(uri=str(folder / name)) for name in ("rationales", "quarantine")]
    inputs = dsl.Dataset(uri=str(folder / "pairs")), dsl.Model(uri=str(folder / "no model"))
    facts = dsl.Metrics(uri=str(folder / "facts"))
    component.generate_rationales.python_func(*inputs, config.to_json(), ENGINE.to_json(), "0/1", *tables, facts)
    return json.loads((folder / "facts").read_text())


@pytest.mark.slow
def test_every_perspective_votes_and_a_restart_asks_nothing(s3, chat, tmp_path):
    facts = ask(tmp_path, UNJUDGED, contracts.UNJUDGED)
    assert (facts["rows_in"], facts["rows_out"], facts["unjudged_pairs"], facts["model"]) == (18, 18, 6, "tiny")
    votes = list(read_votes(tmp_path / "rationales", tmp_path / "quarantine"))
    assert [(vote.label, vote.confidence, vote.judged_label) for vote in votes] == [
        (LABELS[number % 4], 1.0, None) for number in range(6)
    ]
    assert len(chat.bodies) == 18 and all("logprobs" not in body for body in chat.bodies)
    assert ask(tmp_path, UNJUDGED, contracts.UNJUDGED)["generated"] == 0 and len(chat.bodies) == 18


@pytest.mark.slow
def test_prompts_are_those_of_the_command_that_judges(s3, chat, tmp_path):
    rows = [judgement(query="shoe", title="Sprint 1", item_id="other", label=LABELS[1], split="valid")]
    ask(tmp_path, rows, contracts.JUDGEMENTS)
    contents = {body["messages"][0]["content"] for body in chat.bodies}
    assert len(contents) == 3 and all("Exact: the item is what the query asks for" in text for text in contents)
    assert {body["temperature"] for body in chat.bodies} == {0} and len(chat.bodies[0]["messages"]) == 10


def test_a_prompt_without_instructions_is_refused(chat, tmp_path):
    with pytest.raises(ValueError, match="engine 'chat' takes few_shot"):
        ask(tmp_path, UNJUDGED, contracts.UNJUDGED, GenerateConfig(prompt="tag"))


def test_without_an_endpoint_the_remedy_is_named():
    with servers.environment(BROADFAST_LLM_ENDPOINT=""), pytest.raises(ValueError, match="set BROADFAST_LLM_ENDPOINT"):
        ChatEngine("", ENGINE)


def test_another_model_has_another_digest(chat):
    with servers.environment(BROADFAST_LLM_MODEL="big"):
        other = ChatEngine("", ENGINE)
    assert other.model_name == "big" and other.digest != ChatEngine("", ENGINE).digest
