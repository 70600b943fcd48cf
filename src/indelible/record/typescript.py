"""The event document as type declarations of TypeScript, which need no package and no more than TypeScript 4.7.

    export type Document = BookingCreated | BookingCancelled | ...      told apart by `action`

Written from the JSON Schema, so that both say the same. Types say less: not how long a text is, what an id may not
hold, or that an amount needs a currency. What is wrong there is refused when it is recorded.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from typing import Any

from ..catalogue import Action
from .json_schema import Schema, document_schema

# What every document has beside its action, target and context, once for all.
_COMMON = ("occurred_at", "actor", "client", "people", "request", "operation", "key", "cut", "returned")
# A longer list (the currencies) is text: who reads a code from a database could name no type for it.
_CHOICES = 60
_HEAD = """\
// What can be recorded, as `indelible actions --typescript` writes it from the catalogue. Do not change it by hand.
"""


def declarations(actions: Iterable[type[Action]] | None = None) -> str:
    """Return the text of a declaration file (`indelible.d.ts`), for these actions or for all that a host may record.

    Raises InvalidInput where all of them are written by the log itself.
    """
    return _Writer(document_schema(actions)).text()


class _Writer:
    def __init__(self, schema: Schema) -> None:
        self.codes: list[str] = schema["properties"]["action"]["enum"]
        self.definitions: dict[str, Schema] = schema["$defs"]
        self.names: dict[str, str] = {}
        for name in (*(name for name in self.definitions if name not in self.codes), *self.codes):
            self.names[name] = self._new_name(name)

    def _new_name(self, code: str) -> str:
        """A code in the way of types: booking.cancelled is BookingCancelled; the second of the same is numbered."""
        plain = "".join(word.capitalize() for word in code.replace(".", "_").split("_"))
        taken = {"Document", "Code", "Common", *self.names.values()}
        return next(name for name in (plain, *(f"{plain}{n}" for n in range(2, 1000))) if name not in taken)

    def text(self) -> str:
        first = self.definitions[self.codes[0]]
        common = {name: first["properties"][name] for name in _COMMON}
        parts = [
            _HEAD,
            *(
                f"{_comment(node)}export type {self.names[name]} = {self._type(node, 0)};\n"
                for name, node in self.definitions.items()
                if name not in self.codes
            ),
            "/** What every document may say beside its target and its context. */\n"
            f"export interface Common {self._object({'properties': common, 'required': ['actor']}, 0)}\n",
            *(self._action(code) for code in self.codes),
            "/** One event document, told apart by `action`. */\nexport type Document =\n"
            + "\n".join(f"  | {self.names[code]}" for code in self.codes)
            + ";\n",
            '/** The code of an action. */\nexport type Code = Document["action"];\n',
        ]
        return "\n".join(parts)

    def _action(self, code: str) -> str:
        node = self.definitions[code]
        own = {
            "properties": {name: node["properties"][name] for name in ("action", "target", "context")},
            "required": node["required"],
        }
        head = _comment({"description": f"{node['title']} (`{code}`): {node['description']}"})
        return f"{head}export interface {self.names[code]} extends Common {self._object(own, 0)}\n"

    def _object(self, node: Schema, depth: int) -> str:
        inner, required = "  " * (depth + 1), node.get("required", [])
        lines = []
        for name, member in node["properties"].items():
            written = name if name.isidentifier() and name.isascii() else json.dumps(name)
            optional = "" if name in required else "?"
            lines.append(f"{_comment(member, inner)}{inner}{written}{optional}: {self._type(member, depth + 1)};")
        return "{\n" + "\n".join(lines) + f"\n{'  ' * depth}}}" if lines else "Record<string, never>"

    def _type(self, node: Schema, depth: int) -> str:
        if "$ref" in node:
            return self.names[node["$ref"].removeprefix("#/$defs/")]
        if "const" in node:
            return json.dumps(node["const"])
        if "enum" in node:
            if len(node["enum"]) > _CHOICES:
                return "string"
            return self._union([json.dumps(value) for value in node["enum"]])
        for name in ("anyOf", "oneOf"):
            if name in node:
                return self._union([self._type(choice, depth) for choice in node[name]])
        kind = node.get("type")
        if isinstance(kind, list):
            return self._union([self._type({"type": one}, depth) for one in kind])
        if kind == "array":
            inner = self._type(node.get("items", {}), depth)
            some = node.get("minItems", 0) > 0
            inner_list = f"({inner})" if " | " in inner else inner
            return f"[{inner}, ...{inner_list}[]]" if some else f"{inner_list}[]"
        if kind == "object":
            if "properties" in node:
                return self._object(node, depth)
            values = node.get("additionalProperties", True)
            return f"{{ [name: string]: {self._type(values, depth) if isinstance(values, dict) else 'unknown'} }}"
        return {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}.get(
            str(kind), "unknown"
        )

    def _union(self, choices: list[str]) -> str:
        return " | ".join(dict.fromkeys(choices))


def _comment(node: Any, indent: str = "") -> str:
    text = node.get("description", "")
    if not text:
        return ""
    safe = text.replace("*/", "* /")
    if len(indent) + len(safe) < 110:
        return f"{indent}/** {safe} */\n"
    body = textwrap.fill(safe, 110, initial_indent=f"{indent} * ", subsequent_indent=f"{indent} * ")
    return f"{indent}/**\n{body}\n{indent} */\n"
