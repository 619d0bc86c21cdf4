"""The relevance server: `python -m serving --package FOLDER --features FOLDER`.

Without a feature store: `--text-only`, or BROADFAST_FEATURE_STORE=off.
"""

import argparse
import secrets
import sys
from functools import partial

from components import storage
from components.experiment.assignment import user_hash
from components.package_signature import check_signature
from components.settings import Settings
from serving.feature_source import add_feature_options, open_features
from serving.import_guard import stay_light
from serving.metrics import Stages
from serving.ports import check_port
from serving.recorder import Recorder
from serving.spool_options import add_spool_options, create_recorder
from serving.text_only import NoRecorder


def main() -> None:
    """Serve until SIGTERM, then answer open requests and upload the logs."""
    options = _read_options()
    try:
        check_ports(options)
        check_signature(options.package)
        stay_light()
        model, recorder = load(options)
    except (ValueError, OSError) as error:
        sys.exit(f"the relevance server cannot start: {error}")
    model.name = options.name
    try:
        serve(model, recorder, options)
    finally:
        recorder.close()


def check_ports(options: argparse.Namespace) -> None:
    """Check that the server can listen where its options say.

    Raises:
        ValueError: a port cannot be used; in one sentence.
    """
    check_port("--port", options.host, options.port)
    if options.grpc_port:
        check_port("--grpc-port", options.host, options.grpc_port)


def load(options: argparse.Namespace):
    """Load the model, ready to answer, and its recorder, which the caller closes.

    Raises:
        ValueError, OSError: one of the folders is not what it should be, or a setting is missing; in one sentence.
    """
    from components.scoring.nearest_rationale import NearestRationale
    from components.scoring.scorer import Scorer
    from serving.cache import CachedScorer
    from serving.explain import Explainer
    from serving.item_index import open_item_index
    from serving.scraped_metrics import show_queries
    from serving.server import RelevanceModel

    hash_user = partial(user_hash, _read_user_hash_secret(options.no_record))
    hash_user("")  # fails now, and not at the first request, where there is no secret
    if not options.no_record:
        storage.client()  # likewise where no S3 is configured
    scorer = Scorer(options.package)
    if options.item_index:
        scorer.item_index = open_item_index(options.item_index, options.package, scorer.version)
    show_queries(scorer.runtime, scorer.version)
    scorer = CachedScorer(scorer)
    scorer([("probe", "probe")], Stages(scorer.version))
    explainer = Explainer(NearestRationale(options.package))
    features = open_features(options)
    recorder = NoRecorder() if options.no_record else create_recorder(options, options.when_full == "drop")
    return RelevanceModel(scorer, features, explainer, recorder, hash_user), recorder


def _read_user_hash_secret(no_record: bool) -> str:
    """Return the platform's secret, or a random one where no hash is written down."""
    secret = Settings().user_hash_secret
    return secret or secrets.token_hex(32) if no_record else secret


def serve(model, recorder: Recorder, options: argparse.Namespace) -> None:
    """Answer over HTTP and gRPC on one address, with KServe's server, until a signal."""
    from kserve import ModelServer
    from kserve.model_server import app

    from serving.grpc_servicer import build_servicer
    from serving.heap import freeze_heap
    from serving.kserve_patches import (
        StrictDataPlane,
        answer_schema_errors,
        bind_host,
        ignore_deprecations,
        silence_request_logs,
        use_uvloop,
    )
    from serving.openapi import build_document
    from serving.request_log import RequestLog
    from serving.response_schemas import POSTS
    from serving.score_route import add_score_route

    bind_host(options.host, build_servicer(recorder, model.version))
    ports = {"http_port": options.port, "enable_grpc": bool(options.grpc_port), "grpc_port": options.grpc_port}
    server = ModelServer(**ports, workers=1, enable_latency_logging=False)
    server.dataplane = StrictDataPlane(model_registry=server.registered_models)
    silence_request_logs()
    use_uvloop()
    ignore_deprecations()
    app.add_middleware(RequestLog, recorder=recorder, version=model.version)
    answer_schema_errors(app)
    add_score_route(app, model, Settings().user_hash_secret)
    app.openapi = partial(build_document, app, "Broadfast relevance server", model.version, POSTS)
    freeze_heap()
    server.start([model])


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("--package", required=True, help="folder of the student's package")
    add_feature_options(parser)
    index = "folder of items that were read ahead (components.scoring.index); BROADFAST_ITEM_INDEX"
    parser.add_argument("--item-index", default=Settings().item_index, help=index)
    parser.add_argument("--no-record", action="store_true", help="write nothing down: no S3 and no secret are needed")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind: 0.0.0.0 in a pod")
    parser.add_argument("--port", type=int, default=8080, help="of REST: V1, V2, /metrics, /openapi.json")
    parser.add_argument("--grpc-port", type=int, default=0, help="of gRPC (V2); 0, the default, serves none")
    parser.add_argument("--name", default="relevance", help="the model's name in /v1/models/NAME:predict")
    add_spool_options(parser, "runs/spool/relevance")
    full = "with a full spool; drop: answer and lose rows (pauses the experiment); refuse: answer 503"
    parser.add_argument("--when-full", choices=("drop", "refuse"), default="drop", help=full)
    return parser.parse_args()


if __name__ == "__main__":
    main()
