"""The steps of a Pod's life, one idempotent step per file, in this order:

`admit` → `image` → `sandbox` → `volumes` → `environment` → `containers` → (it runs) → `teardown`

Every step may be repeated at any time: after a crash of the agent the worker starts again from
the first and finds done what was done. A step that cannot succeed raises `PodRefused`.
"""
