"""The five uses of an activity log, planted in the demo, and where to find each.

1. A client says that she did not cancel. She booked in the app, and cancelled there late one evening.
2. A receptionist deletes a service by mistake, and the manager restores it two days later.
3. Somebody abroad guesses the manager's password at night and changes the account for payouts.
4. A charge goes back in two parts, one by policy, the other by hand in Stripe's dashboard.
5. Payments and vouchers of a calendar year. The whole demo is in it; nothing more is planted.

The first four belong to the first weeks of the demo, because fewer days give the beginning of the same year. They are
told before all else that `found` has not told, so that their ids depend on the seed alone, and their times on the start
alone. The clients of the first and the fourth have names, devices and addresses that nobody else in the demo has, and
come to the clinic only there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from . import calendar
from .bookings import note_booking
from .calendar import HOUR, MINUTE, SECOND, at
from .diary import Clinic, open_day
from .founding import found
from .offer import CURRENCY, DELETED, SERVICES, Service
from .office import own_account
from .outcomes import note_cancellation, settle
from .people import STRANGER_AGENT, STRANGER_IP, Customer, Json, Member
from .till import card_charge, decline, refund_in_dashboard, succeed_online
from .visit import Visit

_GUESSES = 7
# What the platform keeps of a payment, in hundredths of a percent.
_PLATFORM_FEE_BASIS_POINTS = 200


@dataclass(frozen=True, slots=True)
class Sight:
    """One entry to look at: its action, the id of its target, and its instant in microseconds since 1970 UTC."""

    action: str
    target: str
    occurred_at: int


@dataclass(frozen=True, slots=True)
class Use:
    """One use of the log, and where the demo has it.

    `title` is the use in general, `question` the one that somebody in this clinic asks, `query` the filter whose
    entries answer it. `commands` are the arguments of `indelible`, the best one first. `ids` and `sights` name what was
    planted. The days are local; `planted` is false where the demo ends before `last_day`.
    """

    name: str
    title: str
    question: str
    query: str
    commands: tuple[str, ...]
    ids: dict[str, str]
    sights: tuple[Sight, ...]
    first_day: date
    last_day: date
    planted: bool = True


def uses(seed: int = 1, *, start: date, days: int = 365) -> tuple[Use, ...]:
    """Return the five uses in the demo that `make_documents` gives for the same arguments, in the order above."""
    clinic = Clinic(seed, start)
    found(clinic)
    last = start + timedelta(days=days - 1)
    return (*(replace(use, planted=use.last_day <= last) for use in tell_uses(clinic)), _tax_year(start, last))


def tell_uses(clinic: Clinic) -> tuple[Use, ...]:
    """Tell the four stories, and return what they are."""
    return _did_not_cancel(clinic), _deleted_service(clinic), _suspicious_login(clinic), _two_refunds(clinic)


def _made(
    clinic: Clinic, since: int, name: str, title: str, question: str, query: str, commands: tuple[str, ...],
    ids: dict[str, str],
) -> Use:  # fmt: skip
    """Return a use of which everything written after the first `since` events is a part."""
    told = sorted(clinic.written(since), key=lambda one: one[0])
    sights = tuple(Sight(event["action"], event["target"]["id"], when) for when, event in told)
    first, last = (calendar.local(sights[index].occurred_at).date() for index in (0, -1))
    return Use(name, title, question, query, commands, ids, sights, first, last)


# 1. A cancellation that the client does not remember


def _did_not_cancel(clinic: Clinic) -> Use:
    since = len(clinic.written())
    day = open_day(clinic.start.toordinal() + 6)
    client = clinic.newcomer("Perpétua Salgueiro", "2001:db8:0:51::1e", "4471")
    when = at(clinic.start + 2 * calendar.DAY, 20 * 60 + 14) + 37 * SECOND
    visit, operation = _book_in_app(clinic, client, SERVICES[7], day, 10 * 60 + 30, when)
    charge = visit.paid = card_charge(clinic, visit.price_minor, "full_price")
    succeed_online(clinic, when + 41 * SECOND, client, client, charge, {"booking": visit.id}, operation)
    evening = at(day - calendar.DAY, 22 * 60 + 45) + 12 * SECOND
    clinic.note(evening, "account.logged_in", client.actor, client.target,
                {"method": "password", "second_factor": "none", "new_device": False, "session": clinic.new_id("ses")},
                request=client.request, operation=clinic.operation())  # fmt: skip
    _cancel_late(clinic, visit, evening + 2 * MINUTE + 19 * SECOND, "app")
    return _made(
        clinic,
        since,
        "cancelled-booking",
        "A client claims they didn't cancel their booking",
        f"{client.name} stands at the desk and says: I never cancelled. Who did, when, and from which device?",
        f"about:booking/{visit.id}",
        (
            f"story booking/{visit.id}",
            f"list client:{client.id}",
            f"bundle client:{client.id} --output cancellation.zip",
        ),
        {"client": client.id, "booking": visit.id, "charge": charge.id},
    )


def _book_in_app(
    clinic: Clinic, client: Customer, service: Service, day: date, minute: int, when: int
) -> tuple[Visit, str]:
    """Let a client sign up and book, and keep the practitioner's hour free of other visits."""
    practitioner = next(member for member in clinic.practitioners if clinic.works(member, day))
    operation, start = clinic.operation(), at(day, minute)
    visit = Visit(clinic.new_id("bk"), client, practitioner, service, "online", start, start,
                  clinic.price(service, when), when)  # fmt: skip
    clinic.taken[practitioner.id].append((start, visit.end))
    clinic.note(when - 2 * SECOND, "client.created", client.actor, client.target,
                {"method": "booking", "fields_present": ["name", "phone"]}, request=client.request,
                operation=operation)  # fmt: skip
    note_booking(clinic, visit, when, client, operation, "none")
    return visit, operation


