import staff_log  # type: ignore[import-not-found] # all of it lies in one folder with the project
from django.conf.urls.i18n import i18n_patterns
from urls import urlpatterns as others  # type: ignore[import-not-found]

urlpatterns = [*i18n_patterns(*staff_log.urlpatterns), *others]
