"""Jobs on which advice is acted: sized when their next Pod is made, given back what they had.

A Job that did not opt in pays two look-ups when a Pod of it is made. Next: `../batch/`.
"""

from __future__ import annotations

from busbar.controllers.advice.acting import sized_job, undone
from busbar.controllers.contract import Decision
from busbar.controllers.jobs.controller import JobController, _Case
from busbar.controllers.jobs.outcome import of_pod
from busbar.controllers.jobs.podspec import read_spec
from busbar.model.objects import Object
from busbar.store.contract import Op, Transaction


class AdvisedJobController(JobController):
    """Turns Jobs into Pods, of the size that advice says where it may."""

    @property
    def case(self) -> type[_Case]:
        """Give what decides about one Job."""
        return _Advised


class _Advised(_Case):
    """One reconcile of one Job."""

    __slots__ = ()

    def _start(self, why: str, losses: int, avoid: str, failures: int | None = None) -> Decision:
        job, told = sized_job(self.snapshot, self.job, self.now)
        case = self._replace(job=job, spec=read_spec(job)) if told else self
        return _also(_Case._start(case, why, losses, avoid, failures), told)

    def _ended(self, pod: Object) -> Decision:
        """Give a Job back what it had where it then lacks memory; that is no failure of its own."""
        back = None
        if of_pod(pod).reason == "OOMKilled":
            back = undone(self.snapshot, self.job, self.now)
        if back is None:
            return _Case._ended(self, pod)
        job, told = back
        case = self._replace(job=job, spec=read_spec(job))
        again = case._start("advice undone", self._losses(pod), self._avoided(pod))
        return _also(again, (told,))


def _also(decision: Decision, told: tuple[Op, ...]) -> Decision:
    """Do something more in the same transaction."""
    if not told or not decision.transactions:
        return decision
    first, *rest = decision.transactions
    return decision._replace(transactions=(first + Transaction(told), *rest))
