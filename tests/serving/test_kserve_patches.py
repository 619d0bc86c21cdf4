"""What KServe's server prints of its own."""

from fastapi.responses import ORJSONResponse

from serving.kserve_patches import ignore_deprecations


def test_answers_of_kserve_warn_of_nothing():
    ignore_deprecations()
    assert ORJSONResponse({"ready": True}).body == b'{"ready":true}'
