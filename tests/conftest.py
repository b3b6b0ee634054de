"""What holds for every test: Hypothesis finds counterexamples, it does not time us."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is not a bug; what must be fast is measured in bench/.
settings.register_profile("busbar", deadline=None)
settings.load_profile("busbar")
