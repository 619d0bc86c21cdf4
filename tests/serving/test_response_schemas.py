"""The published schema is the one that is checked: what the server takes is allowed by it, and the other way round."""

import jsonschema
from hypothesis import given, settings

from serving.request_schemas import Ranking, Refused, parse
from testing.request_bodies import rankings

SCHEMA = jsonschema.Draft202012Validator(Ranking.model_json_schema())
BEYOND = ("query is missing", "different queries", "twice", "finite", "Unicode")  # what no JSON Schema can say


def refusal(body) -> str:
    """Why a body is refused; nothing where it is not."""
    try:
        parse(body)
    except Refused as error:
        return str(error)
    return ""


@settings(max_examples=400, deadline=None, derandomize=True)
@given(rankings())
def test_what_the_schema_allows_is_taken_and_what_it_forbids_is_refused(body):
    refused = refusal(body)
    if SCHEMA.is_valid(body):
        assert not refused or any(words in refused for words in BEYOND), refused
    else:
        assert refused


def test_the_openapi_document_holds_requests_answers_and_errors_of_both_verbs():
    from fastapi import FastAPI

    from serving.openapi import document
    from serving.response_schemas import POSTS

    app = FastAPI()
    for path in POSTS:
        app.add_api_route(path, lambda model_name: None, methods=["POST"])
    said = document(app, "relevance", "v1", POSTS)
    asked = said["paths"]["/v1/models/{model_name}:predict"]["post"]["requestBody"]["content"]
    assert asked["application/json"]["schema"] == {"$ref": "#/components/schemas/Ranking"}
    assert {"Ranking", "Item", "Predictions", "Explanations", "Error"} <= said["components"]["schemas"].keys()
