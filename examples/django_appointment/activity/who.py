"""Who acts, and through what. A StaffMember of django-appointment's or a superuser is staff; others are clients."""

from indelible import Client, Staff, System
from indelible.django import current_actor


def is_staff(user):
    return user.is_staff or user.is_superuser or hasattr(user, "staffmember")


def person(user):
    """A user as a client is named in an entry; None for nobody."""
    return None if user is None else (user.pk, user.get_full_name() or None)


def acts(request):
    user = request.user
    if not user.is_authenticated:
        return None
    return (Staff if is_staff(user) else Client)(str(user.pk), user.get_full_name() or None)


def channel(request):
    user = request.user
    return "staff_web" if user.is_authenticated and is_staff(user) else "client_web"


def actor(client=None):
    """Whoever signed in; else the client whom it is about, who books without an account; else a task or command."""
    return current_actor() or (Client(str(client.pk), client.get_full_name() or None) if client else System("job:task"))
