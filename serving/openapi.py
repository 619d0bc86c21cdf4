"""Puts the models that a server really checks into its OpenAPI document."""

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema


class Error(BaseModel):
    """Why a request was not answered."""

    error: str = Field(description="one sentence; it names the field")


def document(app: FastAPI, title: str, version: str, posts: Mapping[str, tuple[type, type]]) -> dict:
    """The application's document, with a request and an answer for the POST of each path."""
    said = get_openapi(title=title, version=version, routes=app.routes)
    models = {model for pair in posts.values() for model in pair} | {Error}
    wanted = [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)]
    _, schemas = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    said.setdefault("components", {}).setdefault("schemas", {}).update(schemas["$defs"])
    for path, (request, answer) in posts.items():
        said["paths"][path]["post"] |= {"requestBody": {"required": True, **_json(request)}}
        said["paths"][path]["post"]["responses"] = {
            "200": {"description": "done", **_json(answer)},
            "400": {"description": "the request is wrong", **_json(Error)},
            "413": {"description": "the body is too large", **_json(Error)},
            "503": {"description": "it may be sent again later", **_json(Error)},
        }
    return said


def _json(model: type) -> dict:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}}
