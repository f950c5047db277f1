"""Look into a spec's schemas as a reader of one field would: through references, `allOf` and alternatives. Pure."""

from collections.abc import Iterator
from typing import Any

from _spec_checks import resolve

Schema = dict[str, Any]


class Spec:
    """A parsed spec whose references lead somewhere."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def get(self, value: Any) -> Any:
        """Return a value with a reference at its top followed."""
        for _ in range(20):  # a reference to itself is no schema
            if not (isinstance(value, dict) and isinstance(value.get("$ref"), str)):
                return value
            try:
                value = resolve(self.document, value["$ref"])
            except (LookupError, TypeError):
                return {}
        return {}

    def whole(self, schema: Any) -> Schema:
        """Return a schema with what it takes from `allOf` in it."""
        schema = self.get(schema)
        if not isinstance(schema, dict) or "allOf" not in schema:
            return schema if isinstance(schema, dict) else {}
        merged: Schema = {key: value for key, value in schema.items() if key != "allOf"}
        for part in map(self.whole, schema["allOf"]):
            for key, value in part.items():
                if key == "properties":
                    merged[key] = {**value, **merged.get(key, {})}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged.setdefault(key, value)
        return merged

    def alternatives(self, schema: Any) -> list[Schema]:
        """Return every form a schema allows: itself, or each of `oneOf` and `anyOf`."""
        schema = self.whole(schema)
        found = [*schema.get("oneOf", []), *schema.get("anyOf", [])]
        return [form for part in found for form in self.alternatives(part)] if found else [schema]

    def types(self, schema: Any) -> frozenset[str]:
        """Return the JSON types a schema allows, `null` among them; `any` where it does not say."""
        return frozenset(name for form in self.alternatives(schema) for name in _types(form))

    def field(self, schema: Any, name: str) -> Schema | None:
        """Return the schema of a field, or of an array's items for `[]`; None if no form of the schema has it."""
        for form in self.alternatives(schema):
            found = form.get("items") if name == "[]" else form.get("properties", {}).get(name)
            if found is not None:
                return self.whole(found)
        return None

    def find(self, schema: Schema, path: list[str]) -> tuple[Schema | None, Schema]:
        """Return the schema of a field some levels down, None if there is none, and that of the object it is in."""
        above: Schema = schema
        found: Schema | None = schema
        for name in path:
            if found is None:
                break
            above, found = found, self.field(found, name)
        return found, above

    def names(self, schema: Any) -> list[str]:
        """Return the fields that any form of a schema has, in order."""
        return list(
            dict.fromkeys(name for form in self.alternatives(schema) for name in form.get("properties", {}))
        )

    def required(self, schema: Any) -> list[str]:
        """Return the fields that every form of a schema requires."""
        forms = self.alternatives(schema)
        return [
            name
            for name in forms[0].get("required", [])
            if all(name in form.get("required", []) for form in forms)
        ]


def _types(form: Schema) -> Iterator[str]:
    named = form.get("type")
    yield from named if isinstance(named, list) else [named or ("object" if "properties" in form else "any")]
    if form.get("nullable"):
        yield "null"
