"""The declarations of TypeScript: what is right compiles, what is wrong does not, by the compiler itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from indelible.catalogue import Action, find, registered
from indelible.catalogue.fields import Count, Currency, Minor
from indelible.record.typescript import declarations
from indelible.testing.node import install

LINES = (Path(__file__).parents[2] / "catalogue/platform.jsonl").read_text(encoding="utf-8").splitlines()

# `@ts-expect-error` is itself an error above a line that compiles.
WRONG = {
    "a code that is not there": '{ action: "booking.canceled", actor: maria, target: booking }',
    "a code of the log's own": '{ action: "log.viewed", actor: maria, target: booking }',
    "no actor": '{ action: "booking.cancelled", target: booking }',
    "no target": '{ action: "booking.cancelled", actor: maria }',
    "no context where one is needed": '{ action: "charge.refunded", actor: maria, target: charge }',
    "a required field missing":
        '{ action: "charge.refunded", actor: maria, target: charge, context: { amount_minor: 1 } }',
    "a target of another kind": '{ action: "booking.cancelled", actor: maria, target: { kind: "room", id: "r_1" } }',
    "a member that is not there": '{ action: "booking.cancelled", actor: maria, target: booking, tagret: 1 }',
    "a field of another action":
        '{ action: "booking.cancelled", actor: maria, target: booking, context: { points: 1 } }',
    "text for a number":
        '{ action: "booking.cancelled", actor: maria, target: booking, context: { notice_minutes: "90" } }',
    "a word that is none of the list":
        '{ action: "booking.created", actor: maria, target: booking, context: { source: "carrier_pigeon" } }',
    "an actor of no kind": '{ action: "booking.cancelled", actor: { kind: "robot", id: "r_1" }, target: booking }',
    "a system without a reason": '{ action: "booking.cancelled", actor: { kind: "system" }, target: booking }',
    "an integration with a name":
        '{ action: "booking.cancelled", actor: { kind: "integration", id: "stripe", name: "S" }, target: booking }',
    "a list of changes without any":
        '{ action: "service.edited", actor: maria, target: service, context: { changes: [] } }',
    "a host's own action without its field": '{ action: "sign.painted", actor: maria, target: sign, context: {} }',
}  # fmt: skip
RIGHT = [
    '{ action: "booking.cancelled", actor: maria, target: booking, context: null, client: null, key: 4 }',
    '{ action: "sign.painted", actor: { kind: "system", reason: "job:paint" }, target: sign, context: { coats: 2 } }',
    '{ action: "sign.taken_down", actor: maria, target: sign }',
]


class SignPainted(
    Action, code="sign.painted", label="Painted a sign */ // ends", category="signs", targets=("sign",),
    sentence="{actor} painted {target} {coats} times",
):  # fmt: skip
    coats: Count
    cost_minor: Minor | None = None
    currency: Currency | None = None


class SignTakenDown(
    Action, code="sign.taken_down", label="Took a sign down", category="signs", targets=("sign",),
    sentence="{actor} took {target} down",
):  # fmt: skip
    pass


def source(wrong: dict[str, str]) -> str:
    """A module with every document of the platform, those that are right, and those that must not compile."""
    lines = [
        'import type { Actor, BookingCancelled, Code, Document } from "./indelible";',
        'const maria: Actor = { kind: "staff", id: "usr_12", name: "Maria Fernandes" };',
        'const booking = { kind: "booking", id: "bk_1" } as const;',
        'const charge = { kind: "charge", id: "ch_1" } as const;',
        'const service = { kind: "service", id: "s_1" } as const;',
        'const sign = { kind: "sign", id: 7 } as const;',
        "export const sent: Document[] = [" + ",\n".join(LINES) + "];",
        *(f"export const right_{number}: Document = {text};" for number, text in enumerate(RIGHT)),
        'export const code: Code = "booking.cancelled";',
        "export function late(one: Document): boolean {",
        '  if (one.action !== "booking.cancelled") return false;',
        "  const cancelled: BookingCancelled = one;",
        "  return cancelled.context?.late ?? false;",
        "}",
    ]
    for number, (why, text) in enumerate(wrong.items()):
        lines += [f"// @ts-expect-error {why}", f"export const wrong_{number}: Document = {text};"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def compiler(tmp_path_factory):
    """`compiler(text)`: what tsc --strict says of a module beside the declarations; nothing where it compiles."""
    folder = install(tmp_path_factory.mktemp("typescript"), "typescript@5.9")
    (folder / "indelible.d.ts").write_text(declarations(), encoding="utf-8")

    def compile_(text: str) -> list[str]:
        (folder / "host.ts").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [folder / "node_modules/.bin/tsc", "--strict", "--noEmit", "--pretty", "false", "--target", "es2022",
             "--exactOptionalPropertyTypes", "indelible.d.ts", "host.ts"],
            cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return [line for line in done.stdout.splitlines() if not line.startswith(" ")]

    return compile_


def test_what_is_right_compiles_and_what_is_wrong_does_not(compiler):
    assert compiler(source(WRONG)) == []


def test_the_compiler_names_each_wrong_document(compiler):
    """That the directives above are obeyed: without them every one is an error at its own line."""
    text = source(WRONG).replace("// @ts-expect-error", "//")
    errors = compiler(text)
    lines = text.splitlines()
    named = {lines[int(one.partition("(")[2].partition(",")[0]) - 1].partition(":")[0] for one in errors}
    assert named == {f"export const wrong_{number}" for number in range(len(WRONG))}


def test_every_action_that_a_host_may_record_is_a_type_with_its_meaning():
    text = declarations()
    for cls in registered():
        assert (f'action: "{cls.code}";' in text) is (not cls.by_journal)
    cancelled = find("booking.cancelled")
    assert cancelled is not None
    assert f"/** Cancelled reservation (`booking.cancelled`): {cancelled.sentence}. */" in text


def test_two_codes_of_one_name_are_two_types():
    class Odd(Action, code="sign_taken.down", label="L", category="signs", targets=("sign",), sentence="{actor}"):
        pass

    text = declarations([SignTakenDown, Odd])
    assert "interface SignTakenDown extends" in text
    assert "interface SignTakenDown2 extends" in text
