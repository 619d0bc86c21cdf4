"""Serve the workbench: `python -m workbench --port 8070`. `make workbench` starts what it reads from, too."""

import argparse
import sys
from collections.abc import Sequence

import uvicorn

from workbench.app import HOST_NAMES, create_app
from workbench.identity import check_header_name

ABOUT = """Compare, judge and promote in a browser. Its S3 and its gateway are those of the environment
(BROADFAST_S3_ENDPOINT, BROADFAST_GATEWAY_URL). Whoever reaches it may promote: keep it on loopback, or behind a proxy
that knows who asks."""

USER_HEADER = """the header in which the proxy in front says who asks, as kubeflow-userid or X-Forwarded-Email; empty:
people type their names"""


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m workbench", description=ABOUT)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8070)
    parser.add_argument("--name", action="append", default=[], help="a further name under which browsers reach it")
    parser.add_argument("--user-header", default="", help=USER_HEADER)
    args = parser.parse_args(arguments)
    try:
        app = create_app((*HOST_NAMES, *args.name), check_header_name(args.user_header))
    except ValueError as error:
        parser.error(str(error))
    uvicorn.run(app, host=args.host, port=args.port, log_level="warning", server_header=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
