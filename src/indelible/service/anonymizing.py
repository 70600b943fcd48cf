"""A client is anonymized, and what is left of them beside the log: in outboxes, and in other records of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from django.conf import settings

from ..drain.erasure import Emptied, Outboxes
from ..erasure.anonymizing import Anonymized
from ..errors import NotFound
from ..record.own import RequestedBy
from ..recorder import Recorder
from .shared_journal import journal


def anonymize(
    recorder: Recorder, client: str, others: Sequence[str], requested_by: RequestedBy, key: str | None = None
) -> tuple[Anonymized, Emptied]:
    """Anonymize a client and other records of the same person; return what went of the client, what is left of all.

    What waits in the outboxes is drained before, and what is held there and names them is emptied. With a `key` it is
    done once, however often it is asked. Raises NotFound where the client is not known, with nothing written. Another
    record that went meanwhile is no fault.
    """
    outboxes = Outboxes(journal().shared, settings.ENVIRONMENT.every_outbox)
    done = recorder.anonymize(client, requested_by, key)
    for one in others:
        with suppress(NotFound):
            also = recorder.anonymize(one, requested_by)
            unfinished = tuple(dict.fromkeys((*done.unfinished, *also.unfinished)))
            done = replace(done, unfinished=unfinished, older_copy=done.older_copy or also.older_copy)
    return done, outboxes.empty(recorder.clinic_id, (client, *others))
