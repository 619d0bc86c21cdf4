"""The interleaver in front of two rankers: one page of both, and one ranker's list where the other fails."""

import asyncio
import json
from dataclasses import replace
from functools import partial

import httpx
import numpy as np
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient

from components import contracts
from components.experiment.analyse import main
from components.experiment.assignment import user_hash
from components.experiment.interleaving import TEAMS, draft
from components.experiment.interleaving_coins import Search, draw_coins
from components.scoring.scores import Scores
from components.scoring.tokenizer import item_text
from serving import score_protocol
from serving.feature_lookup import QueryRow, Row, Unavailable, combine
from serving.interleaver import check_options, create_app, create_rankers, read_options
from serving.interleaver import main as main_of_interleaver
from serving.page_interleaver import PageInterleaver
from serving.page_token import PageToken
from serving.rankers import CANDIDATE, STABLE, Rankers
from serving.recorder import Recorder
from tests.serving.test_recorder import on_s3

PATH = "/v1/models/relevance:predict"
SECRET = "secret"
IDS = [f"i{number}" for number in range(12)]
HEADERS = {"x-experiment-id": "e1"}
HASH = partial(user_hash, SECRET)


class Shelf:
    """Features that know some items by heart, one of which has no price, and count how often they are asked."""

    def __init__(self):
        self.requests = 0

    def lookup(self, query, query_id, item_ids, locale=None):
        self.requests += 1
        known = [item_id for item_id in item_ids if item_id in IDS]
        row = {"category": "Shoes", "price": 1.0, "rating": 4.0}
        rows = [Row(row | {"item_id": item_id, "title": item_id}, 0.0) for item_id in known]
        unknown = [item_id for item_id in item_ids if item_id not in IDS]
        return replace(combine(QueryRow(query), rows, 60.0), unknown_ids=unknown)

    def lookup_for_inline_items(self, query, query_id, items):
        return combine(QueryRow(query), [Row(item, 0.0) for item in items], 60.0)


class Ranker:
    """A server's route for the interleaver, whose scores make an order of its own; it can be made to fail."""

    def __init__(self, version, order):
        self.version = version
        self.order = order
        self.delay_s = 0.0
        self.status = 200
        self.lost = 0  # scores that are left out
        self.requests = []
        self.app = FastAPI()
        self.app.post(score_protocol.PATH)(self.rank)

    async def rank(self, request: Request) -> Response:
        body = await request.body()
        if not score_protocol.is_signed(SECRET, body, request.headers.get(score_protocol.SIGNATURE, "")):
            return JSONResponse({"error": "unsigned"}, 403)
        self.requests.append(body)
        await asyncio.sleep(self.delay_s)
        if self.status != 200:
            return JSONResponse({"error": "broken"}, self.status)
        _, texts = score_protocol.decode_texts(body)
        places = {text: place for place, text in enumerate(self.order(texts), 1)}
        shares = [1 / places[text] for text in texts][self.lost :]
        probabilities = np.array([[share, 0, 0, 1 - share] for share in shares], np.float32)
        scores = Scores(contracts.LABELS, probabilities, np.empty((len(shares), 0)))
        return Response(score_protocol.encode_scores(self.version, scores))


def turn_neighbours(ids):
    return [ids[number ^ 1] for number in range(len(ids))]


class InProcess:
    """Sends requests to applications in this process."""

    def __init__(self, **client):
        self.http = httpx.AsyncClient(**client)

    async def post(self, url, content, headers):
        response = await self.http.post(url, content=content, headers=headers)
        return response.status_code, response.content


def create_client(rankers, recorder, features=None, secret=SECRET):
    stable, candidate = rankers
    mounts = {f"http://{ranker.version}": httpx.ASGITransport(ranker.app) for ranker in rankers}
    urls = {STABLE: f"http://{stable.version}", CANDIDATE: f"http://{candidate.version}"}
    pair = Rankers(urls, InProcess(mounts=mounts), secret, 0.2, 2.0)
    return TestClient(create_app(PageInterleaver(pair, recorder, HASH, features or Shelf())))


@pytest.fixture
def rankers():
    return Ranker("v1", list), Ranker("v2", turn_neighbours)


@pytest.fixture
def features():
    return Shelf()


@pytest.fixture
def recorder(tmp_path, objects):
    recorder = Recorder(tmp_path / "spool", objects.__setitem__, flush_seconds=3600)
    yield recorder
    recorder.close()


@pytest.fixture
def client(rankers, recorder, features):
    return create_client(rankers, recorder, features)


