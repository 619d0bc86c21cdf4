"""The outcomes that the collector takes, and their rows."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from components.currencies import normalize_currency
from serving.request_schemas import MAX_ITEMS, Id, InvalidRequest
from serving.validation_errors import describe_error

REQUIRED_FIELDS = {
    "click": (),
    "order": ("revenue", "currency"),
    "refund": ("revenue", "currency"),
    "grade": ("grade",),
}
KINDS_WITH_ORDER_ID = ("order", "refund")
OLDEST = timedelta(days=366)
NEWEST = timedelta(days=1)  # ahead: clocks of shops and browsers differ
LARGEST = 2**63


@dataclass(frozen=True)
class BatchContext:
    """What a batch of outcomes is checked against."""

    now: datetime
    currency: str = ""  # the platform's one currency; an empty text takes any


class Outcome(BaseModel):
    """What became of one item: orders and refunds have revenue and currency."""

    model_config = ConfigDict(strict=True, extra="forbid")

    request_id: Id = Field(description="of the page that showed the item")
    item_id: Id
    kind: Literal["click", "order", "refund", "grade"]
    order_id: Id | None = Field(None, description="of the shop's order: two orders of one item are two")
    time: str | None = Field(None, description="ISO 8601 with a time zone; now where it is absent")
    revenue: Annotated[int, Field(gt=-LARGEST, lt=LARGEST)] | None = Field(
        None, description="in the currency's minor units; a refund's counts as negative, whatever its sign"
    )
    currency: Annotated[str, Field(min_length=3, max_length=3)] | None = Field(
        None, description="a code of ISO 4217, in small or capital letters"
    )
    grade: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="satisfaction")

    @field_validator("time")
    @classmethod
    def _check_time(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"is {text[:80]!r}; give ISO 8601 with a time zone") from error
        if moment.tzinfo is None:
            raise ValueError(f"is {text!r}, without a time zone")
        now = info.context.now
        if not now - OLDEST <= moment <= now + NEWEST:
            raise ValueError(f"is {text[:80]!r}; give a time of the last {OLDEST.days} days, at most one day ahead")
        return text

    @field_validator("revenue")
    @classmethod
    def _check_revenue(cls, revenue: int | None, info: ValidationInfo) -> int | None:
        if revenue is not None and revenue < 0 and info.data.get("kind") == "order":
            raise ValueError(f"is {revenue}; give at least 0, or the kind refund")
        return revenue

    @field_validator("currency")
    @classmethod
    def _check_currency(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return None
        code = normalize_currency(text)
        if info.context.currency not in ("", code):
            raise ValueError(f"is {code}; this platform takes {info.context.currency} (BROADFAST_CURRENCY)")
        return code

    @model_validator(mode="after")
    def _check_fields(self):
        for name in ("revenue", "currency", "grade"):
            is_present = getattr(self, name) is not None
            is_expected = name in REQUIRED_FIELDS[self.kind]
            if is_present != is_expected:
                raise ValueError(f"is of kind {self.kind} with{'out' if is_expected else ''} {name}")
        if self.order_id is not None and self.kind not in KINDS_WITH_ORDER_ID:
            raise ValueError(f"is of kind {self.kind} with order_id")
        return self

    def row(self, now: datetime) -> dict:
        """Return the row of OUTCOMES."""
        row = self.model_dump()
        row["time"] = datetime.fromisoformat(self.time).astimezone(UTC) if self.time else now
        if self.kind == "refund":
            row["revenue"] = -abs(self.revenue)
        return row


class Outcomes(BaseModel):
    """A batch, of which all or nothing is taken."""

    model_config = ConfigDict(strict=True, extra="forbid")

    outcomes: Annotated[list[Outcome], Field(min_length=1, max_length=MAX_ITEMS)]


class Accepted(BaseModel):
    """The number of rows that were written."""

    row_count: int = Field(alias="accepted")


def parse_outcomes(body: bytes, context: BatchContext) -> list[dict]:
    """Parse a request's body into rows of OUTCOMES: all of it, or none.

    Raises:
        InvalidRequest: an entry lacks a field, or has an impossible value; the sentence names entry and field.
    """
    try:
        batch = Outcomes.model_validate(orjson.loads(body), context=context)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    except ValidationError as error:
        raise InvalidRequest(describe_error(error)) from error
    return [outcome.row(context.now) for outcome in batch.outcomes]
