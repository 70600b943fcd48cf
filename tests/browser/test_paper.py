"""Stories on screens of two sizes, and lists and stories on paper, as Chromium prints them."""

from __future__ import annotations

import re
import zlib

import pytest


def sheets(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def drawn(pdf: bytes) -> list[str]:
    """The text of each sheet, without spaces: what its fonts say that their glyphs mean."""
    streams = {int(number): body for number, body in re.findall(
        rb"(\d+) 0 obj\n<<(?:(?!endobj).)*?>>\s*stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)}  # fmt: skip

    def unpacked(number: int) -> str:
        try:
            return zlib.decompress(streams[number]).decode("latin-1")
        except (KeyError, zlib.error):
            return ""

    objects = dict(re.findall(rb"(\d+) 0 obj\n(.*?)endobj", pdf, re.DOTALL))

    def glyphs(font: bytes) -> dict[str, str]:
        found = re.search(rb"/ToUnicode (\d+) 0 R", objects[font])
        said = unpacked(int(found[1])) if found else ""
        meant = {}
        for block in re.findall(r"beginbfchar(.*?)endbfchar", said, re.DOTALL):
            for glyph, text in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
                meant[glyph.upper()] = bytes.fromhex(text).decode("utf-16-be")
        for block in re.findall(r"beginbfrange(.*?)endbfrange", said, re.DOTALL):
            for first, last, text in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
                for at in range(int(last, 16) - int(first, 16) + 1):
                    meant[f"{int(first, 16) + at:0{len(first)}X}"] = chr(int(text, 16) + at)
        return meant

    pages = []
    for body in objects.values():
        if not re.search(rb"/Type /Page\b(?!s)", body):
            continue
        fonts = {name.decode(): glyphs(number) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", body)}
        found = re.search(rb"/Contents (\d+) 0 R", body)
        text, font = "", {}
        for name, hexes in re.findall(r"/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>", unpacked(int(found[1])) if found else ""):
            if name:
                font = fonts.get(name, {})
            else:
                text += "".join(font.get(hexes[at : at + 4].upper(), "") for at in range(0, len(hexes), 4))
        pages.append(text.replace(" ", ""))
    return pages


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("script", [False, True])
def test_the_answer_and_the_first_event_of_a_story_are_above_the_fold(site, page_as, phone, script):
    page = page_as("owner", phone=phone, script=script)
    if not phone:
        page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{site.clinic}story/booking/{site.uses['cancelled-booking'].ids['booking']}/")
    height = page.viewport_size["height"]
    for place in (page.locator(".answer"), page.locator(".story .entry").first.locator("p").first):
        box = place.bounding_box()
        assert box["y"] + box["height"] <= height


def test_a_printed_list_has_its_head_once_its_columns_on_each_sheet_and_numbers(site, page_as, picture):
    page = page_as("owner")
    page.goto(f"{site.clinic}print/?q=category:vouchers")
    rows = page.locator(".printed td.number").count()
    assert rows > 200
    pdf = page.pdf(prefer_css_page_size=True)
    texts = drawn(pdf)
    assert sheets(pdf) == len(texts) > 3
    for number, text in enumerate(texts, 1):
        assert f"{number}/{len(texts)}" in text
        assert "No.WhenWhatWhoAmount" in text
        assert ("Printed" in text) is (number == 1)
    assert "byHelenaVasconcelos(Owner)" in texts[0]
    assert "FilterWhat:Vouchers" in texts[0]
    assert f"{rows:,},allthatmatch" in texts[0]
    root = "".join(page.locator(".paper .root").inner_text().split())
    assert len(root) == 64
    assert root in texts[0]
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 700})  # as wide as a sheet
    picture(page, "printed-list")


def test_a_story_on_paper_unfolds_its_details_and_leaves_the_buttons_out(site, page_as):
    thing = site.uses["cancelled-booking"].ids["booking"]
    for place in ("print", "story"):
        page = page_as("owner")
        page.goto(f"{site.clinic}{place}/booking/{thing}/")
        text = "".join(drawn(page.pdf(prefer_css_page_size=True)))
        assert "CancelledbytheclientPerpétuaSalgueiro" in text.replace(",", "")
        assert "PractitionerInêsFigueiredo" in text
        assert "byHelenaVasconcelos(Owner)" in text
        for button in ("Inthelist", "Evidence", "Export"):
            assert button not in text


def test_the_buttons_of_a_story_lead_to_paper_to_evidence_and_to_the_list(site, page_as):
    page = page_as("owner", script=False)
    thing = site.uses["cancelled-booking"].ids["booking"]
    page.goto(f"{site.clinic}story/booking/{thing}/")
    page.get_by_role("link", name="Print").click()
    assert page.locator(".paper").is_visible()
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="Evidence").click()
    assert thing in page.get_by_role("region", name="What leaves").inner_text()
    page.go_back()
    page.get_by_role("link", name="In the list").click()
    assert page.locator("tr.entry").count() > 0
