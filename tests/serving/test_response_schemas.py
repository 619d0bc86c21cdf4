"""The published schema allows what the server takes, and forbids what it refuses."""

import jsonschema
from hypothesis import given, settings

from serving.request_schemas import InvalidRequest, Ranking, parse
from testing.request_bodies import rankings

SCHEMA = jsonschema.Draft202012Validator(Ranking.model_json_schema())
BEYOND = ("query is missing", "different queries", "twice", "finite", "Unicode")  # what no JSON Schema can say


def refusal(body) -> str:
    """Return the sentence that refuses a body, or an empty text."""
    try:
        parse(body)
    except InvalidRequest as error:
        return str(error)
    return ""


@settings(max_examples=400, deadline=None, derandomize=True)
@given(rankings())
def test_the_published_schema_decides_alike(body):
    sentence = refusal(body)
    if SCHEMA.is_valid(body):
        assert not sentence or any(words in sentence for words in BEYOND), sentence
    else:
        assert sentence


def test_the_openapi_document_holds_both_verbs():
    from fastapi import FastAPI

    from serving.openapi import build_document
    from serving.response_schemas import POSTS

    app = FastAPI()
    for path in POSTS:
        app.add_api_route(path, lambda model_name: None, methods=["POST"])
    openapi = build_document(app, "relevance", "v1", POSTS)
    request_body = openapi["paths"]["/v1/models/{model_name}:predict"]["post"]["requestBody"]["content"]
    assert request_body["application/json"]["schema"] == {"$ref": "#/components/schemas/Ranking"}
    assert {"Ranking", "Item", "Predictions", "Explanations", "Error"} <= openapi["components"]["schemas"].keys()
