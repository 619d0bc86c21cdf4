"""Which versions answer requests by share, beside the share that the state sets.

Routes and their status say what a gateway was told. This says who answers.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from scipy.stats import binomtest

from components.release.readiness import ArmAnswer
from components.release_state import ReleaseState

REQUESTS = 400  # that are counted before they are judged, once
SIGNIFICANCE = 1e-6  # a wrong alarm in a million counts, of which there are 720 a day
LEAST_ANSWERS = REQUESTS // 2
UNSEEN = "which versions answer cannot be seen"


@dataclass
class VersionCount:
    """The versions that answered by share since the last change or judgement."""

    target: tuple = ()  # stable, candidate and the percentage that answers are counted for
    versions: Counter = field(default_factory=Counter)  # "" of requests without a version's answer
    problem: str = ""  # that an unanswered request met last

    def judge(self, state: ReleaseState, answers: Sequence[ArmAnswer]) -> str | None:
        """Count answers, and return what is wrong with the shares.

        That is "" where nothing is, and None while too few are counted. Answers that come with a change of the
        state are left out, for gateways may still be on their way.
        """
        target = (state.stable, state.candidate, state.traffic_percent)
        if target != self.target:
            self.target = target
            self.versions.clear()
            return None
        self.versions.update(answer.version if answer.is_served else "" for answer in answers)
        self.problem = next((answer.problem for answer in reversed(answers) if answer.problem), self.problem)
        if self.versions.total() < REQUESTS:
            return None
        problem = self._difference(state)
        self.versions.clear()
        return problem

    def _difference(self, state: ReleaseState) -> str:
        """Return how the counted versions differ from the state's, "" if they do not."""
        answer_count = self.versions.total() - self.versions.pop("", 0)
        if answer_count < LEAST_ANSWERS:
            return (
                f"{UNSEEN}: {answer_count} of {REQUESTS} requests by share were answered "
                f"by a version; another got: {self.problem or 'an answer that names none'}"
            )
        for version in sorted(self.versions):
            if version not in (state.stable, state.candidate):
                return f"{self.versions[version]} of {answer_count} requests by share are answered by {version}"
        count = self.versions[state.candidate]
        if binomtest(count, answer_count, state.traffic_percent / 100).pvalue >= SIGNIFICANCE:
            return ""
        share = f"{state.traffic_percent}%"
        return f"{state.candidate} answers {count} of {answer_count} requests by share, where {share} is set"


def is_news(problem: str, last_problem: str) -> bool:
    """Return true where a problem is of another kind than the last one.

    The kinds are a difference, answers that are not seen, and none.
    """
    return (bool(problem), problem.startswith(UNSEEN)) != (bool(last_problem), last_problem.startswith(UNSEEN))