def search(client, **changes):
    body = {"query": "red shoe", "item_ids": IDS, "user_id": "anna", "page_size": 4, "request_id": "r1"} | changes
    answer = client.post(PATH, json={name: value for name, value in body.items() if value is not None}, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rows_of(recorder, objects, table="exposures"):
    recorder.flush()
    return sorted(on_s3(objects, table), key=lambda row: (row["request_id"], row.get("position")))


def expected_draft(day, user="anna"):
    coins = draw_coins("e1/interleaving", Search(HASH(user), "red shoe", "", "", day), 6)
    return draft(range(12), [number ^ 1 for number in range(12)], coins)


def test_a_page_is_the_draft_of_both(client, recorder, objects):
    answer = search(client)
    rows = rows_of(recorder, objects)
    whole = expected_draft(rows[0]["draft_day"])
    assert [row["item_id"] for row in answer["predictions"]] == [IDS[number] for number in whole.items]
    assert [row["position"] for row in answer["predictions"]] == list(range(1, 13))
    assert [(row["item_id"], row["team"], row["pair"]) for row in rows] == [
        (IDS[whole.items[place]], TEAMS[whole.teams[place]], whole.pairs[place]) for place in range(4)
    ]
    assert {(row["page_kind"], row["stable_version"], row["candidate_version"]) for row in rows} == {
        ("interleaved", "v1", "v2")
    }
    assert all(row["version"] == {"A": "v1", "B": "v2"}[row["team"]] for row in rows)


def test_ranks_of_both_are_logged(client, recorder, objects):
    search(client, page_size=12)
    for row in rows_of(recorder, objects):
        number = IDS.index(row["item_id"])
        assert (row["stable_rank"], row["candidate_rank"]) == (number + 1, (number ^ 1) + 1)
        assert row["stable_score"] == pytest.approx(1 / (number + 1))


def test_rankers_get_texts_and_know_no_user(client, rankers, features):
    search(client)
    assert rankers[0].requests == rankers[1].requests == [score_protocol.encode_texts("red shoe", [*map(text_of, IDS)])]
    assert features.requests == 1


def text_of(item_id):
    return item_text({"title": item_id, "category": "Shoes"})


def test_a_ranker_that_knows_another_secret_refuses(rankers, recorder):
    client = create_client(rankers, recorder, secret="other")
    answer = client.post(PATH, json={"query": "q", "item_ids": IDS})
    assert answer.status_code == 503 and rankers[0].requests == []


def test_pages_hold_each_item_once(client, recorder, objects):
    token = None
    seen = []
    for number in range(3):
        answer = search(client, page_token=token, request_id=f"r{number}")
        seen += [row["item_id"] for row in answer["predictions"][:4]]
        token = answer["next_page_token"]
    rows = rows_of(recorder, objects)
    assert sorted(seen) == sorted(IDS) and token is None
    assert [row["item_id"] for row in rows] == seen and [row["position"] for row in rows] == list(range(1, 13))


def test_a_reload_shows_the_same_page(client):
    assert search(client)["predictions"] == search(client, query=" Red  SHOE")["predictions"]


def test_a_token_keeps_the_day(client, recorder, objects):
    token = PageToken("2026-01-05", 2, "v1", "v2").encode()
    search(client, page_token=token)
    rows = rows_of(recorder, objects)
    assert [row["item_id"] for row in rows] == [IDS[number] for number in expected_draft("2026-01-05").items[4:8]]


def test_a_new_version_ends_a_draft(client, recorder, objects):
    search(client, page_token=PageToken("2026-01-05", 2, "v1", "v0").encode())
    rows = rows_of(recorder, objects)
    assert [row["item_id"] for row in rows] == IDS[4:8] and {row["page_kind"] for row in rows} == {"fallback"}


@pytest.mark.parametrize(("failing", "version"), [(0, "v2"), (1, "v1")])
@pytest.mark.parametrize("fault", [{"status": 500}, {"delay_s": 1.0}])
def test_the_other_ranker_s_list_is_a_fallback(client, rankers, recorder, objects, failing, version, fault):
    vars(rankers[failing]).update(fault)
    answer = search(client)
    rows = rows_of(recorder, objects)
    assert answer["version"] == version and {row["version"] for row in rows} == {version}
    assert {(row["page_kind"], row["team"]) for row in rows} == {("fallback", None)} and len(rows) == 4


def test_a_fallback_names_who_ranked(client, rankers, recorder, objects):
    rankers[1].status = 500
    search(client)
    assert {(row["stable_version"], row["candidate_version"]) for row in rows_of(recorder, objects)} == {("v1", None)}


def test_a_header_names_who_ranked(client, rankers):
    body = {"query": "q", "item_ids": IDS, "page_size": 4}
    assert client.post(PATH, json=body).headers["x-model-version"] == "v1+v2"
    rankers[0].status = 500
    assert client.post(PATH, json=body).headers["x-model-version"] == "v2"


def test_a_probe_leaves_no_row(client, recorder, objects):
    answer = client.post(PATH, json={"query": "q", "item_ids": IDS, "user_id": "anna"}, headers={"x-shadow": "1"})
    assert answer.status_code == 200 and rows_of(recorder, objects, "requests") == []


def test_a_fallback_goes_on_as_one(client, rankers, recorder, objects):
    rankers[1].status = 500
    token = search(client)["next_page_token"]
    rankers[1].status = 200
    search(client, page_token=token, request_id="r2")
    assert [row["item_id"] for row in rows_of(recorder, objects)] == IDS[:8]


@pytest.mark.parametrize("failing", [0, 1])
def test_a_draft_that_ends_repeats_no_item(client, rankers, recorder, objects, failing):
    rankers[1].order = lambda texts: texts[::-1]
    token = search(client)["next_page_token"]
    rankers[failing].status = 500
    for number in (2, 3):
        token = search(client, page_token=token, request_id=f"r{number}")["next_page_token"]
        rankers[failing].status = 200  # the list goes on as one, whoever ranks it
    rows = rows_of(recorder, objects)
    assert token is None and sorted(row["item_id"] for row in rows) == sorted(IDS)
    assert [row["position"] for row in rows] == list(range(1, 13))
    assert [row["page_kind"] for row in rows] == ["interleaved"] * 4 + ["fallback"] * 8


def test_failures_are_counted_by_version(client, rankers):
    search(client)
    rankers[1].status = 500
    search(client, request_id="r2")
    text = client.get("/metrics").text
    assert 'broadfast_ranker_failures_total{ranker="candidate",reason="error",version="v2"}' in text
    assert 'broadfast_ranker_seconds_count{ranker="stable",version="v1"}' in text
    assert 'broadfast_features_missing_total{version="v2"}' in text


def test_slow_rankers_are_waited_for(client, rankers):
    for ranker in rankers:
        ranker.delay_s = 0.4  # beyond the deadline
    assert search(client)["version"] == "v1"


def test_without_rankers_nothing_is_shown(client, rankers, recorder, objects):
    for ranker in rankers:
        ranker.status = 500
    answer = client.post(PATH, json={"query": "q", "item_ids": IDS})
    assert (answer.status_code, answer.json()["error"]) == (
        503,
        "neither ranker answered: the request may be sent again",
    )
    assert [row["status"] for row in rows_of(recorder, objects, "requests")] == [503, 500, 500]


def test_an_unknown_item_is_named_and_logged(client, recorder, objects):
    answer = client.post(PATH, json={"query": "q", "item_ids": ["i1", "zz"]})
    assert (answer.status_code, answer.json()) == (400, {"error": "item_ids names an unknown item, 'zz'"})
    assert [row["status"] for row in rows_of(recorder, objects, "requests")] == [400]


def test_a_store_that_is_away_is_said(rankers, recorder):
    class Away(Shelf):
        def lookup(self, *_):
            raise Unavailable("the feature store does not answer, and the text of 'i0' is not remembered")

    answer = create_client(rankers, recorder, Away()).post(PATH, json={"query": "q", "item_ids": IDS})
    assert answer.status_code == 503 and "the text of 'i0' is not remembered" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"item_ids": IDS}, "query is missing"),
        ({"query": "q", "item_ids": IDS, "page_token": "!"}, "page_token is no token of this server"),
        ({"query": "q", "item_ids": IDS, "page_token": PageToken("today", 1, "", "").encode()}, "page_token is no"),
        ({"query": "q", "item_ids": IDS, "page_token": PageToken("2026-01-05", 0, "", "").encode()}, "page_token"),
        ({"query": "q", "item_ids": IDS, "page_token": PageToken("20260105", 1, "", "").encode()}, "page_token"),
        ({"query": "q", "item_ids": IDS, "page_token": PageToken("2026-01-05", True, "", "").encode()}, "page_token"),
        ({"query": "q", "item_ids": IDS, "page_token": PageToken("2026-01-05", 2, "", "", "x").encode()}, "page_token"),
        ({"query": "q", "item_ids": IDS, "colour": "red"}, "colour"),
    ],
)
def test_wrong_fields_are_named(client, body, sentence):
    answer = client.post(PATH, json=body)
    assert answer.status_code == 400 and sentence in answer.json()["error"]


