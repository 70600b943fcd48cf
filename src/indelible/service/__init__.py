"""The self-hosted service: accounts, roles and the pages that a clinic opens in the browser.

What a request meets, in this order:

    settings.py     the environment's settings, and which of them are refused
    urls.py         every address
    access.py       who is asking, in which clinic, with which right: the only door to a clinic's log
    roles.py        the one table of what each role may do
    pages/          one module for each page
    models.py       users, memberships, one-time links: in the same file as the log
    recording.py    what the service itself records: sign-ins, people, settings
    server.py       `indelible serve`
"""
