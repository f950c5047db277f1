"""What the generator does not see, or loses, of a spec: told to the templates, put in other words for it, or refused by name."""

import ast
import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools import ToolError
from tools.spec.document import addresses, expanded, objects, operations_of

STREAMS = {"text/event-stream", "application/x-ndjson", "application/jsonl", "application/json-seq"}

_ENDPOINT = re.compile(r'"method": "(\w+)",\s+"url": "([^"]*)"')
_PARAMETER = re.compile(r"\{.*?\}")
_PREFIX = re.compile(r"\A(?:V\d+(?:Alpha|Beta)?\d*|Rpc)(?=[A-Z])")
"""What grpc-gateway puts before the name of a message."""


def spec_facts(document: dict[str, Any]) -> dict[str, str]:
    """Return what the generator does not hand to its templates: the server's address and the key's header.

    Of several headers that a key alone may go into it is Authorization: the prefix that the client sends is for it.
    """
    schemes = document.get("components", {}).get("securitySchemes", {}).values()
    headers = [one["name"] for one in schemes if (one["type"], one.get("in")) == ("apiKey", "header")]
    if not headers:
        raise ToolError("openapi.yaml: expected an apiKey in a header among the security schemes")
    return {
        "default_base_url": addresses(document)[0],
        "auth_header_name": min(headers, key=lambda name: name.lower() != "authorization"),
    }


def handed_on(document: dict[str, Any]) -> dict[str, Any]:
    """Return the spec in words that the generator understands. What there is no right code for, a ToolError names."""
    if refused := list(_refused(document)):
        raise ToolError("\n".join(f"openapi.yaml: {line}" for line in refused))
    made = copy.deepcopy(document)
    if made["openapi"].startswith("3.2"):
        made["openapi"] = "3.1.0"  # what is new in 3.2 and meant for code would be missed as lost
    for place, schema in objects(made):
        _say_fields_otherwise(schema)
        if place != "#/info":
            _say_values_otherwise(schema, inside=bool(re.search("/(properties|items)(/|$)", place)))
    return made


def _say_fields_otherwise(schema: dict[str, Any]) -> None:
    """The generator takes readOnly and writeOnly for nothing, and drops properties beside other forms of an object."""
    if len(schema.get("allOf", ())) == 1 and "properties" in schema:
        schema["allOf"].append({key: schema.pop(key) for key in {"properties", "required"} & schema.keys()})
    for key in {"anyOf", "oneOf"} & schema.keys():
        if all(isinstance(part, dict) and part.keys() == {"required"} for part in schema[key]):
            del schema[key]  # which fields go together is not checked
    if isinstance(schema.get("required"), list):  # of a body or a parameter it is a word of its own
        fields = schema.get("properties", {})
        both = [name for name in schema.pop("required") if not _one_sided(fields.get(name, {}))]
        if both:
            schema["required"] = both


def _say_values_otherwise(schema: dict[str, Any], *, inside: bool) -> None:
    """It names classes after titles, makes null an enum of its own, takes binary in JSON for a file, and escapes texts twice."""
    if title := schema.pop("title", ""):
        schema["description"] = "\n\n".join([title, *filter(None, [schema.get("description")])])
    if None in schema.get("enum", ()):
        schema.pop("nullable", None)
        schema.pop("type", None)
    if inside and schema.get("format") == "binary":
        del schema["format"]
    for key in {"const", "default"} & schema.keys():
        if isinstance(text := schema[key], str) and {'"', "\\"}.intersection(text):
            del schema[key]  # the service knows its default
            schema.update({"enum": [text]} if key == "const" else {})


def _one_sided(field: Any) -> bool:
    return isinstance(field, dict) and bool(field.get("readOnly") or field.get("writeOnly"))


def _refused(document: dict[str, Any]) -> Iterator[str]:
    """A line for each thing of which there is no right code."""
    spec = expanded(document)
    for operation, told in operations_of(spec).items():
        given = [*spec["paths"][operation.path].get("parameters", ()), *told.get("parameters", ())]
        body = told.get("requestBody", {})
        if any(kind.startswith("multipart/") for kind in body.get("content", ())):
            yield f"{operation} takes files (multipart), for which templates/ has no code"
        if any(map(_is_stream, (body, *told.get("responses", {}).values()))):
            yield f"{operation} is a stream of messages; the generated code reads and sends one JSON document"
        for one in given:
            many = one.get("schema", {}).get("type") in ("array", "object")
            form = one["in"], one.get("style", "form"), one.get("explode", True)
            if many and form != ("query", "form", True):
                yield f"{operation} takes `{one['name']}` in a form (style, explode) that templates/ has no code for"
        if body and any(one["name"] == "body" for one in given):
            yield f"{operation} has a parameter `body` beside its body: both would be the argument `body`"
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        if any("propertyName" in (inner.get("discriminator") or {}) for _, inner in objects(schema)):
            yield f"{name} has a discriminator, which the generator drops: the first schema that fits would be taken"


def _is_stream(side: dict[str, Any]) -> bool:
    """Whether a request or a response is many messages, as grpc-gateway describes them or by its media type."""
    content = side.get("content", {})
    schemas = [media.get("schema", {}) for media in content.values()]
    return (
        "(streaming" in str(side.get("description", ""))
        or next(iter(content), "") in STREAMS  # the generator reads the first form only
        or any(schema.get("properties", {}).keys() == {"result", "error"} for schema in schemas)
    )


