"""The double of the API server without HTTP, for tests that kill a release between any two of its calls."""

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

    def take(self) -> None:
        """Count a call, or die."""
        self.count += 1
        if self.count == self.kill_at:
            raise Killed


@dataclass
class InProcessApi:
    """Reads and applies as KubernetesApi does; each call lets the controllers do one round."""

    cluster: Cluster = field(default_factory=lambda: Cluster(is_slow=True))
    calls: Calls = field(default_factory=Calls)
    namespace: str = "shop"

    def get(self, kind: str, name: str, namespace: str = "") -> dict | None:
        """Read an object, or return None if it does not exist."""
        self.calls.take()
        try:
            return self.cluster.read((PLURALS[kind], name))
        except Refused:
            return None
        finally:
            self.cluster.step()

    def apply(self, kind: str, name: str, body: dict) -> dict:
        """Apply the fields of an object."""
        self.calls.take()
        document = body | {"metadata": {"name": name} | body.get("metadata", {})}
        reply = self.cluster.apply((PLURALS[kind], name), document, "broadfast-release", force=True)
        self.cluster.step()
        return reply

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, unless it is gone already."""
        self.calls.take()
        self.cluster.objects.pop((PLURALS[kind], name), None)
        self.cluster.applied.pop((PLURALS[kind], name), None)
        self.cluster.step()
