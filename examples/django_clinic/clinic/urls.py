from django.urls import path

from . import views

urlpatterns = [
    path("services", views.services),
    path("services/<int:pk>", views.service),
    path("packs", views.packs),
    path("bookings", views.bookings),
    path("bookings/<int:pk>/reschedule", views.reschedule),
    path("bookings/<int:pk>/cancel", views.cancel),
]
