"""What peers' own pages say of them, to print beside a number where they cannot be run here."""

from __future__ import annotations

PLAIN = (
    "published: kube-scheduler 810 pods/s at 5,000 nodes, 220 with node affinity; "
    "Nomad 1,500-3,750 containers/s"
)
COMPANY = "published: kube-scheduler 460 pods/s spread, 60 anti-affinity, 35 affinity"
INCREMENTAL = "published: Firmament under 1 s on 12,500 machines"
MATCHING = "published: Akash 30 s, HTCondor up to 60 s to match"