def _cancel_late(clinic: Clinic, visit: Visit, when: int, path: str) -> None:
    operation = clinic.operation()
    note_cancellation(clinic, visit, when, path, True, operation)
    settle(clinic, visit, when + 2 * SECOND, "late-cancel", operation)


# 2. A service deleted by mistake


def _deleted_service(clinic: Clinic) -> Use:
    """Tell that the wrong row was clicked. Who looks at the log finds the whole service in the snapshot."""
    since = len(clinic.written())
    deleted, restored = clinic.lost
    desk, deputy = clinic.careless, clinic.deputy
    snapshot = DELETED.snapshot(clinic.price(DELETED, deleted))
    clinic.note(deleted, "service.deleted", desk.actor, DELETED.target,
                {"snapshot": snapshot, "mode": "removed"}, request=desk.request,
                operation=clinic.operation())  # fmt: skip
    context = {"snapshot": snapshot, "deleted_at": calendar.local(deleted).isoformat(timespec="seconds")}
    clinic.note(restored, "service.restored", deputy.actor, DELETED.target, context, request=deputy.request,
                operation=clinic.operation())  # fmt: skip
    return _made(
        clinic,
        since,
        "deleted-service",
        "A team member accidentally deleted a service",
        f"{DELETED.name} can no longer be booked. Who deleted it, when, and what was it?",
        f"target:service/{DELETED.id}",
        (
            f"list target:service/{DELETED.id}",
            "list action:service.deleted --json",
        ),
        {"service": DELETED.id, "staff": desk.id},
    )


# 3. A login at night


def _suspicious_login(clinic: Clinic) -> Use:
    since = len(clinic.written())
    victim, night = clinic.deputy, clinic.break_in
    _guess(clinic, victim, night)
    _payouts(clinic, night + 4 * MINUTE + 11 * SECOND, victim, _stranger(), to_stranger=True)
    _lock_out(clinic, victim, night + 6 * HOUR + 9 * MINUTE + 14 * SECOND)
    day = calendar.local(night).date()
    days = f"from:{day} to:{day}"
    account = f"about:staff/{victim.id} category:account from:{day - 7 * calendar.DAY} to:{day}"
    return _made(
        clinic,
        since,
        "suspicious-login",
        "You need to investigate a suspicious login",
        f"The account for payouts is not ours any more. Who signed in as {victim.name}, from where, on which device?",
        account,
        (f"list {account}", f"list {STRANGER_IP} {days}", f"list actor:{victim.id} {days}"),
        {"account": victim.id, "ip": STRANGER_IP},
    )


def _stranger() -> Json:
    return {"channel": "staff_web", "ip": STRANGER_IP, "user_agent": STRANGER_AGENT}


def _guess(clinic: Clinic, victim: Member, night: int) -> None:
    """Tell of wrong passwords, and of the right one at `night`, from a device that was never there before."""
    for attempt in range(1, _GUESSES + 1):
        when = night - (_GUESSES + 1 - attempt) * 53 * SECOND - attempt * attempt * 310_000
        clinic.note(when, "account.login_failed", victim.actor, victim.account,
                    {"reason_code": "wrong_password", "method": "password", "attempt": attempt}, request=_stranger(),
                    operation=clinic.operation())  # fmt: skip
    context = {"method": "password", "second_factor": "none", "new_device": True, "session": clinic.new_id("ses")}
    clinic.note(night + 26 * SECOND, "account.logged_in", victim.actor, victim.account, context, request=_stranger(),
                operation=clinic.operation())  # fmt: skip


