"""Points in the demo: awarded for visits, spent on rewards, corrected; and the coupons that they bring.

The balances are not written here: the story is not told in the order of time (`balances`). What keeps them from ever
being below zero is `client.points`, which goes up when points are there and down as soon as it is known that they will
go.
"""

from __future__ import annotations

from . import calendar
from .calendar import HOUR, MINUTE, SECOND
from .diary import Clinic, Coupon
from .offer import CURRENCY, REFERRAL_MINOR, TAKEN, Reward, Service
from .people import Customer, Json, Who

_SYSTEM: Json = {"kind": "system", "reason": "rule:loyalty-points"}
_GOODWILL_POINTS = 50
_GOODWILL = ("Waited for half an hour", "Cliente ajudou com o inquérito", "Anniversary of the clinic")


def award(clinic: Clinic, at: int, client: Customer, spent_minor: int, about: Json, operation: str) -> None:
    """One point for every euro; a session of a pack counts as what it cost."""
    points = spent_minor // 100
    client.points += points
    context = {"points": points, "rule": "one_point_per_euro", **about, "spent_minor": spent_minor,
               "currency": CURRENCY}  # fmt: skip
    clinic.note(at, "points.awarded", _SYSTEM, client.account, context, client=client, operation=operation)


def perhaps_take_reward(clinic: Clinic, since: int, client: Customer) -> None:
    """Within two days of a visit, let a client who has the points for it take a reward."""
    rng = clinic.rng
    if client.points < TAKEN[0].points or rng.random() > 0.4:
        return
    at = calendar.some_time(rng, since + 10 * MINUTE, since + 44 * HOUR, open_only=False)
    if at is not None:
        take_reward(clinic, at, client, rng.choice([one for one in TAKEN if clinic.cost(one, at) <= client.points]))


def take_reward(clinic: Clinic, at: int, client: Customer, reward: Reward) -> Coupon:
    """Spend points on a reward, which gives a coupon of the client's own."""
    cost = clinic.cost(reward, at)
    client.points -= cost
    coupon = Coupon(clinic.new_id("cpn"), reward.name, client, at, reward.worth_minor, reward.service, reward)
    _give(clinic, coupon)
    context = {"points": cost, "reward": reward.id, "coupon": coupon.id}
    clinic.note(at, "points.redeemed", client.actor, client.account, context, client=client, request=client.request,
                operation=clinic.operation())  # fmt: skip
    return coupon


def _give(clinic: Clinic, coupon: Coupon) -> None:
    coupon.holder.coupons.append(coupon)
    if coupon.service is not None:
        clinic.hopes[coupon.service.id].append(coupon)


def refer(clinic: Clinic, at: int, newcomer: Customer, operation: str) -> None:
    """A newcomer's first visit brings a coupon to the client who sent her."""
    friend = clinic.rng.choice(clinic.clients)
    if friend is newcomer or friend.known_from >= at:
        return
    coupon = Coupon(clinic.new_id("cpn"), "Thank you for a friend", friend, at, REFERRAL_MINOR)
    _give(clinic, coupon)
    context = {"cause": "referral", "discount_minor": REFERRAL_MINOR, "currency": CURRENCY}
    clinic.note(at, "coupon.issued", {"kind": "system", "reason": "rule:referral"}, coupon.target, context,
                client=friend, operation=operation)  # fmt: skip


def usable(client: Customer, service: Service, price_minor: int, at: int) -> Coupon | None:
    """Return a coupon of the client's for a booking made at an instant, if there is one."""
    for coupon in client.coupons:
        fits = coupon.service is service or (coupon.service is None and coupon.worth_minor < price_minor)
        if fits and coupon.since < at:
            return coupon
    return None


def use(clinic: Clinic, at: int, who: Who, coupon: Coupon, discount_minor: int, about: Json, operation: str) -> None:
    """Apply a coupon to a booking, when it is made."""
    coupon.used = True
    coupon.holder.coupons.remove(coupon)
    reward = {"reward": coupon.reward.id} if coupon.reward else {}
    context = {**reward, **about, "discount_minor": discount_minor, "currency": CURRENCY, "uses_total": 1}
    clinic.note(at, "coupon.redeemed", who.actor, coupon.target, context, client=coupon.holder, request=who.request,
                operation=operation)  # fmt: skip


def take_back(clinic: Clinic, at: int, client: Customer, refunded_minor: int, about: Json, operation: str) -> None:
    """Take back what a refunded charge had brought, as far as it is there."""
    points = min(refunded_minor // 100, client.points)
    if points:
        client.points -= points
        clinic.note(at, "points.adjusted", _SYSTEM, client.account, {"points": -points, "cause": "refund", **about},
                    client=client, operation=operation)  # fmt: skip


def perhaps_goodwill(clinic: Clinic, since: int, client: Customer) -> None:
    """Now and then the desk gives points to somebody who was not content, within three days of the visit."""
    rng = clinic.rng
    if rng.random() > 0.004:
        return
    at = calendar.some_time(rng, since + MINUTE, since + 70 * HOUR, open_only=True)
    if at is None:
        return
    desk = clinic.reception(at)
    client.points += _GOODWILL_POINTS
    context = {"points": _GOODWILL_POINTS, "cause": "goodwill", "reason_text": rng.choice(_GOODWILL)}
    clinic.note(at + SECOND, "points.adjusted", desk.actor, client.account, context, client=client,
                request=desk.request, operation=clinic.operation())  # fmt: skip
