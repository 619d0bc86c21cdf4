"""The requests that the server takes: models whose JSON Schema it publishes and whose errors are one sentence each."""

from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components import contracts
from serving.validation_errors import describe_error

MAX_ITEMS = 1000
MAX_TEXT = 10_000  # characters of a query or of an item's field
MAX_NAME = 256  # characters of an id

Text = Annotated[str, Field(max_length=MAX_TEXT)]
NonBlankText = Annotated[str, Field(max_length=MAX_TEXT, pattern=r"\S", description="not blank")]
Name = Annotated[str, Field(max_length=MAX_NAME)]
Id = Annotated[str, Field(max_length=MAX_NAME, pattern=r"\S", description="not blank")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Ids = Annotated[list[Id], Field(min_length=1, max_length=MAX_ITEMS, json_schema_extra={"uniqueItems": True})]


class InvalidRequest(ValueError):
    """The request cannot be answered, and the message names the field and the fault."""


class Item(BaseModel):
    """An item that comes with the request, whose further fields are ignored."""

    model_config = ConfigDict(strict=True)

    title: NonBlankText
    item_id: Id | None = Field(None, description="its place in the list, from 0, where it is not given")
    query: NonBlankText | None = Field(None, description="the same for all items; may stand here instead of above")
    brand: Text | None = None
    category: Text | None = None
    attributes: Text | None = None
    price: Number | None = None
    rating: Number | None = None


class Ranking(BaseModel):
    """A query and what to rank for it: `item_ids` or `instances`."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={
            "oneOf": [{"required": ["item_ids"]}, {"required": ["instances"]}],
            "examples": [{"query": "trail running shoes", "item_ids": ["i1", "i2"], "user_id": "anna"}],
        },
    )

    query: NonBlankText | None = Field(None, description="needed, here or in each of the instances")
    item_ids: Ids = []
    instances: Annotated[list[Item], Field(min_length=1, max_length=MAX_ITEMS)] = []
    query_id: Name | None = None
    locale: Name | None = None
    query_class: Literal[*contracts.QUERY_CLASSES] | None = None
    user_id: Name | None = Field(None, description="never stored; its keyed hash is")
    request_id: Name | None = Field(None, description="names this page's exposures and outcomes; made up if absent")
    page_size: Annotated[int, Field(ge=1)] | None = Field(None, description="items shown; the others are only ranked")

    @model_validator(mode="after")
    def _check_query_and_items(self):
        if ("item_ids" in self.model_fields_set) == ("instances" in self.model_fields_set):
            both = "both" if self.item_ids else "neither"
            raise ValueError(f"the body has {both} of item_ids and instances; give exactly one")
        _check_single_query(self)
        _check_distinct(self.ids, "item_ids" if self.item_ids else "instances")
        return self

    @cached_property
    def ids(self) -> list[str]:
        """Return the items' ids, in request order."""
        return self.item_ids or [item.item_id or str(index) for index, item in enumerate(self.instances)]

    @cached_property
    def items(self) -> list[dict]:
        """Return the items that came with the request, with their ids."""
        rows = zip(self.ids, self.instances, strict=True)
        return [row.model_dump(exclude={"query"}) | {"item_id": item_id} for item_id, row in rows]

    @property
    def page_length(self) -> int:
        """Return the number of items that the page shows."""
        return min(self.page_size or len(self.ids), len(self.ids))


Schema = TypeVar("Schema", bound=Ranking)


def parse(payload: Any, schema: type[Schema] = Ranking) -> Schema:
    """Parse a request body, which is JSON as bytes or already decoded.

    Raises:
        InvalidRequest: anything is missing, of another type, too long, too many, not known, or no Unicode.
    """
    if isinstance(payload, (bytes, bytearray)):
        try:
            payload = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"the body is not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise InvalidRequest("the body is no JSON object; give one with query and item_ids or instances")
    try:
        return schema.model_validate(payload)
    except ValidationError as error:
        raise InvalidRequest(describe_error(error)) from error


def _check_single_query(ranking: Ranking) -> None:
    queries = {item.query for item in ranking.instances} | {ranking.query}
    queries.discard(None)
    if not queries:
        raise ValueError("query is missing")
    if len(queries) > 1:
        raise ValueError("the instances name different queries; send a request for each")
    ranking.query = queries.pop()


def _check_distinct(ids: list[str], name: str) -> None:
    earlier_ids = set()
    for item_id in ids:
        if item_id in earlier_ids:
            raise ValueError(f"{name} names the item {item_id!r} twice")
        earlier_ids.add(item_id)