def _payouts(clinic: Clinic, when: int, member: Member, request: Json, *, to_stranger: bool) -> None:
    """Tell that the account for payouts was changed, to the stranger's or back."""
    ours, theirs = "PT50 **** 0154", "LT60 **** 7731"
    old, new = (ours, theirs) if to_stranger else (theirs, ours)
    context = {"section": "payouts", "changes": [{"field": "bank_account", "old": old, "new": new}],
               "fields_changed": ["bank_account"]}  # fmt: skip
    clinic.note(when, "settings.changed", member.actor, {"kind": "settings", "id": "set_payouts"}, context,
                request=request, operation=clinic.operation())  # fmt: skip


def _lock_out(clinic: Clinic, victim: Member, morning: int) -> None:
    """Tell how the owner ends all sessions of the account, and the manager takes it back."""
    owner = clinic.owner
    clinic.note(morning, "account.session_revoked", owner.actor, victim.account,
                {"scope": "all", "cause": "risk", "sessions_revoked": 2}, request=owner.request,
                operation=clinic.operation())  # fmt: skip
    _payouts(clinic, morning + 2 * MINUTE + 37 * SECOND, owner, owner.request, to_stranger=False)
    context: Json = {"method": "password", "second_factor": "none", "new_device": False,
                     "session": clinic.new_id("ses")}  # fmt: skip
    own_account(clinic, morning + 6 * MINUTE + 5 * SECOND, "account.logged_in", victim, context)
    own_account(clinic, morning + 8 * MINUTE + 51 * SECOND, "account.password_changed", victim, {"sessions_revoked": 0})
    own_account(clinic, morning + 13 * MINUTE + 22 * SECOND, "account.two_factor_enabled", victim, {"factor": "totp"})


# 4. A charge refunded in two parts


def _two_refunds(clinic: Clinic) -> Use:
    since = len(clinic.written())
    day = open_day(clinic.start.toordinal() + 10)
    client = clinic.newcomer("Benedita Ventura", "2001:db8:0:77::2a", "9036")
    when = at(clinic.start + 4 * calendar.DAY, 12 * 60 + 21) + 5 * SECOND
    visit, operation = _book_in_app(clinic, client, SERVICES[4], day, 15 * 60, when)
    charge = visit.paid = card_charge(clinic, visit.price_minor, "full_price")
    booking = {"booking": visit.id}
    decline(clinic, when + 33 * SECOND, client, client, charge, "card", booking, operation)
    more = {"application_fee_minor": charge.amount_minor * _PLATFORM_FEE_BASIS_POINTS // 10_000,
            "receipt_number": "2043-8817", "stripe_event": clinic.stripe_id("evt")}  # fmt: skip
    succeed_online(clinic, when + 94 * SECOND, client, client, charge, booking, operation, more)
    _cancel_late(clinic, visit, at(day, 8 * 60 + 3) + 48 * SECOND, "email_link")
    by_hand = at(open_day(day.toordinal() + 2), 16 * 60 + 42) + 9 * SECOND
    refund_in_dashboard(clinic, by_hand, client, charge, charge.left_minor // 2, visit.id, clinic.operation())
    intent, of_charge = charge.evidence["stripe_payment_intent"], charge.evidence["stripe_charge"]
    return _made(
        clinic,
        since,
        "two-refunds",
        "You're reconciling a refund with Stripe",
        f"Stripe shows two refunds of one payment of {client.name}. Which is whose, when, and what is left of it?",
        f"stripe:{intent}",
        (
            f"list stripe:{intent}",
            f"list stripe:{of_charge}",
            f"export stripe:{intent} --format xlsx --output refund.xlsx",
        ),
        {"client": client.id, "booking": visit.id, "charge": charge.id, "stripe_charge": of_charge,
         "stripe_payment_intent": intent},
    )  # fmt: skip


# 5. The tax year


def _tax_year(start: date, last: date) -> Use:
    """Return the use of the calendar year in which most of the demo's days are; of two alike, the later one."""
    ends = {year: (max(start, date(year, 1, 1)), min(last, date(year, 12, 31)))
            for year in range(start.year, last.year + 1)}  # fmt: skip
    year = max(ends, key=lambda one: (ends[one][1] - ends[one][0], one))
    query = f"category:payments category:vouchers from:{year}-01-01 to:{year}-12-31"
    return Use(
        "tax-year",
        "During a tax audit",
        f"The tax adviser asks for every payment and voucher of {year}.",
        query,
        (f"export {query} --format xlsx --output tax-{year}.xlsx", f"list {query}", "verify"),
        {"year": str(year), "currency": CURRENCY},
        (),
        *ends[year],
    )
