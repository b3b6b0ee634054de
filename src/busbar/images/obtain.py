"""Has an image in the store, wherever it comes from: there already, a registry, or a recipe.

A registry that cannot be reached costs a few seconds at most, then the recipe is built.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from busbar.images import skopeo
from busbar.images.build import BuildProgress, Report, build
from busbar.images.recipe import load_recipe
from busbar.images.reference import Reference
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.store import ImageStore, StoredImage

KNOCK_S = 6.0

_BUILD_INSTEAD = frozenset(
    {
        ImageRefusal.REGISTRY_UNREACHABLE,
        ImageRefusal.NOT_FOUND,
        ImageRefusal.UNAUTHORIZED,
    }
)


def obtain(store: ImageStore, recipe: Path, report: Report = lambda _: None) -> StoredImage:
    """The image that `recipe` names; raises `ImageError` where there is no way to it."""
    reference = load_recipe(recipe).reference
    if store.find(reference) is not None:
        return store.describe(reference)
    try:
        size = _size(reference)
        return store.pull(reference, on_bytes=_fetching(reference, size, report))
    except ImageError as error:
        if error.refusal not in _BUILD_INSTEAD:
            raise
    return build(store, recipe, report)


def _size(reference: Reference) -> int:
    """Bytes to fetch as far as the registry says at once, 0 where it does not; raises if gone."""
    with skopeo.ANONYMOUS.flags(reference.domain) as flags:
        raw = skopeo.inspect_raw(f"docker://{reference.locator}", flags, answer_s=KNOCK_S)
    return skopeo.size_of(raw)


def _fetching(reference: Reference, size: int, report: Report) -> Callable[[int], None]:
    def fetched(done: int) -> None:
        title = f"from {reference.domain}, {done / 1e6:.0f} MB so far"
        fraction = min(1.0, done / size) if size else 0.0
        report(BuildProgress(str(reference), 1, 1, title, fraction, "fetching"))

    return fetched