def test_nobody_gets_the_stable_list(client, recorder, objects):
    search(client, user_id=None)
    rows = rows_of(recorder, objects)
    assert [row["item_id"] for row in rows] == IDS[:4] and {row["page_kind"] for row in rows} == {None}


def test_scores_of_fewer_items_are_a_fallback(client, rankers, recorder, objects):
    rankers[1].lost = 1
    search(client)
    assert {row["page_kind"] for row in rows_of(recorder, objects)} == {"fallback"}


def test_one_version_twice_is_a_fallback(client, rankers, recorder, objects):
    rankers[1].version = "v1"
    search(client)
    assert {row["page_kind"] for row in rows_of(recorder, objects)} == {"fallback"}


def test_a_request_is_logged_with_both_rankers(client, rankers, recorder, objects):
    search(client)
    rankers[1].delay_s = 1.0
    search(client, request_id="r2")
    rows = {row["request_id"]: row for row in rows_of(recorder, objects, "requests")}
    assert [(name, row["version"], row["status"]) for name, row in sorted(rows.items())] == [
        ("r1", "v1", 200),
        ("r1/candidate", "v2", 200),
        ("r1/stable", "v1", 200),
        ("r2", "v1", 200),
        ("r2/candidate", "v2", 504),
        ("r2/stable", "v1", 200),
    ]
    assert {row["assigned_arm"] for name, row in rows.items() if "/" in name} == {"interleave"}
    assert rows["r1"]["assigned_arm"] is None and rows["r1"]["user_hash"] == HASH("anna")
    assert {row["items"] for row in rows.values()} == {12} and {row["experiment_id"] for row in rows.values()} == {"e1"}
    assert rows["r2/candidate"]["latency_ms"] >= 200 > rows["r1/candidate"]["latency_ms"] > 0


