"""Names that only controllers give meaning to. Next: `parts/`."""

from __future__ import annotations

FINALIZER_METER = "busbar.dev/metering"
"""On every bound Pod: its last report is not lost before the contract has settled it.

Without it, an agent that reports the end and removes the Pod in one breath would leave the
contract to guess when the workload ended.
"""
FINALIZER_NOTICE = "busbar.dev/reclaim-notice"
"""On an Offer with a reclaim notice: it stays until the contracts under it have had theirs."""
FINALIZER_FOREGROUND = "foregroundDeletion"
FINALIZER_ORPHAN = "orphan"

ANN_LOSSES = "busbar.dev/losses"
"""How often the Job that owns the Pod lost its node before."""

TAINT_UNREACHABLE = "node.kubernetes.io/unreachable"

LABEL_JOB_NAME = "batch.kubernetes.io/job-name"
LABEL_JOB_UID = "batch.kubernetes.io/controller-uid"
LABEL_INDEX = "batch.kubernetes.io/job-completion-index"
LABEL_JOB_NAME_OLD = "job-name"
LABEL_JOB_UID_OLD = "controller-uid"
ENV_INDEX = "JOB_COMPLETION_INDEX"
"""Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/"""

LABEL_TEMPLATE_HASH = "pod-template-hash"
ANN_REVISION = "deployment.kubernetes.io/revision"
ANN_DESIRED = "deployment.kubernetes.io/desired-replicas"
ANN_MOST = "deployment.kubernetes.io/max-replicas"
ANN_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
"""Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/"""

ANN_EXPIRES = "busbar.dev/expires-at"
"""On a Secret (join tokens): RFC 3339 time after which it is removed."""
FINALIZER_TRACKING = "batch.kubernetes.io/job-tracking"
"""On every Pod of a batch Job until the Job's status has counted it: each is counted once."""
