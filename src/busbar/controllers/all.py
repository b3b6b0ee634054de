"""All controllers, in the order in which an order passes through them.

To delete a controller, delete its module and its line here. Next: the runner, in the server.
"""

from __future__ import annotations

from busbar.controllers.accounts import AccountController
from busbar.controllers.advice.controller import AdviceController
from busbar.controllers.attestations import AttestationController
from busbar.controllers.batch.controller import BatchJobController
from busbar.controllers.books import BookController
from busbar.controllers.budgets.controller import DisruptionBudgetController
from busbar.controllers.contract import Controller
from busbar.controllers.contracts.controller import ContractController
from busbar.controllers.contracts.fault import Evidence
from busbar.controllers.curves import CurveController
from busbar.controllers.deployments.controller import DeploymentController
from busbar.controllers.expiry import EventExpiryController, SecretExpiryController
from busbar.controllers.finished import FinishedJobController, FinishedPodController
from busbar.controllers.garbage import GarbageController
from busbar.controllers.history import HistoryController
from busbar.controllers.jobs.advised import AdvisedJobController
from busbar.controllers.listening import Listening
from busbar.controllers.market.controller import MarketController
from busbar.controllers.moves.controller import MoveController
from busbar.controllers.namespaces import NamespaceController
from busbar.controllers.nodes import NodeController
from busbar.controllers.offers import OfferController, VendorController
from busbar.controllers.pods import PodController
from busbar.controllers.reclaims import ReclaimController
from busbar.controllers.replicas.controller import ReplicaSetController
from busbar.controllers.settings import Settings
from busbar.controllers.silences import Silences
from busbar.controllers.standing import Standing


def controllers(settings: Settings, listening: Listening | None = None) -> tuple[Controller, ...]:
    """Make every controller. `listening` is moved by whoever runs them."""
    standing, listening = Standing(settings.place, settings.gpus), listening or Listening()
    evidence = Evidence(settings, listening, Silences(settings))
    return (
        NamespaceController(settings),
        AdvisedJobController(settings),
        BatchJobController(settings),
        DeploymentController(settings),
        ReplicaSetController(settings),
        DisruptionBudgetController(settings),
        MoveController(settings, standing),
        MarketController(settings, standing),
        ContractController(settings, standing, evidence),
        ReclaimController(standing),
        NodeController(settings, listening),
        PodController(settings),
        FinishedJobController(settings),
        FinishedPodController(settings),
        GarbageController(settings),
        AccountController(settings, standing),
        OfferController(settings),
        VendorController(settings),
        AttestationController(settings),
        BookController(settings, standing),
        CurveController(settings, standing),
        HistoryController(settings),
        AdviceController(settings),
        EventExpiryController(settings),
        SecretExpiryController(settings),
    )
