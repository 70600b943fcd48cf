"""Pages are compressed; files are sent as they are made."""

from __future__ import annotations

import gzip

from django.urls import reverse


def test_a_page_is_compressed_where_the_browser_takes_it(service):
    log = service.clinic()
    service.fill(log, "todo")
    browser = service.client(service.user("owner", log))
    address = reverse("activity", args=[log.clinic.id])
    plain = browser.get(address)
    assert "Content-Encoding" not in plain.headers
    packed = browser.get(address, headers={"accept-encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"tr class=" in gzip.decompress(packed.content)
    assert len(packed.content) < len(plain.content) / 3
    # Two answers of the same page differ in length: what is guessed into one is not seen in it.
    assert len({len(browser.get(address, headers={"accept-encoding": "gzip"}).content) for _ in range(20)}) > 1


def test_a_file_is_sent_as_it_is_made(service):
    log = service.clinic()
    service.fill(log, "todo")
    browser = service.client(service.user("owner", log))
    address = reverse("download", args=[log.clinic.id])
    for format in ("csv", "bundle"):
        sent = browser.post(address, {"format": format}, headers={"accept-encoding": "gzip"})
        assert sent.status_code == 200
        assert "Content-Encoding" not in sent.headers
        b"".join(sent)
