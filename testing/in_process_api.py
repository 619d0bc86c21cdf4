"""The double of the API server without HTTP, for tests that kill a release between any two of its calls."""

from collections.abc import Callable
from dataclasses import dataclass, field

from testing.kubernetes_server import KINDS, Cluster
from testing.servers import Refused

PLURALS = {kind: plural for plural, kind in KINDS.items()}


class Killed(BaseException):
    """The release's process is gone."""


@dataclass
class Calls:
    """Counts calls, and kills the caller before one of them."""

    count: int = 0
    kill_at: int = -1
    fails_every: int = 0  # as many calls: one that the API server refuses, too many times for its client
    away: range = range(0)  # calls that no API server answers
    events: dict[int, Callable] = field(default_factory=dict)  # what somebody else does before a call

    def take(self) -> None:
        """Count a call, or die."""
        self.count += 1
        if self.count == self.kill_at:
            raise Killed
        if event := self.events.pop(self.count, None):
            event()

    def ask_server(self) -> None:
        """Count a call of the API server, which may fail."""
        self.take()
        if self.count in self.away or (self.fails_every and self.count % self.fails_every == 0):
            raise ConnectionError("the API server does not answer")


@dataclass
class InProcessApi:
    """Reads and applies as KubernetesApi does; each call lets the controllers do one round."""

    cluster: Cluster = field(default_factory=lambda: Cluster(is_slow=True))
    calls: Calls = field(default_factory=Calls)
    namespace: str = "shop"

    def get(self, kind: str, name: str, namespace: str = "") -> dict | None:
        """Read an object, or return None if it does not exist."""
        self.calls.ask_server()
        try:
            return self.cluster.read((PLURALS[kind], name))
        except Refused:
            return None
        finally:
            self.cluster.step()

    def apply(self, kind: str, name: str, body: dict) -> dict:
        """Apply the fields of an object."""
        self.calls.ask_server()
        document = body | {"metadata": {"name": name} | body.get("metadata", {})}
        reply = self.cluster.apply((PLURALS[kind], name), document, "broadfast-release", force=True)
        self.cluster.step()
        return reply

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, unless it is gone already."""
        self.calls.ask_server()
        self.cluster.objects.pop((PLURALS[kind], name), None)
        self.cluster.applied.pop((PLURALS[kind], name), None)
        self.cluster.step()
