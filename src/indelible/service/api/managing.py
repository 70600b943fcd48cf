"""Managing over HTTP: clinics, who belongs to them, keys, and anonymizing. `scopes -> body -> clinic -> change`.

    PUT    /clinics/{clinic}                           begin, name and own a clinic; asked again, nothing changes
    GET    /clinics, /clinics/{clinic}
    GET    /clinics/{clinic}/members                   POST invites; PATCH, DELETE …/members/{user}
    GET    /clinics/{clinic}/keys                      POST makes; DELETE …/keys/{id} revokes; /keys the platform's
    POST   /clinics/{clinic}/clients/{id}/anonymize

The key is looked at first, then what was sent, and the clinic last: who may not do something learns nothing of what is
there. Every change is recorded in the clinic's log, with the key as its actor.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Annotated, Any, Literal

from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone, translation
from ninja import Query, Schema, Status
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from ...errors import InvalidInput, NotFound
from ...format import instant
from ...log import check_name
from ...record import document, own
from ...stores.contract import Clinic as LogClinic
from ...stores.contract import State
from .. import anonymizing
from ..accounts import attempts, key_issuing, keys, mail, people, provisioning
from ..accounts.keys import Scope
from ..accounts.models import ApiKey, Membership, OneTimeLink
from ..accounts.people import Clinic, Giver
from ..rate_limits import Bucket, Limit
from ..shared_journal import journal
from .callers import Bearer, Caller
from .problems import Problem, not_found
from .routes import router

TAGS = ["Managing"]

_LOG = logging.getLogger("indelible.managing")

# Changes of one key: a platform begins two thousand clinics in a minute, and a program in a loop is held.
_CHANGES = Limit(burst=100, seconds=0.02)
# Clinics of one page of their list.
_CLINICS_AT_ONCE = 1_000

Language = Literal["en", "pt", "es"]


def _address(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise ValueError("must be an e-mail address, such as maria@clinic.example") from None
    return text


Email = Annotated[
    str,
    StringConstraints(max_length=254, to_lower=True, strip_whitespace=True),
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
Text200 = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _said_as_text(value: object) -> object:
    """Refuse a number, which pydantic would take for seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("must be text, such as 2026-05-04T09:00:00Z, or 2026-05-04 for a day")
    return value


Day = Annotated[date, BeforeValidator(_said_as_text)]
Moment = Annotated[AwareDatetime, BeforeValidator(_said_as_text)]


class Sent(Schema):
    """What is sent: a member that nothing reads is refused."""

    model_config = ConfigDict(extra="forbid")


# Clinics


class OwnerSent(Sent):
    email: Email
    name: Annotated[
        Text200 | None, Field(description="As whom the e-mail addresses them; they choose their name themselves.")
    ] = None


class ClinicSent(Sent):
    name: Text200
    zone: Annotated[str, StringConstraints(max_length=64)] = Field(description="An IANA time zone: Europe/Lisbon.")
    language: Annotated[Language | None, Field(description="Of the owner's invitation and of their account.")] = None
    owner: OwnerSent | None = None


class ClinicSaid(Schema):
    id: str
    name: str
    zone: str
    entries: int
    closed_at: str | None = None


class OwnerSaid(Schema):
    status: Literal["member", "invited"]
    link: Annotated[
        str | None, Field(description="The one-time address of an invitation that was made now; shown once.")
    ] = None
    expires_at: datetime | None = None
    sent: Annotated[bool, Field(description="Whether the link went out by e-mail, too.")] = False


class ClinicMade(ClinicSaid):
    status: Literal["created", "changed", "unchanged"]
    owner: OwnerSaid | None = None


class Clinics(Schema):
    clinics: list[ClinicSaid]
    after: Annotated[str | None, Field(description="Where the next page begins; null on the last.")] = None


# Members


class MemberSent(Sent):
    email: Email
    role: str
    until: Day | None = None
    language: Language | None = None


class RoleSent(Sent):
    role: str
    until: Day | None = None


class MemberSaid(Schema):
    id: str
    name: str
    email: str
    role: str
    until: date | None = None
    since: datetime


class Invited(Schema):
    email: str
    role: str
    until: date | None = None
    expires_at: datetime
    link: str | None = None
    sent: bool = False


class Members(Schema):
    members: list[MemberSaid]
    invitations: list[Invited]


# Keys


class KeySent(Sent):
    name: Annotated[str, StringConstraints(min_length=1, max_length=ApiKey.LONGEST_NAME)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    ends_at: Moment | None = None


class KeySaid(Schema):
    id: str
    name: str
    scopes: list[str]
    made_at: str
    ends_at: str | None = None
    used_at: Annotated[str | None, Field(description="When it was used last, to the minute.")] = None
    revoked_at: str | None = None


class KeyMade(KeySaid):
    key: str = Field(description="What the program shows. It is said only here, and can be found nowhere again.")


class Keys(Schema):
    keys: list[KeySaid]


# Anonymizing


class AnonymizeSent(Sent):
    requested_by: own.RequestedBy
    key: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="Done once under this key, however often it is asked. It names no person."
    )


