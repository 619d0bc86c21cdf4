"""The command that judges a labeller, against a server that speaks OpenAI's API."""

import json
from contextlib import contextmanager

import pytest

from components import contracts
from components.contracts import LABELS
from components.teacher.qualify import main
from testing import servers
from testing.chat_server import ChatHandler, ChatModel
from testing.rows import judgement

ROWS = [
    judgement(
        query_id=f"q{n}", query=f"shoe {n}", item_id=f"i{n}", title=f"Sprint {n}", label=LABELS[n % 4], split="valid"
    )
    for n in range(24)
]
ONE_VIEW = ["--perspectives", "attributes"]
TRUTH = {(row["query"], row["title"]): row["label"] for row in ROWS}


@pytest.fixture
def judgements(tmp_path):
    """Return a prepared table, half of whose pairs are of train."""
    rows = [*ROWS, *(row | {"query_id": f"t{row['query_id']}", "split": "train"} for row in ROWS)]
    contracts.write(rows, contracts.JUDGEMENTS, tmp_path / "judgements")
    return tmp_path / "judgements"


@contextmanager
def serve(key: str = "", **fields):
    """Serve a model, and yield it with the command's first arguments."""
    model = ChatModel(fields.pop("labels", TRUTH), key="secret", **fields)
    with servers.serving(ChatHandler, model) as url, servers.environment(BROADFAST_LLM_API_KEY=key or "secret"):
        yield model, ["--endpoint", f"{url}/v1"]


def test_a_good_labeller_qualifies_with_its_cost(judgements, tmp_path, capsys):
    with serve() as (model, endpoint):
        arguments = ["--judgements", str(judgements), "--price", "1", "2", "--out", str(tmp_path / "out.json")]
        assert main([*endpoint, *arguments]) == 0
    out, err = capsys.readouterr()
    assert "accuracy             1.000 (1.000 to 1.000)" in out and "the teacher qualifies: right on 100% of 24" in out
    assert "300,000 tokens in, 30,000 out, 0.36 US dollars" in out
    assert "asking tiny about 24 judged pairs: 72 requests" in err and "72 of 72 answers" in err
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["used"]["requests"] == len(model.bodies) == 72
    # three labels of four get 0.5 beside the 0.25 of Complement, which gets all: a third short on 18 of 24
    assert figures["measures"]["calibration_error"]["estimate"] == pytest.approx(0.25, abs=0.01)


def test_prompts_are_those_of_the_product(judgements):
    with serve() as (model, endpoint):
        main([*endpoint, "--judgements", str(judgements), "--pairs", "20", *ONE_VIEW])
    assert len(model.bodies) == 20
    messages = model.bodies[0]["messages"]
    assert "Exact: the item is what the query asks for" in messages[0]["content"]
    assert "Compare attribute by attribute" in messages[0]["content"] and len(messages) == 10
    assert messages[-1]["content"].startswith("Query: shoe ") and model.bodies[0]["temperature"] == 0


def test_a_poor_labeller_fails_with_a_sentence(judgements, capsys):
    with serve(labels={}) as (_, endpoint):
        assert main([*endpoint, "--judgements", str(judgements), *ONE_VIEW]) == 1
    assert "the teacher does not qualify: +0.0 points of accuracy" in capsys.readouterr().out


def test_answers_out_of_form_are_wrong(judgements, capsys):
    with serve(has_form=False) as (_, endpoint):
        assert main([*endpoint, "--judgements", str(judgements), *ONE_VIEW]) == 1
    assert "answers in form      0.000" in capsys.readouterr().out


def test_a_shops_own_file_is_read(tmp_path, capsys):
    lines = [f"{row['query']},{row['title']},{row['label']}" for row in ROWS]
    (tmp_path / "pairs.csv").write_text("query,title,label\n" + "\n".join(lines))
    with serve() as (_, endpoint):
        assert main([*endpoint, "--judgements", str(tmp_path / "pairs.csv"), *ONE_VIEW]) == 0
    assert "judged pairs         24 of 24 queries" in capsys.readouterr().out


def test_the_serving_student_is_compared_with(judgements, tmp_path, capsys):
    empty = dict.fromkeys(contracts.PREDICTIONS.names, "") | {"probabilities": [1.0, 0, 0, 0], "score": 0.5}
    predictions = [
        empty | {name: row[name] for name in ("query_id", "item_id")} | {"predicted_label": row["label"]}
        for row in ROWS
    ]
    contracts.write(predictions, contracts.PREDICTIONS, tmp_path / "student")
    with serve() as (_, endpoint):
        main([*endpoint, "--judgements", str(judgements), "--student", str(tmp_path / "student"), *ONE_VIEW])
    out = capsys.readouterr().out
    assert "student that serves  1.000" in out and "its labels stand in for no judgement: +0.0 points" in out


@pytest.mark.parametrize(
    ("fields", "arguments", "sentence"),
    [
        ({"key": "other"}, [], "refuses the key (Error code: 401"),
        ({"names": ("a", "b")}, [], "has 2 models (a, b): name one by --model (BROADFAST_LLM_MODEL)"),
        ({"refused_fields": ("logprobs",)}, [], "unsupported: logprobs"),
        ({"refused_fields": ("max_tokens",)}, [], "--limit-name max_completion_tokens"),
        ({}, ["--endpoint", "http://127.0.0.1:9/v1", "--model", "m"], "http://127.0.0.1:9/v1 cannot be reached"),
        ({}, ["--judgements", "nowhere.csv"], "--judgements nowhere.csv is no file"),
    ],
)
def test_what_fails_is_said_with_its_remedy(fields, arguments, sentence, judgements, capsys, monkeypatch):
    monkeypatch.setattr("components.api_client.TRIES", 0)
    with serve(**fields) as (_, endpoint):
        assert main([*endpoint, "--judgements", str(judgements), *arguments]) == 2
    err = capsys.readouterr().err
    assert "stopped: " in err and sentence in err


def test_servers_with_other_fields_can_be_asked(judgements):
    with serve(refused_fields=("logprobs", "max_tokens")) as (model, endpoint):
        options = ["--no-logprobs", "--limit-name", "max_completion_tokens", "--model", "big", *ONE_VIEW]
        assert main([*endpoint, "--judgements", str(judgements), *options]) == 0
    assert {(body["model"], body["max_completion_tokens"]) for body in model.bodies} == {("big", 256)}


def test_a_page_that_is_no_api_is_named(judgements, capsys):
    class Page(servers.JsonHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-length", "4")
            self.end_headers()
            self.wfile.write(b"<p/>")

    with servers.serving(Page, None) as url:
        assert main(["--endpoint", url, "--judgements", str(judgements)]) == 2
    assert "does not answer as OpenAI's API does" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--endpoint", "host:8000"], "--endpoint is 'host:8000': give an address as http://host:8000/v1"),
        (["--endpoint", "http://h/v1", "--pairs", "0"], "--pairs is 0: give a whole number from 1"),
        (["--endpoint", "http://h/v1", "--perspectives", "mood"], "invalid choice: 'mood'"),
    ],
)
def test_wrong_arguments_get_a_sentence(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2 and sentence in capsys.readouterr().err


def test_the_help_teaches(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for words in ("BROADFAST_LLM_API_KEY", "200 pairs are 600 requests", "exit status", "--price 0.15 0.60"):
        assert words in out, words
    assert all(len(line) <= 121 for line in out.splitlines())
