"""Names that several rooms share: groups, labels, annotations, finalizers, namespaces.

Source: kubernetes.io well-known labels where one exists. Next: `resources.py`.
"""

from __future__ import annotations

GROUP = "busbar.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
ALIAS_GROUP = "strongmoose.dsoderlund.consulting"
"""Serves `kind: job` in lower case: the same stored objects as Jobs of `busbar.dev`."""

LABEL_REGION = "topology.kubernetes.io/region"
LABEL_HOSTNAME = "kubernetes.io/hostname"
LABEL_ZONE = "topology.kubernetes.io/zone"
LABEL_RACK = "topology.busbar.dev/rack"
LABEL_HOST = "topology.busbar.dev/host"
FAILURE_DOMAINS = (LABEL_HOST, LABEL_RACK, LABEL_ZONE)
"""What fails together: machines of one host, one rack, one data centre."""
LABEL_VENDOR = "busbar.dev/vendor"
LABEL_JOB = "busbar.dev/job"
LABEL_POD_GROUP = "scheduling.x-k8s.io/pod-group"
"""Names a Pod's group for the coscheduling plugin of Kubernetes; here, a gang."""
LABEL_KUEUE_GROUP = "kueue.x-k8s.io/pod-group-name"
ANN_KUEUE_COUNT = "kueue.x-k8s.io/pod-group-total-count"
"""How Kueue names a group of plain Pods and says how many they are."""
LABEL_ISOLATION = "busbar.dev/isolation"
LABEL_BOND = "busbar.dev/bond"
"""What is in a vendor's bond, in euro: the exchange says so of its rows, and nobody else may."""
LABEL_GPU_CLASS = "busbar.dev/gpu-class"
LABEL_GPU_PRODUCT = "nvidia.com/gpu.product"
"""What NVIDIA's GPU feature discovery calls the GPUs of a node; one class a node."""

# Market terms of a Pod (an order) or, for the cap, of a Namespace (its default).
ANN_CAP = "busbar.dev/max-euro-per-dtu"
ANN_REGION = "busbar.dev/region"
ANN_VENDOR = "busbar.dev/vendor"
ANN_RESTRICTIONS = "busbar.dev/restrictions"
"""An eligibility expression as JSON, see `busbar.model.expressions`."""
ANN_NOT_AFTER = "busbar.dev/not-after"
ANN_NOT_BEFORE = "busbar.dev/not-before"
ANN_MAY_WAIT = "busbar.dev/may-wait"
ANN_DURATION = "busbar.dev/expected-duration"
ANN_TERM = "busbar.dev/fixed-term"
"""How long each contract of the Pod is made for, at prices that are fixed from its beginning."""
ANN_HOURS = "busbar.dev/hours"
"""On a Deployment: the hours in which it runs, as the calendar of an offer, as JSON."""
ANN_MAY_MOVE = "busbar.dev/may-move"
"""Of a service's Pods: whether they may be moved to a cheaper place; "true" where it is missing."""
ANN_MOVE_HOURS = "busbar.dev/move-hours"
"""On a Deployment, or a ReplicaSet of its own: the hours in which its Pods may be moved to a
cheaper place, written as `hours` is; at all times where it is missing."""
ANN_GANG = "busbar.dev/gang"
"""Pods of a namespace with the same value are a gang: they are matched together or not at all."""
ANN_GANG_SIZE = "busbar.dev/gang-size"
"""How many members a gang must have before it is matched."""
ANN_READ = "busbar.dev/expected-read"
"""How much the workload will read from its buckets, as a quantity of bytes such as 12Gi."""
ANN_WRITE = "busbar.dev/expected-write"
ANN_EGRESS_CAP = "busbar.dev/max-egress-euro"
"""The most that moving its data may cost, in euro."""
ANN_RAN_ON = "busbar.dev/ran-on"
"""The node on which the work was before; set by controllers, not by users."""
ANN_PIECES = "busbar.dev/max-pieces"
"""In how many pieces the work may run; set by the controller of Jobs, which puts it together."""
ANN_PIECE_MIN = "busbar.dev/minimum-piece"
ANN_PIECE = "busbar.dev/piece"
"""Which piece of a Job's work a Pod is; such a Pod is no order, its contract was made with it."""
ANN_AVOID = "busbar.dev/avoid-nodes"
"""Comma-separated nodes that lost this workload, and `LABEL=VALUE` of their failure domains.

Set by controllers, not by users."""
ANN_SCRIPT = "busbar.dev/script"
"""Path of the script to run inside the workload; the agent adds the image's way to run it."""

ANN_RESERVATION = "busbar.dev/reservation"
"""The Procurement whose held capacity the Pod draws on; NO_RESERVATION: none of them."""
NO_RESERVATION = "none"
ANN_RECLAIM = "busbar.dev/reclaim"
"""On a Node or a Pod: capacity goes back to the vendor, "with-notice" or "at-once"."""
RECLAIM_WITH_NOTICE = "with-notice"
RECLAIM_AT_ONCE = "at-once"

# What a match writes on the Pod.
ANN_CONTRACT = "busbar.dev/contract"
ANN_EPOCH = "busbar.dev/epoch"

ANN_FORCE_DESTROY = "busbar.dev/force-destroy"
"""On a Bucket, "true": deleting it through the Kubernetes API deletes its objects too."""

# Advice: on a workload, or a Namespace for all in it.
ANN_ACT = "busbar.dev/act-on-advice"
"""Types of advice that are done without being asked each time, separated by commas, or none."""
ANN_DELAY_MAX = "busbar.dev/advice-delay-max"
"""On a Job: by how much advice may move its deadline."""
ANN_ADVISED_FROM = "busbar.dev/advised-from"
"""What advice changed by itself, when, and what was before; written by controllers."""

# What joining writes on the Node; a node may not change them.
ANN_RATING = "busbar.dev/speed-rating-micro"
ANN_JOINED_RATING = "busbar.dev/joined-rating-micro"
ANN_RATED_AT = "busbar.dev/speed-rated-at"

# How a bucket is mounted: a Pod volume is `csi: {driver: CSI_BUCKET, volumeAttributes: {bucket}}`.
CSI_BUCKET = "bucket.busbar.dev"

NAMESPACE_SYSTEM = "busbar-system"
NAMESPACE_LEASES = "kube-node-lease"
ACCOUNT_NAME = "account"

# Secret types of the project.
SECRET_S3_KEY = "busbar.dev/s3-access-key"
"""data: accessKeyId, secretAccessKey (base64, as Secrets are)."""
S3_KEY = "s3-access-key"
"""Name of the Secret that every namespace gets with its S3 access key."""
SECRET_TOKEN = "busbar.dev/bearer-token"
SECRET_JOIN = "busbar.dev/join-token"

# Groups a caller may be in.
OPERATORS = "system:masters"
NODES = "system:nodes"
VENDORS = "busbar:vendors"
NODE_PREFIX = "system:node:"
VENDOR_PREFIX = "vendor:"
MEMBER_GROUP_PREFIX = "busbar:namespace:"

DEFAULT_CAP_EURO = "100"
"""The cap of a namespace that states none, in euro per DTU."""