class Outboxes(Schema):
    complete: bool
    emptied: int = Field(description="Documents that were held and named the client.")
    unreached: list[str] = Field(description="What could not be looked into, and may name the client still, and why.")
    unnamed: int = Field(description="Databases that the log knows and whose address nobody gave.")


class Anonymized(Schema):
    status: Literal["anonymized"] = "anonymized"
    id: str
    number: int
    recorded_at: str
    unfinished_files: int = Field(description="Exports or backups being made now, which hold the values: delete them.")
    older_copy_of_keep: bool = Field(description="A copy of the keep opens the values until it is made again.")
    other_records: list[str] = Field(description="Ids of the same person, of which nothing went; ask for each.")
    outboxes: Outboxes


def _managed(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Hold a key that changes too much, before the clinic is looked for."""

    @wraps(operation)
    def held(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not attempts.take([Bucket(_CHANGES, f"managing:{request.auth.key.public_id}")]):
            raise Problem(429, "This key changes too much at once; go on in a second.", headers={"Retry-After": "1"})
        return operation(request, *args, **kwargs)

    return held


@router.get(
    "/clinics",
    response=Clinics,
    auth=Bearer(Scope.READ, Scope.MANAGE),
    tags=TAGS,
    operation_id="listClinics",
    summary="List clinics",
)
def clinics(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=_CLINICS_AT_ONCE)] = 100,
    after: Annotated[str, Query(max_length=64)] = "",
) -> Clinics:
    """Every clinic that the key opens, by id."""
    who: Caller = request.auth
    every = journal().clinics(None if who.of_platform else [who.key.clinic_id])
    found = [one for one in every if one[0].id > after]
    shown = [_clinic_said(*one) for one in found[:limit]]
    return Clinics(clinics=shown, after=shown[-1].id if len(found) > limit else None)


@router.get(
    "/clinics/{clinic}",
    response=ClinicSaid,
    auth=Bearer(Scope.READ, Scope.MANAGE),
    tags=TAGS,
    operation_id="getClinic",
    summary="Get a clinic",
)
def clinic(request: HttpRequest, clinic: str) -> ClinicSaid:
    """What a clinic is called, its time zone, and how many entries its log has; also of one that was closed."""
    who: Caller = request.auth
    found = journal().clinics([clinic]) if who.opens(clinic) else ()
    if not found:
        raise not_found()
    return _clinic_said(*found[0])


@router.put(
    "/clinics/{clinic}",
    response={200: ClinicMade, 201: ClinicMade},
    exclude_none=True,
    auth=Bearer(Scope.MANAGE, platform=True),
    tags=TAGS,
    operation_id="putClinic",
    summary="Begin a clinic, or bring it up to date",
)
@_managed
def put_clinic(request: HttpRequest, clinic: str, sent: ClinicSent) -> Status[Any]:
    """Begin the clinic's log where there is none, set its name and time zone, and make somebody its owner.

    The same request again changes nothing. The owner becomes a member at once where the address has an account here;
    else there is an invitation, whose link is in the answer that made it.
    """
    document.as_clinic(clinic)
    check_name(sent.name)
    instant.zone(sent.zone, "zone")
    who: Caller = request.auth
    email = None if sent.owner is None else sent.owner.email
    done = provisioning.provide(clinic, sent.name, sent.zone, email, sent.language or "", who.key)
    before = done.log.state()
    if (before.name, before.zone) != (sent.name, sent.zone):
        recorder = who.enter(clinic).recorder
        recorder.rename(sent.name)
        recorder.set_time_zone(sent.zone)
    state = done.log.state()
    changed = (before.name, before.zone) != (state.name, state.zone) or (done.owner is not None and done.owner.is_new)
    status: Literal["created", "changed", "unchanged"] = (
        "created" if done.is_new else "changed" if changed else "unchanged"
    )
    owner = None if done.owner is None else _owner_said(done.owner, state.name, email or "", sent.language)
    made = ClinicMade(**_clinic_said(done.log.clinic, state).dict(), status=status, owner=owner)
    return Status(201 if done.is_new else 200, made)


def _owner_said(owner: provisioning.Owner, clinic_name: str, email: str, language: Language | None) -> OwnerSaid:
    went_out = bool(owner.address) and _send(clinic_name, email, owner.address, language)
    return OwnerSaid(status=owner.status, link=owner.address or None, sent=went_out,
                     expires_at=None if owner.link is None else owner.link.expires_at)  # fmt: skip


def _send(clinic_name: str, email: str, address: str, language: Language | None) -> bool:
    """Send an invitation by e-mail, where there is a server for that; return whether it took it."""
    if not mail.is_set_up():
        return False
    with translation.override(language or "en"):
        subject, text = mail.texts("invitation", clinic_name, address)
    try:
        send_mail(subject, text, None, [email])
    except OSError as error:
        _LOG.warning("an invitation could not be sent: %s", type(error).__name__)
        return False
    return True


def _clinic_said(clinic: LogClinic, state: State) -> ClinicSaid:
    closed = None if state.closed_at is None else instant.format(state.closed_at)
    return ClinicSaid(id=clinic.id, name=state.name, zone=state.zone, entries=state.size, closed_at=closed)


# Members


@router.get(
    "/clinics/{clinic}/members",
    response=Members,
    auth=Bearer(Scope.MANAGE),
    tags=TAGS,
    operation_id="listMembers",
    summary="List members",
)
def members(request: HttpRequest, clinic: str) -> Members:
    """Who belongs to the clinic, and who is invited."""
    place = _place(request, clinic)
    every = Membership.objects.select_related("user").filter(clinic_id=place.id).order_by("user__name", "pk")
    links = OneTimeLink.objects.filter(kind=OneTimeLink.INVITATION, clinic_id=place.id, expires_at__gt=timezone.now())
    return Members(members=[_member_said(one) for one in every], invitations=[_invited(one) for one in links])


@router.post(
    "/clinics/{clinic}/members",
    response={201: Invited},
    auth=Bearer(Scope.MANAGE),
    tags=TAGS,
    operation_id="inviteMember",
    summary="Invite somebody",
)
@_managed
def invite(request: HttpRequest, clinic: str, sent: MemberSent) -> Status[Any]:
    """Make a one-time link with which somebody joins the clinic. It goes out by e-mail, too, where that is set up."""
    place = _place(request, clinic)
    giver = Giver.of_key(request.auth.key)
    people.check_role(sent.role, sent.until, place.today, giver.gives)
    link, address = people.invite(giver, place, sent.email, sent.role, sent.until, sent.language or "")
    return Status(201, _invited(link, address, _send(place.name, sent.email, address, sent.language)))


@router.patch(
    "/clinics/{clinic}/members/{user}",
    response=MemberSaid,
    auth=Bearer(Scope.MANAGE),
    tags=TAGS,
    operation_id="changeMember",
    summary="Change a role",
)
@_managed
def change_member(request: HttpRequest, clinic: str, user: str, sent: RoleSent) -> MemberSaid:
    """Give a member another role, and an auditor another last day."""
    place, giver = _place(request, clinic), Giver.of_key(request.auth.key)
    one = _member(place, user)
    people.check_role(sent.role, sent.until, place.today, giver.gives)
    people.change(giver, place, one, sent.role, sent.until)
    return _member_said(_member(place, user))


@router.delete(
    "/clinics/{clinic}/members/{user}",
    response={204: None},
    auth=Bearer(Scope.MANAGE),
    tags=TAGS,
    operation_id="removeMember",
    summary="Let a member go",
)
@_managed
def remove_member(request: HttpRequest, clinic: str, user: str) -> Status[Any]:
    """From now on the clinic is not theirs, in every session."""
    place = _place(request, clinic)
    people.remove(Giver.of_key(request.auth.key), place, _member(place, user))
    return Status(204, None)


def _place(request: HttpRequest, clinic_id: str) -> Clinic:
    """The clinic of a request. Raises Problem where the key does not open it."""
    session = request.auth.enter(clinic_id).session
    return Clinic(session.clinic.id, session.name, session.today)


def _member(place: Clinic, user: str) -> Membership:
    one: Membership | None = (
        Membership.objects.select_related("user").filter(clinic_id=place.id, user__public_id=user).first()
    )
    if one is None:
        raise not_found()
    return one


def _member_said(one: Membership) -> MemberSaid:
    user = one.user
    return MemberSaid(id=user.public_id, name=user.name, email=user.email, role=one.role, until=one.until,
                      since=one.since)  # fmt: skip


def _invited(link: OneTimeLink, address: str | None = None, sent: bool = False) -> Invited:
    return Invited(email=link.email, role=link.role, until=link.until, expires_at=link.expires_at, link=address,
                   sent=sent)  # fmt: skip


# Keys


@router.get(
    "/clinics/{clinic}/keys",
    response=Keys,
    auth=Bearer(Scope.MANAGE),
    tags=TAGS,
    operation_id="listClinicKeys",
    summary="List a clinic's keys",
)
def clinic_keys(request: HttpRequest, clinic: str) -> Keys:
    """The clinic's keys, also those that ended. Keys of the platform are not among them."""
    return _keys(_place(request, clinic).id)


@router.post(
    "/clinics/{clinic}/keys",
    response={201: KeyMade},
    auth=Bearer(Scope.MANAGE),
    tags=TAGS,
    operation_id="makeClinicKey",
    summary="Make a key of a clinic",
)
@_managed
def make_clinic_key(request: HttpRequest, clinic: str, sent: KeySent) -> Status[Any]:
    """Make a key that opens this clinic alone. A key gives no scope that it does not have."""
    return _made(request, sent, _place(request, clinic).id)


@router.delete(
    "/clinics/{clinic}/keys/{id}",
    response={204: None},
    auth=Bearer(Scope.MANAGE),
    tags=TAGS,
    operation_id="revokeClinicKey",
    summary="Revoke a clinic's key",
)
@_managed
def revoke_clinic_key(request: HttpRequest, clinic: str, id: str) -> Status[Any]:
    """It opens nothing from now on. Revoked again, nothing changes."""
    return _revoked(request, id, _place(request, clinic).id)


@router.get(
    "/keys",
    response=Keys,
    auth=Bearer(Scope.MANAGE, platform=True),
    tags=TAGS,
    operation_id="listPlatformKeys",
    summary="List the platform's keys",
)
def platform_keys(request: HttpRequest) -> Keys:
    """The keys that open every clinic, also those that ended."""
    return _keys("")


@router.post(
    "/keys",
    response={201: KeyMade},
    auth=Bearer(Scope.MANAGE, platform=True),
    tags=TAGS,
    operation_id="makePlatformKey",
    summary="Make a key of the platform",
)
@_managed
def make_platform_key(request: HttpRequest, sent: KeySent) -> Status[Any]:
    """Make a key that opens every clinic. It is recorded in the log of each."""
    return _made(request, sent, "")


@router.delete(
    "/keys/{id}",
    response={204: None},
    auth=Bearer(Scope.MANAGE, platform=True),
    tags=TAGS,
    operation_id="revokePlatformKey",
    summary="Revoke a platform's key",
)
@_managed
def revoke_platform_key(request: HttpRequest, id: str) -> Status[Any]:
    """It opens nothing from now on. Revoked again, nothing changes."""
    return _revoked(request, id, "")


def _keys(clinic_id: str) -> Keys:
    return Keys(keys=[_key_said(one) for one in ApiKey.objects.filter(clinic_id=clinic_id).order_by("pk")])


def _made(request: HttpRequest, sent: KeySent, clinic_id: str) -> Status[Any]:
    who: Caller = request.auth
    if not who.scopes.issuperset(sent.scopes):
        raise InvalidInput("has one that this key does not have itself; ask with a key that has it", "scopes")
    ends_at = 0 if sent.ends_at is None else instant.from_datetime(sent.ends_at, "ends_at")
    with transaction.atomic():
        Giver.of_key(who.key).hold()
        made, text = key_issuing.issue(sent.name, sent.scopes, by=who.actor, clinic_id=clinic_id, ends_at=ends_at)
    return Status(201, KeyMade(**_key_said(made).dict(), key=text))


def _revoked(request: HttpRequest, id: str, clinic_id: str) -> Status[Any]:
    found = keys.by_log_id(id, clinic_id)
    if found is None:
        raise not_found()
    key_issuing.withdraw(found, by=request.auth.actor)
    return Status(204, None)


def _key_said(key: ApiKey) -> KeySaid:
    return KeySaid(
        id=keys.log_id(key),
        name=key.name,
        scopes=key.scopes.split(),
        made_at=instant.format(key.made_at),
        ends_at=_time(key.ends_at),
        used_at=_time(key.used_at),
        revoked_at=_time(key.revoked_at),
    )


def _time(us: int) -> str | None:
    return instant.format(us) if us else None


# Anonymizing


@router.post("/clinics/{clinic}/clients/{id}/anonymize", response=Anonymized, auth=Bearer(Scope.ANONYMIZE),
             tags=TAGS, operation_id="anonymizeClient", summary="Anonymize a client")  # fmt: skip
@_managed
def anonymize(request: HttpRequest, clinic: str, id: str, sent: AnonymizeSent) -> Anonymized:
    """Destroy the client's names, texts, IP addresses and devices on every entry, for ever. The entries and their
    proofs stay. The answer says what could not be reached."""
    access = request.auth.enter(clinic)
    try:
        done, beside = anonymizing.anonymize(access.recorder, id, (), sent.requested_by, sent.key)
    except NotFound:  # never recorded, or anonymized before
        raise not_found() from None
    return Anonymized(
        id=done.entry.id,
        number=done.entry.seq,
        recorded_at=instant.format(done.entry.recorded_at),
        unfinished_files=len(done.unfinished),
        older_copy_of_keep=done.older_copy,
        other_records=list(done.merged),
        outboxes=Outboxes(
            complete=beside.complete, emptied=beside.emptied, unreached=beside.unreached, unnamed=beside.unnamed
        ),
    )
