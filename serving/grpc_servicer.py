"""The V2 protocol over gRPC: KServe's service with a REQUESTS row a request, and no way to unload the model."""

import time

from grpc import StatusCode
from kserve.errors import InvalidInput, ModelNotFound, ServerNotReady
from kserve.protocol.grpc.servicer import InferenceServicer

from serving.request_log import finish_entry, start_entry

STATUS = {InvalidInput: 400, ModelNotFound: 404, ServerNotReady: 503}


class VersionNotFound(ModelNotFound):
    """The request names a version that is not served here."""

    def __init__(self, name: str, version: str):
        super().__init__()
        self.reason = f"version {name[:80]!r} is not served here; {version!r} is"


def check_version(name: str, version: str) -> None:
    """Check the version that a request names, if any, against the one that is served.

    Raises:
        VersionNotFound: it is another.
    """
    if name not in ("", version):
        raise VersionNotFound(name, version)


def build_servicer(recorder, version: str) -> type:
    """Return the service class of one model and its recorder."""

    class Servicer(InferenceServicer):
        async def ModelInfer(self, request, context):  # noqa: N802
            metadata = dict(context.invocation_metadata())
            entry = start_entry(metadata.get("x-request-id", ""))
            entry.version = version
            entry.is_shadow = metadata.get("x-shadow") == "1"
            await context.send_initial_metadata((("x-model-version", version),))
            start = time.perf_counter()
            status = 500
            try:
                check_version(request.model_version, version)
                answer = await super().ModelInfer(request, context)
                status = 200
                return answer
            except tuple(STATUS) as error:
                status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
                raise
            finally:
                finish_entry(recorder, entry, status, "grpc", time.perf_counter() - start)

        async def ModelReady(self, request, context):  # noqa: N802
            check_version(request.version, version)
            return await super().ModelReady(request, context)

        async def ModelMetadata(self, request, context):  # noqa: N802
            check_version(request.version, version)
            return await super().ModelMetadata(request, context)

        async def RepositoryModelLoad(self, request, context):  # noqa: N802
            await context.abort(StatusCode.UNIMPLEMENTED, "not served here")

        RepositoryModelUnload = RepositoryModelLoad

    return Servicer
