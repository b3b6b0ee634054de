"""What goes wrong, and that it is mended again. Next: `cloud.py`."""

from __future__ import annotations

from collections.abc import Callable

from busbar.model.time import MINUTE, SECOND
from busbar.simulator.exchange import Exchange
from busbar.simulator.machine import Machine
from busbar.simulator.network import Network
from busbar.simulator.world import World


class Faults:
    """Breaks things at random, each for a while."""

    def __init__(
        self,
        world: World,
        exchange: Exchange,
        network: Network,
        machines: list[Machine],
        every_ms: int,
    ) -> None:
        self.world, self.exchange, self.network = world, exchange, network
        self.machines, self.every_ms = machines, every_ms
        self.is_active = True
        self.counts: dict[str, int] = {}

    def begin(self) -> None:
        """Plan the first fault."""
        self.world.after(self.world.between(1, 2 * self.every_ms), self._strike)

    def _strike(self) -> None:
        if not self.is_active:
            return
        faults: tuple[Callable[[], None], ...] = (
            self.power_cut,
            self.agent_killed,
            self.partition,
            self.one_way,
            self.flapping,
            self.leader_killed,
            self.leader_killed,
            self.most_nodes_cut,
        )
        fault = self.world.chance.choice(faults)
        self.counts[fault.__name__] = self.counts.get(fault.__name__, 0) + 1
        fault()
        self.world.after(self.world.between(1, 2 * self.every_ms), self._strike)

    def _machine(self) -> Machine:
        return self.world.chance.choice(self.machines)

    def _while(self) -> int:
        """Give how long it lasts: seconds, minutes or an hour."""
        return self.world.between(
            1, self.world.chance.choice((20 * SECOND, 8 * MINUTE, 60 * MINUTE))
        )

    def power_cut(self) -> None:
        """Cut a machine's power."""
        machine = self._machine()
        if machine.is_on:
            machine.crash()
            self.world.after(self._while(), machine.boot)

    def agent_killed(self) -> None:
        """Kill an agent; its workloads go on."""
        machine = self._machine()
        if machine.is_on and machine.agent_up:
            machine.kill_agent()

            def again() -> None:
                if machine.is_on and not machine.agent_up:
                    machine.restart_agent()

            self.world.after(self._while(), again)

    def partition(self) -> None:
        """Cut a machine off, both ways."""
        self._cut([self._machine().name], self._while(), up=True, down=True)

    def one_way(self) -> None:
        """Cut a machine off, one way."""
        up = self.world.often(0.5)
        self._cut([self._machine().name], self._while(), up=up, down=not up)

    def flapping(self) -> None:
        """Cut a machine off again and again."""
        name = self._machine().name
        for number in range(self.world.between(2, 6)):
            pause = number * 2 * MINUTE
            self.world.after(pause, lambda: self._cut([name], 90 * SECOND, up=True, down=True))

    def most_nodes_cut(self) -> None:
        """Cut most machines off at once, as a fault near the exchange does."""
        names = [machine.name for machine in self.machines if self.world.often(0.8)]
        self._cut(names, self._while(), up=True, down=True)

    def leader_killed(self) -> None:
        """Kill the leader at one of its next commits, and start one after a while."""
        self.exchange.dies_after = self.world.between(0, 12)
        self.world.after(self._while(), self._leader)

    def _leader(self) -> None:
        self.exchange.dies_after = None
        if not self.exchange.is_up:
            self.exchange.start()

    def _cut(self, names: list[str], ms: int, *, up: bool, down: bool) -> None:
        if up:
            self.network.up_cut.update(names)
        if down:
            self.network.down_cut.update(names)

        def mend() -> None:
            self.network.up_cut.difference_update(names)
            self.network.down_cut.difference_update(names)

        self.world.after(ms, mend)

    def stop(self) -> None:
        """Mend everything; nothing breaks any more."""
        self.is_active = False
        self.network.up_cut.clear()
        self.network.down_cut.clear()
        weather = self.network.weather
        # A lease that is heard of later than it lasts is lost again and again, however one waits.
        in_time = min(machine.timing.lease_ms for machine in self.machines) // 2
        self.network.weather = weather._replace(
            lost=0, doubled=0, very_late=0, late_ms=min(weather.late_ms, in_time)
        )
        self._leader()
        for machine in self.machines:
            if not machine.is_on:
                machine.boot()
            elif not machine.agent_up:
                machine.restart_agent()
