"""The answers of the relevance server, for the OpenAPI document, which KServe leaves open."""

from pydantic import BaseModel, Field

from serving.request_schemas import Ranking


class Prediction(BaseModel):
    """An item at its place in the ranking."""

    item_id: str
    label: str
    probabilities: dict[str, float] = Field(description="of each label, calibrated; they sum to one")
    score: float = Field(description="the expected gain, for ranking", ge=0, le=1)
    position: int = Field(ge=1)
    stale: bool = Field(description="a number was over its age limit, and its default was used")
    missing: list[str] = Field(description="numbers that were not known, or stale: their defaults were used")


class Predictions(BaseModel):
    """All items in rank order."""

    predictions: list[Prediction]
    version: str = Field(description="of the student that answered; also in the header x-model-version")
    request_id: str
    is_degraded: bool = Field(
        alias="degraded", description="the feature store did not answer: defaults and remembered rows were used"
    )


class Rationale(BaseModel):
    """The teacher's text on a pair whose reasoning is near."""

    query_id: str
    item_id: str
    perspective: str
    text: str
    predicted_label: str = Field(
        description="what the teacher concluded of that pair: its judged label, and this item's label"
    )
    similarity: float = Field(description="cosine to this item's latent reasoning", ge=-1, le=1)


class Explanation(BaseModel):
    """The reasons for an item's label."""

    item_id: str
    label: str
    score: float
    features: dict[str, float]
    rationales: list[Rationale] = Field(description="those that argue for the label, nearest first")
    reason: str | None = Field(description="why there is no rationale, null where there is one")


class Explanations(BaseModel):
    """One explanation an item, in request order."""

    explanations: list[Explanation]
    version: str
    request_id: str


POSTS = {
    "/v1/models/{model_name}:predict": (Ranking, Predictions),
    "/v1/models/{model_name}:explain": (Ranking, Explanations),
}
