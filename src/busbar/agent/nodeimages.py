"""The node's images in the agent's words: refusals become the Pod's reasons.

Next: `images/manager.py`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from busbar.agent.images.catalog import UnpackedImage
from busbar.agent.images.manager import ImageManager, PullPolicy
from busbar.agent.images.places import Sources, link_certificates
from busbar.agent.refusals import PodRefused, Reason
from busbar.agent.settings import AgentSettings
from busbar.images.refusals import ImageError, ImageRefusal

_REASONS = {
    ImageRefusal.NOT_FOUND: Reason.IMAGE_NOT_FOUND,
    ImageRefusal.INVALID_REFERENCE: Reason.IMAGE_NOT_FOUND,
    ImageRefusal.REGISTRY_UNREACHABLE: Reason.IMAGE_UNREACHABLE,
    ImageRefusal.REGISTRY_FORBIDDEN: Reason.IMAGE_NOT_FOUND,
    ImageRefusal.UNAUTHORIZED: Reason.IMAGE_NOT_FOUND,
    ImageRefusal.DISK_FULL: Reason.DISK_FULL,
}


class NodeImages:
    """The images of one node."""

    def __init__(self, settings: AgentSettings) -> None:
        certificates = settings.directory / "registry"
        link_certificates(
            certificates, settings.ca_file, settings.certificate_file, settings.key_file
        )
        parts = urlsplit(settings.server)
        sources = Sources(
            door=f"{parts.hostname}:{parts.port or 443}", door_certificates=str(certificates)
        )
        self._manager = ImageManager(settings.directory / "images", sources)
        self.catalog = self._manager.catalog

    async def ensure(self, reference: str, policy: str) -> UnpackedImage:
        """Give an image, unpacked; raises `PodRefused`."""
        try:
            return await self._manager.ensure(reference, PullPolicy(policy))
        except ImageError as error:
            reason = _REASONS.get(error.refusal, Reason.IMAGE_UNSAFE)
            raise PodRefused(reason, f"image {reference}: {error.sentence}") from None

    async def collect(self, in_use: set[str]) -> None:
        """Remove images that no Pod uses."""
        await self._manager.collect(in_use)
