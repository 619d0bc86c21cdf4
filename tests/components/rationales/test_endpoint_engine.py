"""The engine for a running server, against vLLM's own server with a tiny model."""

import importlib.util
import sys
from types import SimpleNamespace

import pytest

from components.rationales.endpoint_engine import label_probabilities
from components.rationales.engine import EngineConfig
from components.rationales.engines import start
from components.rationales.perspectives import parse
from components.teacher_prompt import unified_prompt
from testing import servers
from testing.rows import judgement

needs_vllm = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed")
CONFIG = EngineConfig(
    engine="endpoint", max_new_tokens=40, max_length=256, structured=True, characters=30, batch_size=4
)


@pytest.fixture(scope="module")
def endpoint(llm):
    """The address of a server; three processes, each of which imports vllm."""
    (port,) = servers.free_ports(1)
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", f"--model={llm}", "--host=127.0.0.1"]
    command += [f"--port={port}", "--dtype=float32", "--max-model-len=256", "--max-num-seqs=4", "--enforce-eager"]
    quiet = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    bound = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "2"}
    url = f"http://127.0.0.1:{port}/v1"
    with servers.process(command, f"{url}/models", 300, **quiet, **bound):
        yield url


@pytest.mark.slow
@needs_vllm
def test_many_prompts_are_answered_in_order_with_counts_and_the_grammar(endpoint, llm):
    with servers.environment(BROADFAST_LLM_ENDPOINT=endpoint):
        engine = start(llm, CONFIG)
        openings = ["<attributes>", "<user_intent>", "", "<business_rules>", ""]
        asked = [engine.render(unified_prompt(judgement(query="shoe " * (n + 1)))) for n in range(5)]
        texts = [text + opening for text, opening in zip(asked, openings, strict=True)]
        said = engine.complete([*texts, "shoe " * 400], [*openings, ""])
    assert [parse(one.text)[0] for one in said[:2]] == ["attributes", "user_intent"]
    assert [one.tokens_in for one in said[:5]] == [len(engine.tokenizer(text)["input_ids"]) for text in texts]
    assert all(one.finish_reason == "stop" and one.tokens_out > 3 for one in said[:5])
    assert said[5].finish_reason == "too long"


def test_the_label_is_weighed_against_the_others_at_the_token_that_begins_it():
    labels = (" Exact", " Sub", " Compl", " Ir")
    listed = {" Exact": -0.1, " Sub": -2.5, "x": -6.0}
    said = SimpleNamespace(tokens=[" Exact", " Label", ":", " Exact"], top_logprobs=[{}, {}, {}, listed])
    found = label_probabilities(labels, said)
    assert found[0] > 0.9 and found[1] > found[2] == found[3] and sum(found) == pytest.approx(1)
    assert label_probabilities(labels, SimpleNamespace(tokens=[" E", "xact"], top_logprobs=[{}, {}])) is None


def test_without_an_endpoint_the_variable_to_set_is_named(tmp_path):
    with pytest.raises(ValueError, match="set BROADFAST_LLM_ENDPOINT, as http://host:8000/v1"):
        start(tmp_path, CONFIG)
