"""What happens in the demo's clinic beside the visits: people sign in, services and schedules are edited, records
kept.

In January the prices go up. The stories that answer somebody's question are in `uses`.
"""

from __future__ import annotations

from datetime import date, timedelta

from . import calendar
from .calendar import HOUR, MINUTE, SECOND, at
from .diary import Clinic, open_day
from .founding import CLINIC_NAME, schedule
from .offer import CURRENCY, DELETED, OFFERS, REWARDS, SERVICES
from .people import Json, Member

# Which member of staff turns two-factor login on, on which day; nobody had it when the clinic opened.
# The manager does so after somebody broke in.
_TWO_FACTOR_DAYS = {"usr_1": 3, "usr_12": 40, "usr_22": 77, "usr_25": 160}
_OFF_AGAIN = ("usr_22", 120)
_PASSWORD_DAYS = (("usr_2", 31), ("usr_15", 58), ("usr_23", 99), ("usr_12", 133), ("usr_27", 176), ("usr_1", 240),
                  ("usr_21", 288), ("usr_24", 330))  # fmt: skip
_CLIENT_FIELDS = (("newsletter", True, False), ("newsletter", False, True), ("preferred_language", "pt", "en"),
                  ("preferred_language", "en", "pt"), ("city", "Lisboa", "Oeiras"), ("city", "Almada", "Lisboa"),
                  ("postcode", "1200-109", "1250-096"), ("emergency_contact", None, "given at the desk"))  # fmt: skip


# The stories of single days, told at the start


def tell_once(clinic: Clinic) -> None:
    """Tell what happens once in the first year."""
    _account_stories(clinic)
    _price_rise(clinic)
    _service_and_reward_edits(clinic)
    _settings(clinic)
    _august_leave(clinic)


def _day(clinic: Clinic, offset: int) -> date:
    return open_day(clinic.start.toordinal() + offset)


def _day_at_work(clinic: Clinic, member: Member, offset: int) -> date:
    day = _day(clinic, offset)
    while member not in clinic.present(day):
        day = open_day(day.toordinal() + 1)
    return day


def _member(clinic: Clinic, wanted: str) -> Member:
    return next(member for member in clinic.staff if member.id == wanted)


def own_account(clinic: Clinic, when: int, action: str, member: Member, context: Json) -> None:
    """Tell what somebody of the staff did about the own account."""
    operation = clinic.operation()
    clinic.note(when, action, member.actor, member.account, context, request=member.request, operation=operation)


def _account_stories(clinic: Clinic) -> None:
    factor = {"factor": "totp"}
    stories: list[tuple[str, int, int, str, Json]] = [
        *((wanted, day, 9 * 60 + 12, "account.two_factor_enabled", factor) for wanted, day in _TWO_FACTOR_DAYS.items()),
        (*_OFF_AGAIN, 13 * 60 + 20, "account.two_factor_disabled", factor),
        *((wanted, day, 10 * 60 + 5, "account.password_changed", {"sessions_revoked": 1})
          for wanted, day in _PASSWORD_DAYS),
    ]  # fmt: skip
    for wanted, offset, minute, action, context in stories:
        member = _member(clinic, wanted)
        own_account(clinic, at(_day_at_work(clinic, member, offset), minute), action, member, context)


def _price_rise(clinic: Clinic) -> None:
    operation, now = clinic.operation(), clinic.raise_at
    for service in SERVICES:
        if service.raised_minor == service.price_minor:
            continue
        context = {"changes": [{"field": "price_minor", "old": service.price_minor, "new": service.raised_minor,
                                "currency": CURRENCY}],
                   "effective_from": calendar.local(clinic.raise_at).isoformat()}  # fmt: skip
        clinic.note(now, "service.edited", clinic.deputy.actor, service.target, context, request=clinic.deputy.request,
                    operation=operation)  # fmt: skip
        now += 120_000
    for offer in OFFERS:
        if offer.raised_minor == offer.price_minor:
            continue
        change = {"field": "price_minor", "old": offer.price_minor, "new": offer.raised_minor, "currency": CURRENCY}
        clinic.note(now, "voucher_offer.edited", clinic.deputy.actor, offer.target,
                    {"service": offer.service.id, "changes": [change]}, request=clinic.deputy.request,
                    operation=operation)  # fmt: skip


