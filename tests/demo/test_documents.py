"""The documents themselves: valid, in order, and the same every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from ipaddress import ip_address, ip_network
from itertools import pairwise

from indelible import demo
from indelible.catalogue import registered
from indelible.record import document, drafting

START = date(2025, 3, 3)
LATER = 1_900_000_000_000_000

DIGEST = """
import hashlib, json
from datetime import date
from indelible import demo
print(hashlib.sha256(json.dumps(list(demo.make_documents(1, start=date(2025, 3, 3), days=5))).encode()).hexdigest())
"""


def test_every_document_can_be_recorded(year):
    for one in year:
        drafting.draft(document.parse(one), now=LATER)


def test_a_document_survives_json(year):
    assert json.loads(json.dumps(year[:2_000])) == year[:2_000]


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_order():
    expected = json.dumps(list(demo.make_documents(1, start=START, days=5))).encode()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        made = subprocess.run(
            [sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True
        )
        assert made.stdout.strip() == hashlib.sha256(expected).hexdigest()


def test_another_seed_gives_another_year(year):
    other = list(demo.make_documents(2, start=START, days=5))
    assert other != year[: len(other)]


def test_fewer_days_are_the_beginning_of_the_year(year):
    for days in (1, 40):
        part = list(demo.make_documents(1, start=START, days=days))
        assert part == year[: len(part)]
        assert (
            datetime.fromisoformat(year[len(part)]["occurred_at"]).date()
            > datetime.fromisoformat(part[-1]["occurred_at"]).date()
        )


def test_times_never_go_back_and_keys_are_never_used_twice(year):
    times = [datetime.fromisoformat(one["occurred_at"]) for one in year]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert len({one["key"] for one in year}) == len(year)
    assert times[0].date() == START
    assert (times[-1].date() - START).days == 364


def test_every_offset_is_lisbons(year):
    for one in year:
        moment = datetime.fromisoformat(one["occurred_at"])
        summer = date(2025, 3, 30) <= moment.date() < date(2025, 10, 26)
        assert moment.utcoffset() == timedelta(hours=1 if summer else 0), one["occurred_at"]


def test_the_year_has_every_category_in_believable_proportions(year):
    assert 45_000 <= len(year) <= 55_000
    category = {cls.code: cls.category for cls in registered()}
    counts = Counter(category[one["action"]] for one in year)
    share = {name: count / len(year) for name, count in counts.items()}
    assert set(share) == {"bookings", "payments", "vouchers", "services", "clients", "account", "loyalty", "settings"}
    assert 0.35 < share["bookings"] < 0.55
    assert 0.15 < share["payments"] < 0.30
    assert 0.08 < share["account"] < 0.20
    assert 0.08 < share["loyalty"] < 0.20
    assert 0.02 < share["clients"] < 0.08
    assert 0.005 < share["vouchers"] < 0.04
    assert counts["services"] > 80
    assert counts["settings"] > 5


def test_bookings_end_in_believable_proportions(year):
    counts = Counter(one["action"] for one in year)
    created = counts["booking.created"]
    assert 0.75 < counts["booking.completed"] / created < 0.92
    assert 0.05 < counts["booking.cancelled"] / created < 0.15
    assert 0.02 < counts["booking.no_show_marked"] / created < 0.06
    assert 0.05 < counts["booking.rescheduled"] / created < 0.15
    assert 0.005 < counts["charge.failed"] / counts["charge.succeeded"] < 0.06
    assert {one["context"]["late"] for one in year if one["action"] == "booking.cancelled"} == {True, False}
    assert {one["context"]["source"] for one in year if one["action"] == "charge.refunded"} == {
        "staff", "policy", "stripe_dashboard"}  # fmt: skip


def test_august_is_quieter(year):
    months = Counter(one["occurred_at"][:7] for one in year if one["action"] == "booking.completed")
    assert months["2025-08"] < 0.7 * months["2025-07"]


def test_every_address_is_kept_for_documentation(year):
    ranges = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
    addresses = {one["request"]["ip"] for one in year if "ip" in one.get("request", {})}
    assert len(addresses) > 500
    for text in addresses:
        assert any(ip_address(text) in network for network in ranges)
