"""A signed statement is verified before it is stored: by whom, about what, untouched.

What cannot be verified is refused with the reason, whoever brings it: the signature is the
authority, not the caller. Next: `../verbs/create.py`.
"""

from __future__ import annotations

from busbar.apis.kubernetes.schemas.refusals import FieldError
from busbar.model.attestations.statements import SUBJECTS, Statement
from busbar.model.attestations.trust import Standing, judge, name_for, read
from busbar.model.errors import InvalidField
from busbar.model.objects import Key, Object, name_of, uid_of
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP

ATTESTATIONS = (GROUP, "attestations")
_TAKEN = (Standing.VALID, Standing.NOT_YET_VALID, Standing.REVOCATION)


def rests_on(obj: Object) -> tuple[Key, Key | None]:
    """Give the keys of the Auditor and of the subject; InvalidField where it cannot be read."""
    _, statement = read(obj)
    auditor = Key(GROUP, "auditors", "", statement.auditor)
    return auditor, None if statement.revokes else _subject_key(statement)


def _subject_key(statement: Statement) -> Key:
    kind, name, _ = statement.subject
    return Key("" if kind == "node" else GROUP, SUBJECTS[kind], "", name)


def unreadable(obj: Object) -> list[FieldError]:
    """Give what is wrong with an Attestation by itself."""
    try:
        envelope, _ = read(obj)
    except InvalidField as wrong:
        return [FieldError(wrong.path, f"Invalid value: {wrong.message}")]
    due = name_for(envelope)
    if name_of(obj) != due:
        said = f"Invalid value: must be {due}, the name that follows from what is signed"
        return [FieldError("metadata.name", said)]
    return []


def refusal(
    obj: Object, auditor: Object | None, subject: Object | None, now: Instant
) -> list[FieldError]:
    """Give why a statement does not count, as a field error; nothing where it does."""
    envelope, statement = read(obj)
    uid = uid_of(subject) if subject is not None else None
    judged = judge(envelope, statement, auditor, uid, now)
    if judged.standing in _TAKEN:
        return []
    said = f"Invalid value: {judged.sentence} ({judged.standing.value})"
    return [FieldError("spec.envelope", said)]