def _service_and_reward_edits(clinic: Clinic) -> None:
    deputy = clinic.deputy
    for number, offset in enumerate(range(9, 360, 13)):
        service = SERVICES[number * 5 % len(SERVICES)]
        if service is DELETED:
            continue
        now = at(_day(clinic, offset), 12 * 60 + 25)
        old, new = f"Text of the site, version {number}", f"Text of the site, version {number + 1}"
        clinic.note(now, "service.edited", deputy.actor, service.target,
                    {"changes": [{"field": "description", "old": old, "new": new}]}, request=deputy.request,
                    operation=clinic.operation())  # fmt: skip
    for reward in REWARDS:
        if reward.id not in clinic.cheaper:
            continue
        change = {"field": "cost_points", "old": reward.points, "new": reward.lowered}
        clinic.note(clinic.cheaper[reward.id], "reward.edited", deputy.actor, reward.target, {"changes": [change]},
                    request=deputy.request, operation=clinic.operation())  # fmt: skip
    gone = REWARDS[4]
    snapshot = {"id": gone.id, "name": gone.name, **gone.described}
    clinic.note(at(_day(clinic, 300), 15 * 60 + 2), "reward.deleted", clinic.owner.actor, gone.target,
                {"snapshot": snapshot, "outstanding": 0}, request=clinic.owner.request,
                operation=clinic.operation())  # fmt: skip


def _settings(clinic: Clinic) -> None:
    owner = clinic.owner
    changes = (
        (1, "notifications", "reminder_hours", 48, 24),
        (16, "online_booking", "days_ahead", 30, 45),
        (52, "loyalty", "points_per_euro", None, 1),
        (101, "notifications", "sender_name", None, CLINIC_NAME),
        (139, "vouchers", "valid_days", 180, 183),
        (210, "security", "idle_timeout_minutes", 120, 60),
        (274, "online_booking", "show_prices", False, True),
        (318, "notifications", "sms_reminders", False, True),
    )
    for offset, section, name, old, new in changes:
        context = {"section": section, "changes": [{"field": name, "old": old, "new": new}], "fields_changed": [name]}
        clinic.note(at(_day(clinic, offset), 17 * 60 + 15), "settings.changed", owner.actor,
                    {"kind": "settings", "id": f"set_{section}"}, context, request=owner.request,
                    operation=clinic.operation())  # fmt: skip


def _august_leave(clinic: Clinic) -> None:
    """In the June before, the manager enters who is away in which half of August."""
    start = clinic.start
    year = start.year if start < date(start.year, 6, 10) else start.year + 1
    now = at(open_day(date(year, 6, 15).toordinal()), 16 * 60)
    for member in clinic.practitioners:
        first, last = (date(year, 8, day) for day in ((16, 31) if member.number % 2 else (1, 15)))
        now += 45 * SECOND
        _block(clinic, now, member, at(first, 0), at(last + timedelta(days=1), 0), "leave")


def _block(clinic: Clinic, now: int, member: Member, start: int, end: int, why: str) -> None:
    """Tell that a practitioner cannot be booked between two instants. Some of these plans are given up again."""
    deputy, rng = clinic.deputy, clinic.rng
    context = {"practitioner": member.person, "starts_at": _text(start), "ends_at": _text(end), "reason_code": why,
               "bookings_affected": 0}  # fmt: skip
    block = {"kind": "schedule_block", "id": clinic.new_id("blk"), "name": schedule(member)["name"]}
    clinic.note(now, "schedule.blocked", deputy.actor, block, context, request=deputy.request,
                operation=clinic.operation())  # fmt: skip
    later = at(open_day(calendar.local(now).toordinal() + rng.randint(2, 9)), 9 * 60 + 10) + rng.randrange(HOUR)
    if why != "leave" and rng.random() < 0.3 and later < start:
        clinic.note(later, "schedule.unblocked", deputy.actor, block, context, request=deputy.request,
                    operation=clinic.operation())  # fmt: skip


def _text(us: int) -> str:
    return calendar.local(us).isoformat(timespec="seconds")


# Every day


def tell_office(clinic: Clinic, day: date) -> None:
    """Tell a day on which the clinic is open: who signed in, which schedules and records were edited."""
    hours = calendar.opening(day)
    if hours is None:
        return
    for member in clinic.present(day):
        _work(clinic, day, hours, member)
    if clinic.rng.random() < 0.2:
        _delete_client(clinic, day, hours)
    for _ in range(sum(clinic.rng.random() < 0.45 for _ in range(4))):
        _edit_client(clinic, day, hours)
    if day.weekday() != 5 and clinic.rng.random() < 0.16:
        _edit_schedule(clinic, day)


