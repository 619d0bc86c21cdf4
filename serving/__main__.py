"""The relevance server: `python -m serving --package FOLDER --features FOLDER`; stops when either cannot load."""

import argparse
import sys
from functools import partial

from components import storage
from components.experiment.assignment import user_hash
from components.settings import Settings
from serving.import_guard import stay_light
from serving.metrics import Stages
from serving.recorder import Recorder, recorder_of, spool_options


def main() -> None:
    """Load everything, serve until SIGTERM, then answer what is in flight and upload what was recorded."""
    options = _options()
    stay_light()
    try:
        model, recorder = load(options)
    except (ValueError, OSError) as error:
        sys.exit(f"the relevance server cannot start: {error}")
    model.name = options.name
    try:
        serve(model, recorder, options)
    finally:
        recorder.close()


def load(options: argparse.Namespace):
    """The model with all it needs, ready to answer, and the recorder to close at the end.

    Raises:
        ValueError, OSError: one of the folders is not what it should be, or a setting is missing; in one sentence.
    """
    from components.scoring.nearest_rationale import NearestRationale
    from components.scoring.scorer import Scorer
    from serving.cache import CachedScorer
    from serving.explain import Explainer
    from serving.features import OnlineFeatures
    from serving.server import RelevanceModel

    hash_user = partial(user_hash, Settings().user_hash_secret)
    hash_user("")  # says now, and not at the first request, that there is no secret
    storage.client()  # likewise that no S3 is configured
    scorer = CachedScorer(Scorer(options.package))
    scorer([("probe", "probe")], Stages(scorer.version))
    explainer, online = Explainer(NearestRationale(options.package)), OnlineFeatures(options.features)
    recorder = recorder_of(options)
    return RelevanceModel(scorer, online, explainer, recorder, hash_user), recorder


def serve(model, recorder: Recorder, options: argparse.Namespace) -> None:
    """Answer over HTTP and gRPC on one address, with KServe's server, until a signal ends it."""
    from kserve import ModelServer
    from kserve.model_server import app

    from serving.grpc_servicer import servicer
    from serving.kserve_patches import StrictDataPlane, bind, quiet, refuse_in_a_sentence
    from serving.openapi import document
    from serving.request_log import RequestLog
    from serving.response_schemas import POSTS

    bind(options.host, servicer(recorder, model.version))
    ports = {"http_port": options.port, "enable_grpc": bool(options.grpc_port), "grpc_port": options.grpc_port}
    server = ModelServer(**ports, workers=1, enable_latency_logging=False)
    server.dataplane = StrictDataPlane(model_registry=server.registered_models)
    quiet()
    app.add_middleware(RequestLog, recorder=recorder, version=model.version)
    refuse_in_a_sentence(app)
    app.openapi = partial(document, app, "Broadfast relevance server", model.version, POSTS)
    server.start([model])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("--package", required=True, help="folder of the student's package")
    parser.add_argument("--features", help="folder of the night's features; not on a cluster (BROADFAST_REDIS)")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind: 0.0.0.0 in a pod")
    parser.add_argument("--port", type=int, default=8080, help="of REST: V1, V2, /metrics, /openapi.json")
    parser.add_argument("--grpc-port", type=int, default=0, help="of gRPC (V2); 0, the default, serves none")
    parser.add_argument("--name", default="relevance", help="the model's name in /v1/models/NAME:predict")
    spool_options(parser, "runs/spool/relevance")
    return parser.parse_args()


if __name__ == "__main__":
    main()
