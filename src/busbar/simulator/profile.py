"""What kind of cloud a seed means: size, weather, how busy, how faulty. Next: `cloud.py`."""

from __future__ import annotations

import random
from typing import NamedTuple

from busbar.controllers.settings import Settings
from busbar.market.luggage import Place
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.simulator.machine import Timing
from busbar.simulator.network import Weather


class Profile(NamedTuple):
    """One cloud to live through."""

    machines: int = 5
    vendors: int = 2
    namespaces: int = 3
    weather: Weather = Weather()
    timing: Timing = Timing()
    settings: Settings = Settings()
    order_every_ms: int = 12 * MINUTE
    meddle_every_ms: int = 40 * MINUTE
    """How often people change their minds: prices, budgets, deletions, edits."""
    fault_every_ms: int = 90 * MINUTE
    liars: int = 0
    slow_ms: tuple[int, ...] = (200, 5_000, 200_000, 900_000)
    """How long machines take to start a workload at most; each has one of these."""
    patience_ms: int = 3 * HOUR
    """How long consumers wait for a match at most before they give an order up."""
    wary: float = 0.06
    """Share of the orders that believe auditors only."""
    audit_every_ms: int = 40 * MINUTE
    """How often somebody signs, takes back, changes a key or steals a name."""
    careful: float = 0.0
    """Share of the orders that ask for a bond."""
    procures: bool = False
    """Consumers place standing orders as well."""
    patient: bool = False
    """Prices change by the hour, and many may wait and be interrupted."""
    poor: bool = False
    """Balances are small, so that they run out."""
    gpus: bool = False
    """Some machines have GPUs, and some of what people order asks for them."""
    sly: bool = False
    """Vendors edit their offers to be rid of what they agreed to."""
    serving: bool = False
    """Most of what people order are services, and vendors change their prices often."""


SETTINGS = Settings(
    place=Place("Sweden", "v0"),
    batch_ms=10 * SECOND,
    fencing_ms=60 * SECOND,
    never_started_ms=10 * MINUTE,
    status_ms=30 * SECOND,
    advice_ms=20 * MINUTE,
    book_ms=5 * MINUTE,
    curve_ms=5 * MINUTE,
    history_ms=30 * SECOND,
    payday_ms=5 * MINUTE,
    moves_ms=15 * MINUTE,
    procure_ms=7 * MINUTE,
    hold_look_ms=5 * MINUTE,
    clearings_kept=20,
    record_weight_max=60,
    finished_pods_kept=10,
)
"""Slower than in production, in step with `Timing`: a simulated day in a second or two."""


EXACT_SHARE = 12
"""A cloud that keeps time as in production takes so many times longer: it lives shorter."""


def keeps_exact_time(profile: Profile) -> bool:
    """Say whether a cloud renews its leases as often as in production."""
    return profile.timing.renew_ms < 10 * SECOND


def hours_of(profile: Profile, hours: int) -> int:
    """Give how many hours a cloud lives where an ordinary one lives `hours`."""
    return max(1, hours // EXACT_SHARE) if keeps_exact_time(profile) else hours


def rest_of(profile: Profile) -> int:
    """Give how long a cloud has, after the last fault, to come to rest."""
    return (20 if keeps_exact_time(profile) else 90) * MINUTE


def profile_of(seed: int) -> Profile:
    """Choose a cloud for a seed: most are ordinary, some are small, stormy, poor or lied to."""
    chance = random.Random(f"profile {seed}")
    stormy = chance.random() < 0.3
    weather = Weather(
        lost=chance.choice((0.0, 0.02, 0.2)) if stormy else 0.01,
        doubled=chance.choice((0.0, 0.1, 0.3)) if stormy else 0.01,
        late_ms=chance.choice((50, 2_000, 20_000)) if stormy else 200,
        very_late=0.02 if stormy else 0.0,
    )
    exact = seed % 16 == 15
    sly = random.Random(f"sly {seed}").random() < 0.3
    return Profile(
        sly=sly,
        careful=0.15 if sly else 0.0,
        machines=chance.randint(2, 6),
        vendors=chance.randint(1, 3),
        namespaces=chance.randint(1, 4),
        weather=weather,
        timing=Timing(2 * SECOND, 10 * SECOND, 2 * SECOND) if exact else Timing(),
        settings=SETTINGS._replace(fencing_ms=10 * SECOND) if exact else SETTINGS,
        order_every_ms=chance.choice((12, 25, 50)) * MINUTE,
        meddle_every_ms=chance.choice((15, 45, 120)) * MINUTE,
        fault_every_ms=chance.choice((20, 60, 240)) * MINUTE,
        liars=chance.choice((0, 0, 0, 1, 2)),
        poor=chance.random() < 0.4,
        serving=chance.random() < 0.2,
        procures=seed % 3 == 1,
        patient=seed % 3 == 2,
        gpus=seed % 5 == 4,
    )


QUIET = Profile(
    weather=Weather(late_ms=50),
    settings=SETTINGS,
    fault_every_ms=10_000 * HOUR,
    meddle_every_ms=HOUR,
)
"""A cloud in which nothing goes wrong."""

LARGE = Profile(
    machines=1_000,
    vendors=20,
    namespaces=100,
    settings=SETTINGS,
    order_every_ms=7 * SECOND,
    meddle_every_ms=MINUTE,
    fault_every_ms=MINUTE,
)
"""A thousand machines and a hundred tenants, each of which orders every twelve minutes or so; each
machine fails about as often as those of a small cloud."""
