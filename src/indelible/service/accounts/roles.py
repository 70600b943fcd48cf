"""What each role may do: the one table. `service/web/access.py` is the one place that reads it.

`hidden` are the categories of entries that a role does not see; for who may not see `account`, the page of sign-ins
shows the person's own. `letters` is how often a member gets the letter who has not said so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Right(StrEnum):
    READ = "read"
    SIGN_INS_OF_ALL = "sign_ins_of_all"
    TOTALS = "totals"
    EXPORT = "export"
    ANONYMIZE = "anonymize"
    VERIFY = "verify"
    LETTERS = "letters"
    OWN_VIEWS = "own_views"
    PEOPLE = "people"
    SETTINGS = "settings"
    NEW_CLINIC = "new_clinic"


# What nobody does who is shown the log in a host's own page: what needs an account here, and what changes anything.
NOT_IN_HOSTS_PAGE = frozenset(
    {Right.ANONYMIZE, Right.LETTERS, Right.OWN_VIEWS, Right.PEOPLE, Right.SETTINGS, Right.NEW_CLINIC}
)


@dataclass(frozen=True, slots=True)
class Role:
    """`gives` are the roles that one may give to and take from others; `expires` whether it has an end."""

    code: str
    label: Promise | str
    help: Promise | str
    rights: frozenset[Right]
    hidden: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    expires: bool = False
    letters: str = "never"


# Codes that nothing declares any more are of category "other", whatever they were once.
_NOT_FOR_STAFF = frozenset({"account", "settings", "log", "other"})

ROLES: dict[str, Role] = {
    role.code: role
    for role in (
        Role("owner", _("Owner"), _("Everything, integrity and other owners included."),
             frozenset(Right), gives=frozenset({"owner", "manager", "staff", "auditor"}), letters="week"),
        Role("manager", _("Manager"), _("Reads and exports everything, anonymizes clients, invites staff."),
             frozenset({Right.READ, Right.SIGN_INS_OF_ALL, Right.TOTALS, Right.EXPORT, Right.ANONYMIZE,
                        Right.OWN_VIEWS, Right.PEOPLE, Right.SETTINGS}), gives=frozenset({"staff", "auditor"})),
        Role("staff", _("Staff"), _("Reads reservations, payments, vouchers, services, clients and loyalty."),
             frozenset({Right.READ, Right.OWN_VIEWS}), hidden=_NOT_FOR_STAFF),
        Role("auditor", _("Auditor"), _("Reads, exports and verifies everything, until a date."),
             frozenset({Right.READ, Right.SIGN_INS_OF_ALL, Right.TOTALS, Right.EXPORT, Right.VERIFY,
                        Right.LETTERS, Right.OWN_VIEWS}), expires=True),
    )
}  # fmt: skip
