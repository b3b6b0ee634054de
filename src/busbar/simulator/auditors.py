"""Auditors: they sign, take back and change their keys; a thief signs in their name.

With a chance of its own, as tastes have. Everything goes through the door, false statements too:
here nobody verifies them on the way in, so the exchange must. Next: `faults.py`.
"""

from __future__ import annotations

import base64
import hashlib
import random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from busbar.model.attestations.dsse import envelope_to_json, public_of, read_envelope, sign
from busbar.model.attestations.statements import PAYLOAD_TYPE, attests, read_statement, revokes
from busbar.model.attestations.trust import name_for
from busbar.model.objects import Key, name_of, spec_of, uid_of
from busbar.model.time import HOUR, MINUTE
from busbar.model.wellknown import GROUP
from busbar.simulator.door import Door
from busbar.simulator.world import World

AUDITORS = ("a0", "a1")
_SUBJECTS = (("vendor", GROUP, "vendors"), ("offer", GROUP, "offers"), ("node", "", "nodes"))


class Auditors:
    """Everybody who signs."""

    def __init__(self, world: World, door: Door, every_ms: int) -> None:
        self._world, self._door, self._every_ms = world, door, every_ms
        self._chance = random.Random(f"auditors {world.seed}")
        self._generation = dict.fromkeys(AUDITORS, 0)
        self.is_active = True

    def found(self) -> None:
        """Register, and begin to sign."""
        for name in AUDITORS:
            spec = {"keys": [self._entry(name, 0)]}
            self._door.create(Key(GROUP, "auditors", "", name), self._world.now, spec=spec)
        self._world.after(MINUTE, self._act)

    def _act(self) -> None:
        if not self.is_active:
            return
        if self._door.is_open:
            acts = (self._sign, self._sign, self._sign, self._take_back, self._steal, self._rotate)
            self._chance.choice(acts)()
        self._world.after(self._chance.randint(1, 2 * self._every_ms), self._act)

    def _key(self, name: str, generation: int) -> Ed25519PrivateKey:
        seed = f"{self._world.seed} {name} {generation}".encode()
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())

    def _entry(self, name: str, generation: int) -> dict[str, str]:
        public = public_of(self._key(name, generation))
        return {"publicKey": base64.b64encode(public).decode()}

    def _sign(self, thief: str = "") -> None:
        kind, group, resource = self._chance.choice(_SUBJECTS)
        known = self._door.all_of(group, resource)
        name = self._chance.choice(AUDITORS)
        since = self._world.now + self._chance.choice((-HOUR, 0, 30 * MINUTE))
        until = since + self._chance.choice((45 * MINUTE, 3 * HOUR, 30 * HOUR)) + HOUR
        key = self._key(thief or name, self._generation[name])
        if known:
            subject = self._chance.choice(known)
            said = {"certification": self._chance.choice(("ISO27001", "ISO27001, SOC2", "SOC2"))}
            of = kind, name_of(subject), uid_of(subject)
            self._bring(attests(*of, name, said, since, until), key)

    def _steal(self) -> None:
        self._sign(thief="thief")

    def _take_back(self) -> None:
        """Take one back; the thief tries to, sometimes."""
        known = self._door.all_of(GROUP, "attestations")
        if known:
            envelope = read_envelope(spec_of(self._chance.choice(known))["envelope"], "")
            author = read_statement(envelope, "").auditor
            name = self._chance.choice((author, author, author, *AUDITORS))
            signer = self._chance.choice((name, name, name, "thief"))
            key = self._key(signer, self._generation[name])
            self._bring(revokes(name, envelope.digest, self._world.now), key)

    def _rotate(self) -> None:
        """Change a key: mostly with the old one beside it for a while, sometimes at once."""
        name = self._chance.choice(AUDITORS)
        self._generation[name] += 1
        entries = [self._entry(name, self._generation[name])]
        if self._chance.random() < 0.7:
            entries.append(self._entry(name, self._generation[name] - 1))
        key = Key(GROUP, "auditors", "", name)
        self._door.change(key, lambda obj: {**obj, "spec": {"keys": entries}})

    def _bring(self, payload: bytes, key: Ed25519PrivateKey) -> None:
        envelope = sign(PAYLOAD_TYPE, payload, key)
        at = Key(GROUP, "attestations", "", name_for(envelope))
        spec = {"envelope": envelope_to_json(envelope)}
        self._door.create(at, self._world.now, spec=spec)
