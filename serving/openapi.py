"""The OpenAPI document, with the models that the server really checks."""

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema


class Error(BaseModel):
    """Why a request was not answered."""

    error: str = Field(description="one sentence; it names the field")


def build_document(app: FastAPI, title: str, version: str, posts: Mapping[str, tuple[type, type]]) -> dict:
    """Build the application's document, with the models of each POST.

    `posts` maps a path to the types of its request and its answer.
    """
    openapi = get_openapi(title=title, version=version, routes=app.routes)
    models = {Error}.union(*posts.values())
    typed_models = [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)]
    _, schemas = models_json_schema(typed_models, ref_template="#/components/schemas/{model}")
    openapi.setdefault("components", {}).setdefault("schemas", {}).update(schemas["$defs"])
    for path, (request, answer) in posts.items():
        post = openapi["paths"][path]["post"]
        post["requestBody"] = {"required": True, **_json_content(request)}
        post["responses"] = {
            "200": {"description": "done", **_json_content(answer)},
            "400": {"description": "the request is wrong", **_json_content(Error)},
            "413": {"description": "the body is too large", **_json_content(Error)},
            "415": {"description": "its content-encoding is not known", **_json_content(Error)},
            "503": {"description": "it may be sent again later", **_json_content(Error)},
        }
    return openapi


def _json_content(model: type) -> dict:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}}
