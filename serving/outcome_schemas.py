"""The outcomes that the collector takes, and their rows."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from serving.request_schemas import MAX_ITEMS, Id, InvalidRequest
from serving.validation_errors import describe_error

FIELDS_BY_KIND = {"click": (), "order": ("revenue", "currency"), "grade": ("grade",)}


class Outcome(BaseModel):
    """What became of one item: an order has revenue and currency, a grade its grade."""

    model_config = ConfigDict(strict=True, extra="forbid")

    request_id: Id = Field(description="of the page that showed the item")
    item_id: Id
    kind: Literal["click", "order", "grade"]
    order_id: Id | None = Field(None, description="of the shop's order: two orders of one item are two")
    time: str | None = Field(None, description="ISO 8601 with a time zone; now where it is absent")
    revenue: Annotated[int, Field(ge=0, lt=2**63)] | None = Field(None, description="in the currency's minor units")
    currency: Annotated[str, Field(min_length=3, max_length=3)] | None = Field(None, description="ISO 4217")
    grade: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="satisfaction")

    @field_validator("time")
    @classmethod
    def _check_time(cls, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"is {text[:80]!r}; give ISO 8601 with a time zone") from error
        if moment.tzinfo is None:
            raise ValueError(f"is {text!r}, without a time zone")
        return text

    @model_validator(mode="after")
    def _check_fields(self):
        for name in ("revenue", "currency", "grade"):
            is_present = getattr(self, name) is not None
            is_expected = name in FIELDS_BY_KIND[self.kind]
            if is_present != is_expected:
                raise ValueError(f"is of kind {self.kind} with{'out' if is_expected else ''} {name}")
        return self

    def row(self, now: datetime) -> dict:
        """Return the row of OUTCOMES."""
        return self.model_dump() | {"time": datetime.fromisoformat(self.time).astimezone(UTC) if self.time else now}


class Outcomes(BaseModel):
    """A batch, of which all or nothing is taken."""

    model_config = ConfigDict(strict=True, extra="forbid")

    outcomes: Annotated[list[Outcome], Field(min_length=1, max_length=MAX_ITEMS)]


class Accepted(BaseModel):
    """The number of rows that were written."""

    row_count: int = Field(alias="accepted")


def parse_outcomes(body: bytes, now: datetime) -> list[dict]:
    """Parse a request's body into rows of OUTCOMES: all of it, or none.

    Raises:
        InvalidRequest: an entry lacks a field, or has an impossible value; the sentence names entry and field.
    """
    try:
        batch = Outcomes.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    except ValidationError as error:
        raise InvalidRequest(describe_error(error)) from error
    return [outcome.row(now) for outcome in batch.outcomes]