def check_nothing_lost(package: Path, document: dict[str, Any]) -> None:
    """Refuse, by name, each operation, schema, property and enum value of the spec that is not in the package.

    The generator says nothing where two of them make one name in Python, or where it does not know a form.
    """
    there, told = set(_written(package)), dict[frozenset[Any], str]()
    for place, names in sorted(_told(document), key=lambda one: -one[0].count(", ")):
        told[names] = place  # the outermost that has these names
    lines, why = [], "another one makes the same name in Python, or the generator does not know this form"
    for names, place in told.items():
        if names not in there:
            nearest = max(there - told.keys(), key=lambda other: len(other & names), default=frozenset())
            some = names & nearest and ": " + ", ".join(sorted(map(str, names - nearest)))
            lines.append(f"openapi.yaml: {place}{some or ''} was lost: {why}")
    if lines:
        raise ToolError("\n".join(lines))


def _told(document: dict[str, Any]) -> Iterator[tuple[str, frozenset[Any]]]:
    """What the spec holds, of which there must be code: where it is, and its names."""
    spec = expanded(document)
    for name, schema in spec.get("components", {}).get("schemas", {}).items():
        yield from _names(f"the schema {name}", schema)
    for operation, described in operations_of(spec).items():
        yield str(operation), frozenset({f"{operation.method} {_PARAMETER.sub('{}', operation.path)}"})
        media = [*described.get("requestBody", {}).get("content", {}).values()]
        for response in described.get("responses", {}).values():
            media += [*response.get("content", {}).values()][:1]  # the generator reads the first form only
        for one in (*media, *described.get("parameters", ())):
            yield from _names(f"{operation}, {one.get('name', 'a body')}", one.get("schema", {}))


def _names(place: str, schema: Any) -> Iterator[tuple[str, frozenset[Any]]]:
    """The properties and enum values of a schema without references, and of those inside it."""
    if not isinstance(schema, dict):
        return
    fields = schema.get("properties", {})
    if schema.get("enum") and schema.get("type") != "boolean":
        yield place, frozenset(schema["enum"]) - {None}
    elif fields:
        yield place, frozenset(fields)
    for name, inner in fields.items():
        yield from _names(f"{place}, {name}", inner)
    others = [schema.get("items"), schema.get("additionalProperties")]
    for inner in (*others, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _names(f"{place}, inside", inner)


def _written(package: Path) -> Iterator[frozenset[Any]]:
    """What the package holds: the method and path of an operation, the keys of a model, the values of an enum."""
    for path in (package / "api").rglob("*.py"):
        for method, url in _ENDPOINT.findall(path.read_text("utf-8")):
            yield frozenset({f"{method} {_PARAMETER.sub('{}', url)}"})
    for _, node in model_classes(package):
        reader = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "to_dict"]
        if reader:
            keys = next(inner.keys for inner in ast.walk(reader[0]) if isinstance(inner, ast.Dict))
            yield frozenset(key.value for key in keys if isinstance(key, ast.Constant))
        else:
            values = [ast.literal_eval(one.value) for one in node.body if isinstance(one, ast.Assign)]
            yield frozenset(values)


def model_classes(package: Path) -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield each class of `models/`, with the name of its module."""
    for path in (package / "models").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        yield from ((path.stem, node) for node in tree.body if isinstance(node, ast.ClassDef))


def check_overrides(package: Path, overrides: dict[str, Any]) -> None:
    """Refuse a class override that made no class, of which the generator says nothing, and a name with a prefix left."""
    there = {(module, node.name) for module, node in model_classes(package)}
    lines = [
        f"generator-config.yaml: the override of {name} took no effect: no such class in the spec"
        for name, override in overrides.items()
        if (override["module_name"], override["class_name"]) not in there
    ]
    named, new = [_PREFIX.sub("", name) for _, name in there], list[str]()
    for _, name in sorted(there):
        if prefix := _PREFIX.match(name):
            plain = name[prefix.end() :]
            plain += prefix[0] if named.count(plain) > 1 else ""
            module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()
            new.append(f"  {name}: {{class_name: {plain}, module_name: {module}}}")
    lines += ["generator-config.yaml: add to class_overrides", *new] if new else []
    if lines:
        raise ToolError("\n".join(lines))


def check_members(package: Path) -> None:
    """Refuse a class that has taken the name of something that modules import, and a property that has a method's."""
    imported = {
        alias.asname or alias.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and path.name != "__init__.py"
        for alias in (() if str(node.module).startswith("models") else node.names)
    }
    for _, node in model_classes(package):
        if node.name in imported:
            raise ToolError(
                f"openapi.yaml: a schema becomes the class `{node.name}`, a name that the code around it imports; "
                "give it another one in class_overrides of generator-config.yaml"
            )
        names = [member.name for member in node.body if isinstance(member, ast.FunctionDef)]
        names += [ast.unparse(member.target) for member in node.body if isinstance(member, ast.AnnAssign)]
        if taken := sorted({name for name in names if names.count(name) > 1}):
            raise ToolError(
                f"openapi.yaml: {node.name} has a property that becomes `{taken[0]}`, a name that every model has; "
                "rename that one in templates/model.py.jinja and its callers"
            )