def test_a_full_spool_is_named(rankers, tmp_path):
    closed = Recorder(tmp_path / "full", {}.__setitem__, flush_seconds=3600)
    client = create_client(rankers, closed)
    closed.close()
    answer = client.post(PATH, json={"query": "q", "item_ids": IDS, "user_id": "anna"})
    assert answer.status_code == 503 and "it cannot be recorded: the server is stopping" in answer.json()["error"]


def test_the_analysis_computes_every_coin_again(rankers, tmp_path):
    """Serve 120 users, and read what was recorded by the command that judges it."""
    objects = {}
    recorder = Recorder(tmp_path / "spool", objects.__setitem__, flush_seconds=3600)
    client = create_client(rankers, recorder)
    for number in range(120):
        search(client, user_id=f"u{number}", request_id=f"r{number}", locale="us", page_size=5)
    recorder.close()
    for name, content in objects.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    contracts.write([], contracts.OUTCOMES, tmp_path / "logs" / "outcomes" / "none.parquet")
    folders = [f"--{table}={tmp_path / 'logs' / table}" for table in ("exposures", "outcomes")]
    assert main([*folders, "--interleaved", "--salt=e1", f"--out={tmp_path / 'out'}"]) == 0
    document = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert (document["used"], document["users"]["with_pair"], document["set_aside"]) == (600, 120, {})
    assert (document["coin"]["checked_drafts"], document["coin"]["wrong_drafts"]) == (120, 0)


def test_knative_picks_a_revision_by_its_tag(rankers, monkeypatch, recorder):
    """Have one address stand for both revisions, as Knative's gateway does."""
    stable, candidate = rankers
    by_tag = {b"prev": stable.app, b"latest": candidate.app}

    async def gateway(scope, receive, send):
        await by_tag[dict(scope["headers"])[b"knative-serving-tag"]](scope, receive, send)

    monkeypatch.setattr("sys.argv", ["interleaver", "--knative-tags"])
    monkeypatch.setenv("BROADFAST_GATEWAY_URL", "http://relevance-predictor.shop.svc/")
    options = read_options()
    check_options(options)
    pair = create_rankers(options, SECRET)
    pair.http = InProcess(transport=httpx.ASGITransport(gateway))
    client = TestClient(create_app(PageInterleaver(pair, recorder, HASH, Shelf())))
    assert client.post(PATH, json={"query": "q", "item_ids": IDS}).headers["x-model-version"] == "v1+v2"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--stable-url=localhost:1"], "--stable-url is 'localhost:1': give http://HOST:PORT"),
        (["--candidate-url=http://"], "--candidate-url is 'http:': give http://HOST:PORT"),
        (["--candidate-url=http://a:port"], "--candidate-url is 'http://a:port' (Invalid port: 'port')"),
        (["--candidate-url=http://a/"], "--stable-url and --candidate-url are both http://a: give two servers"),
        (["--knative-tags"], "--knative-tags asks BROADFAST_GATEWAY_URL: give no --stable-url"),
        (["--deadline-ms=nan"], "--deadline-ms is nan: give milliseconds above 0, at most 10,000"),
        (["--deadline-ms=inf"], "--deadline-ms is inf: give milliseconds above 0"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(monkeypatch, words, sentence):
    monkeypatch.setattr("sys.argv", ["interleaver", "--stable-url=http://a", "--candidate-url=http://b", *words])
    with pytest.raises(SystemExit) as stop:
        main_of_interleaver()
    assert stop.value.code.startswith("the interleaver cannot start: ") and sentence in stop.value.code