def _work(clinic: Clinic, day: date, hours: tuple[int, int], member: Member) -> None:
    rng = clinic.rng
    arrived = at(day, 8 * 60 + 32) + rng.randrange(26 * MINUTE)
    if rng.random() < 0.03:
        context: Json = {"reason_code": "wrong_password", "method": "password", "attempt": 1}
        own_account(clinic, arrived - 20 * SECOND, "account.login_failed", member, context)
    starts = [arrived]
    if rng.random() < 0.3 and day.weekday() != 5:
        starts.append(at(day, 14 * 60) + rng.randrange(50 * MINUTE))
    session = ""
    for start in starts:
        session = clinic.new_id("ses")
        factor = "totp" if _two_factor(clinic, member, start) else "none"
        context = {"method": "password", "second_factor": factor, "new_device": False, "session": session}
        own_account(clinic, start, "account.logged_in", member, context)
    if rng.random() < 0.45:
        left = at(day, hours[1]) + rng.randrange(8 * MINUTE, 35 * MINUTE)
        own_account(clinic, left, "account.logged_out", member, {"cause": "user", "session": session})


def _two_factor(clinic: Clinic, member: Member, now: int) -> bool:
    if member is clinic.deputy:
        return now > clinic.break_in + calendar.HOUR * 7
    since = _TWO_FACTOR_DAYS.get(member.id)
    if since is None or now < at(_day_at_work(clinic, member, since), 10 * 60):
        return False
    return member.id != _OFF_AGAIN[0] or now < at(_day_at_work(clinic, member, _OFF_AGAIN[1]), 14 * 60)


def _edit_client(clinic: Clinic, day: date, hours: tuple[int, int]) -> None:
    rng = clinic.rng
    client = rng.choice(clinic.clients)
    now = at(day, hours[0]) + rng.randrange((hours[1] - hours[0]) * MINUTE)
    if client.known_from >= now:
        return
    name, old, new = rng.choice(_CLIENT_FIELDS)
    who = client if rng.random() < 0.4 else clinic.reception(now)
    context = {"changes": [{"field": name, "old": old, "new": new}], "fields_changed": [name]}
    operation = clinic.operation()
    clinic.note(now, "client.edited", who.actor, client.target, context, request=who.request, operation=operation)


def _delete_client(clinic: Clinic, day: date, hours: tuple[int, int]) -> None:
    """Delete the record of somebody who has not come for two months, and has no pack, coupon or dispute left."""
    rng = clinic.rng
    client = rng.choice(clinic.clients)
    quiet = client.last_day < day.toordinal() - 60 and client.known_from < at(day - timedelta(days=60), 0)
    if not quiet or client.packs or client.coupons or client.busy_until >= day.toordinal():
        return
    now = at(day, hours[1] - 45) + rng.randrange(30 * MINUTE)
    desk = clinic.reception(now)
    until = calendar.local(now + 30 * 24 * calendar.HOUR).isoformat(timespec="seconds")
    reason = rng.choice(("duplicate", "moved_away", "client_asked"))
    context = {"mode": "archived", "reason_code": reason, "restorable_until": until}
    clinic.clients.remove(client)
    clinic.note(now, "client.deleted", desk.actor, client.target, context, request=desk.request,
                operation=clinic.operation())  # fmt: skip


def _edit_schedule(clinic: Clinic, day: date) -> None:
    rng = clinic.rng
    member = rng.choice(clinic.practitioners)
    now = at(day, 9 * 60 + 15) + rng.randrange(3 * 60 * MINUTE)
    off = day + timedelta(days=rng.randint(20, 40))
    if calendar.opening(off) is not None and off.weekday() != 5 and rng.random() < 0.6:
        # At noon nobody is booked.
        _block(clinic, now, member, at(off, 13 * 60), at(off, 14 * 60), rng.choice(("training", "maintenance")))
        return
    context = {"practitioner": member.person,
               "changes": [{"field": "break", "old": "13:00", "new": f"12:45 on {off.isoformat()}"}],
               "bookings_outside_hours": 0}  # fmt: skip
    clinic.note(now, "schedule.edited", clinic.deputy.actor, schedule(member), context, request=clinic.deputy.request,
                operation=clinic.operation())  # fmt: skip
