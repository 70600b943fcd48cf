"""The self-hosted service: accounts, roles and the pages that a clinic opens in the browser. Imports go downward:

run/                run/server.py is `indelible serve`: startup, settings, the worker's threads, and the commands of
                    whoever runs it (rescue, invitation, demo)
web/                what a request meets: middleware.py, urls.py, access.py (who is asking, in which clinic, with
                    which right: the only door to a clinic's log), and pages/, one module for each page
accounts/           who signs in and where they may what: models.py, roles.py (the one table of rights), signing in
                    with django-allauth, and recording.py, what of it goes into the log
shared_journal.py   the one journal of the process
environment.py      what the environment says, and what of it is refused
"""
