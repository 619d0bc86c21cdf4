"""The engine for a running server, against vLLM's own server with a tiny model."""

import importlib.util
import json
import sys
from types import SimpleNamespace

import pytest

from components.perspectives import parse
from components.rationales.endpoint_engine import label_probabilities
from components.rationales.engine import EngineConfig
from components.rationales.engines import start
from components.teacher_prompt import unified_prompt
from testing import servers
from testing.rows import judgement

needs_vllm = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed")
CONFIG = EngineConfig(
    engine="endpoint", max_new_tokens=40, max_length=256, use_grammar=True, characters=30, batch_size=4
)


@pytest.fixture(scope="module")
def endpoint(llm):
    """Start a server, three processes that each import vllm, and return its address."""
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
def test_many_prompts_are_answered_in_order(endpoint, llm):
    with servers.environment(BROADFAST_LLM_ENDPOINT=endpoint):
        engine = start(llm, CONFIG)
        prefixes = ["<attributes>", "<user_intent>", "", "<business_rules>", ""]
        prompts = [engine.render(unified_prompt(judgement(query="shoe " * (n + 1)))) for n in range(5)]
        texts = [text + prefix for text, prefix in zip(prompts, prefixes, strict=True)]
        completions = engine.complete([*texts, "shoe " * 400], [*prefixes, ""])
    assert [parse(completion.text)[0] for completion in completions[:2]] == ["attributes", "user_intent"]
    sizes = [len(engine.tokenizer(text)["input_ids"]) for text in texts]
    assert [completion.tokens_in for completion in completions[:5]] == sizes
    assert all(row.finish_reason == "stop" and row.tokens_out > 3 for row in completions[:5])
    assert completions[5].finish_reason == "too long"


def test_label_probabilities_come_from_the_labels_first_token():
    labels = (" Exact", " Sub", " Compl", " Ir")
    top_logprobs = {" Exact": -0.1, " Sub": -2.5, "x": -6.0}
    tokens = [" Exact", " Label", ":", " Exact"]
    logprobs = SimpleNamespace(tokens=tokens, top_logprobs=[{}, {}, {}, top_logprobs])
    exact, substitute, complement, irrelevant = label_probabilities(labels, logprobs)
    assert exact > 0.9 and substitute > complement == irrelevant
    assert exact + substitute + complement + irrelevant == pytest.approx(1)


def test_without_a_label_there_are_no_probabilities():
    labels = (" Exact", " Sub", " Compl", " Ir")
    assert label_probabilities(labels, SimpleNamespace(tokens=[" E", "xact"], top_logprobs=[{}, {}])) is None


class CompletionsHandler(servers.JsonHandler):
    """Plays a server with one model, and keeps the bodies of the requests."""

    def do_GET(self):
        model = {"id": "teacher", "object": "model", "created": 0, "owned_by": "us"}
        self.say(200, {"object": "list", "data": [model]})

    def do_POST(self):
        size = int(self.headers["content-length"])
        self.server.state.append(json.loads(self.rfile.read(size)))
        logprobs = {"tokens": ["x"], "top_logprobs": [{"x": 0.0}], "token_logprobs": [0.0], "text_offset": [0]}
        choice = {"index": 0, "text": " It fits.", "finish_reason": "stop", "logprobs": logprobs}
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        head = {"id": "c", "object": "text_completion", "created": 0, "model": "teacher"}
        self.say(200, head | {"choices": [choice], "usage": usage})


@pytest.mark.slow
def test_the_server_gets_every_sampling_parameter(llm):
    bodies = []
    config = EngineConfig(engine="endpoint", temperature=0.7, top_k=20, top_p=0.9, min_p=0.05, repetition_penalty=1.1)
    with servers.serving(CompletionsHandler, bodies) as url, servers.environment(BROADFAST_LLM_ENDPOINT=f"{url}/v1"):
        (completion,) = start(llm, config).complete(["shoe"], ["<attributes>"])
    expected = {"temperature": 0.7, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.1}
    assert {name: bodies[0][name] for name in expected} == expected
    assert (completion.text, completion.tokens_out) == ("<attributes> It fits.", 4)


def test_a_missing_endpoint_names_its_variable(tmp_path):
    with pytest.raises(ValueError, match="set BROADFAST_LLM_ENDPOINT, as http://host:8000/v1"):
        start(tmp_path, CONFIG)
