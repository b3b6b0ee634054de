"""People who change their minds: deletions, budgets, payments, edits, namespaces that go.

Next: `../disks.py`.
"""

from __future__ import annotations

from busbar.model.objects import Key, annotate, is_deleting, name_of, namespace_of
from busbar.model.time import HOUR
from busbar.model.wellknown import GROUP
from busbar.simulator.haulage import BUCKET
from busbar.simulator.people.hands import EURO, Hands
from busbar.simulator.people.wants import Wants


class Meddlers:
    """Whoever deletes, edits and pays."""

    def __init__(self, hands: Hands, wants: Wants) -> None:
        self.hands, self.wants, self.world, self.door = hands, wants, hands.world, hands.door

    def bucket(self, namespace: str) -> None:
        status = self.wants.haulage.bucket_status()
        self.hands.make(Key(GROUP, "buckets", namespace, BUCKET), spec={}, status=status)

    def delete_something(self) -> None:
        group, resource = self.world.chance.choice(
            ((GROUP, "jobs"), ("batch", "jobs"), ("", "pods"), ("apps", "deployments"))
        )
        victim = self.hands.any_of(group, resource)
        if victim is not None:
            key = Key(group, resource, namespace_of(victim), name_of(victim))
            foreground = resource != "pods" and self.world.often(0.5)
            self.door.delete(key, self.world.now, foreground)

    def pay_more(self) -> None:
        self.hands.pay(self.hands.home(), self.world.between(1, 40) * EURO // 10)

    def budget(self) -> None:
        budget = None if self.world.often(0.3) else f"{self.world.between(0, 5)}.5"
        spec = {} if budget is None else {"budget": budget}
        key = Key(GROUP, "accounts", self.hands.home(), "account")
        self.door.change(key, lambda obj: {**obj, "spec": spec})

    def label_pod(self) -> None:
        """Edit a Pod while controllers decide about it."""
        pod = self.hands.any_of("", "pods")
        if pod is not None:
            key = Key("", "pods", namespace_of(pod), name_of(pod))
            mark = {"simulator/edited": str(self.world.now)}
            self.door.change(key, lambda obj: annotate(obj, mark))

    def end_namespace(self) -> None:
        """Delete a namespace, seldom; it is made again later, with what it had left."""
        if not self.world.often(0.2):
            return
        name = self.hands.home()
        self.door.delete(Key("", "namespaces", "", name), self.world.now)
        self.world.after(HOUR, lambda: self._again(name))

    def _again(self, name: str) -> None:
        key = Key("", "namespaces", "", name)
        known = self.door.get(key)
        if known is None:
            self.hands.make(key)
            self.bucket(name)
        elif is_deleting(known) and self.hands.is_active:
            self.world.after(HOUR, lambda: self._again(name))
