"""Break a relevance server and its log under load, and count answered rows that S3 lacks.

`python -m testing.server_faults --rounds 20`. Every round has its own fault at its own moment; then everything is
started again on the same spool, drained, and what S3 holds is compared with what callers were answered.
"""

import argparse
import contextlib
import json
import signal
import sys
import time
from pathlib import Path

from components import storage
from pipelines.local.processes import Laptop
from testing.server_load import LoadedServer, compare_with_s3
from testing.servers import environment
from testing.small_disk import small_disk
from testing.tiny_package import write_package

FILL_DISK = "fill the disk"
KILL_IN_UPLOAD = "kill in an upload"
STOP_SERVER = "stop the server"
SERVERS = ("server", "collector")
VICTIMS = {  # processes that a fault ends
    "kill the server": SERVERS,
    STOP_SERVER: SERVERS,
    "kill S3": ("s3",),
    "kill both": (*SERVERS, "s3"),
}
FAULTS = (*VICTIMS, FILL_DISK, KILL_IN_UPLOAD)
AWAY_S = 3.0  # without S3
LONG_AWAY_S = 120.0  # once, in a long run
LONG_RUN = 20  # rounds


def fault_figures(folder: Path, rounds: int = 20) -> dict:
    """Count what was lost and what was there twice over some rounds of faults.

    Raises:
        RuntimeError: a server does not come up again.
    """
    from testing.feature_night import build_night

    folder.mkdir(parents=True, exist_ok=True)
    write_package(folder / "package")
    with small_disk(folder / "disk") as disk, Laptop(folder / "state", folder) as machine:
        server = LoadedServer(machine, folder / "package", build_night(folder / "night"), disk or folder / "spool")
        machine.start_s3()
        with environment(**machine.environment):
            storage.ensure_bucket()
            server.start()
            faults = [fault for fault in FAULTS if disk or fault != FILL_DISK]
            for number in range(rounds):
                away_s = LONG_AWAY_S if number == 2 and rounds >= LONG_RUN else AWAY_S
                run_round(server, number, faults[number % len(faults)], away_s)
            server.drain()
            return {"fault_rounds": rounds, "fault_kinds": ", ".join(faults)} | compare_with_s3(server)


def run_round(server: LoadedServer, number: int, fault: str, away_s: float) -> None:
    """Run one round of one fault, after which everything runs again."""
    print(f"  {time.strftime('%H:%M:%S')} round {number}: {fault}", file=sys.stderr, flush=True)
    if fault == FILL_DISK:
        fill_disk(server, number)
    elif fault == KILL_IN_UPLOAD:
        server.run(number, server.kill_in_an_upload)
        server.start()
    else:
        end_processes(server, number, fault, away_s)


def end_processes(server: LoadedServer, number: int, fault: str, away_s: float) -> None:
    """End the processes of a fault under load, and start them again."""
    victims = VICTIMS[fault]
    how = signal.SIGTERM if fault == STOP_SERVER else signal.SIGKILL
    server.run(number, lambda: server.kill(*victims, how=how))
    if "s3" in victims:
        time.sleep(away_s)
        server.machine.restart_s3()
    if "server" in victims:
        server.start()


def fill_disk(server: LoadedServer, number: int) -> None:
    """Take the disk's last bytes for a while.

    S3 is away meanwhile, so that the spool cannot shrink.
    """
    filler = server.spool / "filler"

    def fill() -> None:
        server.kill("s3")
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    server.run(number, fill)
    filler.unlink()
    server.machine.restart_s3()


def main() -> None:
    """Break things in a folder of their own."""
    parser = argparse.ArgumentParser(prog="python -m testing.server_faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path("runs/bench/serving/faults"))
    options = parser.parse_args()
    print(json.dumps(fault_figures(options.folder, options.rounds), indent=1))


if __name__ == "__main__":
    main()
