"""What the generator does not see, or loses, of a spec: told to the templates, put in other words for it, or refused by name."""

import ast
import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.generate.inputs import GenerateError, Inputs
from tools.spec.document import operations_of
from tools.spec.schema import addresses, expanded, parts, resolve

STREAMS = {"text/event-stream", "application/x-ndjson", "application/jsonl", "application/json-seq"}

_ENDPOINT = re.compile(r'"method": "(\w+)",\s+"url": "([^"]*)"')
_PARAMETER = re.compile(r"\{.*?\}")
_PREFIX = re.compile(r"(?:V\d+(?:Alpha|Beta)?\d*|Rpc)(?=[A-Z])")
"""What grpc-gateway puts before the name of a message."""

Thing = tuple[str, frozenset[Any]]
"""Where something is, and the names in it: a schema's properties, an enum's values, an operation's method and path."""


def spec_facts(document: dict[str, Any]) -> dict[str, str]:
    """Return what the generator does not hand to its templates: the server's address and the key's header.

    Of several headers that a key alone may go into it is Authorization: the prefix that the client sends is for it.
    """
    schemes = document.get("components", {}).get("securitySchemes", {}).values()
    headers = [
        str(one.get("name")) for one in schemes if (one.get("type"), one.get("in")) == ("apiKey", "header")
    ]
    if not headers:
        raise GenerateError("openapi.yaml: expected an apiKey in a header among the security schemes")
    return {
        "default_base_url": addresses(document)[0],
        "auth_header_name": min(headers, key=lambda name: name.lower() != "authorization"),
    }


def handed_on(document: dict[str, Any]) -> dict[str, Any]:
    """Return the spec in words that the generator understands.

    It takes readOnly and writeOnly for nothing, so a field that only one side sends is none that both must have; and
    it drops properties beside a single reference in `allOf`, so they become a part of it.

    Raises:
        GenerateError: Of something that is said there is no right code; names it.
    """
    if refused := list(_refused(document)):
        raise GenerateError("\n".join(f"openapi.yaml: {line}" for line in refused))
    made = copy.deepcopy(document)
    for schema in _objects(made):
        if len(schema.get("allOf", ())) == 1 and "properties" in schema:
            schema["allOf"].append(
                {key: schema.pop(key) for key in ("properties", "required") if key in schema}
            )
        properties, required = schema.get("properties"), schema.get("required")
        if isinstance(properties, dict) and isinstance(required, list):
            told = {name: inner for name, inner in properties.items() if isinstance(inner, dict)}
            one_sided = {
                name for name, inner in told.items() if inner.get("readOnly") or inner.get("writeOnly")
            }
            schema["required"] = [name for name in required if name not in one_sided]
            if not schema["required"]:
                del schema["required"]
    return made


def _objects(value: Any, *, names: bool = False) -> Iterator[dict[str, Any]]:
    """Every object inside that is no data, the value itself first."""
    if isinstance(value, dict) and not names:
        yield value
    for _, inner, named in parts(value, names=names):
        yield from _objects(inner, names=named)


def _refused(document: dict[str, Any]) -> Iterator[str]:
    """A line for each thing of which there is no right code."""
    for operation, told in operations_of(expanded(document)).items():
        body = told.get("requestBody", {})
        if any(kind.startswith("multipart/") for kind in body.get("content", ())):
            yield f"{operation} takes files (multipart), for which templates/ has no code"
        if any(map(_is_stream, (body, *told.get("responses", {}).values()))):
            yield f"{operation} is a stream of messages; the generated code reads and sends one JSON document"
        if body and any(one.get("name") == "body" for one in told.get("parameters", [])):
            yield f"{operation} has a parameter `body` beside its body: both would be the argument `body`"
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        if any("propertyName" in (inner.get("discriminator") or {}) for inner in _objects(schema)):
            yield f"{name} has a discriminator, which the generator drops: the first schema that fits would be taken"


def _is_stream(side: dict[str, Any]) -> bool:
    """Whether a request or a response is many messages, as grpc-gateway describes them or by its media type."""
    content = side.get("content", {})
    schemas = [media.get("schema", {}) for media in content.values()]
    return (
        "(streaming" in str(side.get("description", ""))
        or not STREAMS.isdisjoint(content)
        or any(schema.get("properties", {}).keys() == {"result", "error"} for schema in schemas)
    )


def check_nothing_lost(package: Path, document: dict[str, Any]) -> None:
    """Refuse, by name, each operation, schema, property and enum value of the spec that is not in the package.

    The generator says nothing where two of them make one name in Python, or where it does not know a form.
    """
    left, missing = [names for _, names in _written(package)], []
    for place, names in _told(document):
        if names in left:
            left.remove(names)
        else:
            missing.append((place, names))
    lines, why = [], "another one makes the same name in Python, or the generator does not know this form"
    for place, names in missing:
        nearest = max(left, key=lambda other: len(other & names), default=frozenset())
        some = names & nearest and ": " + ", ".join(sorted(map(str, names - nearest)))
        lines.append(f"openapi.yaml: {place}{some or ''} was lost: {why}")
    if lines:
        raise GenerateError("\n".join(lines))


def _told(document: dict[str, Any]) -> Iterator[Thing]:
    """What the spec holds, of which there must be code."""
    spec = expanded(document)
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        yield from _classes(f"the schema {name}", schema, spec["components"]["schemas"][name])
    for operation, told in operations_of(document).items():
        yield str(operation), frozenset({f"{operation.method} {_PARAMETER.sub('{}', operation.path)}"})
        whole = spec["paths"][operation.path][operation.method]
        body, responses = told.get("requestBody", {}), told.get("responses", {}).values()
        sides = zip(
            (body, *responses),
            (whole.get("requestBody", {}), *whole.get("responses", {}).values()),
            strict=True,
        )
        for raw, side in sides:
            contents = (
                _followed(document, raw).get("content", {}).values(),
                side.get("content", {}).values(),
            )
            for media, meant in list(zip(*contents, strict=False))[: None if raw is body else 1]:
                yield from _classes(str(operation), media.get("schema"), meant.get("schema", {}))
        for parameter in (_followed(document, one) for one in told.get("parameters", ())):
            schema = parameter.get("schema")
            yield from _classes(f"{operation}, {parameter.get('name')}", schema, schema)


def _followed(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    return _followed(document, resolve(document, part["$ref"])) if "$ref" in part else part


def _classes(place: str, schema: Any, whole: Any) -> Iterator[Thing]:
    """What the generator makes classes of in a schema: objects and enums, but for those that are named elsewhere."""
    if not isinstance(schema, dict) or "$ref" in schema:
        return
    fields, forms = whole.get("properties", {}), [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    composed = schema.get("allOf", [])
    alias = len(composed) + len(forms) == 1 and "$ref" in (*composed, *forms)[0]
    if schema.get("enum") and schema.get("type") != "boolean":
        yield place, frozenset(schema["enum"]) - {None}
    elif schema.get("properties") or (
        not (alias or forms) and (composed or "object" in str(schema.get("type")))
    ):
        yield place, frozenset(fields)
    for part in (schema, *composed):
        for name, inner in part.get("properties", {}).items():
            yield from _classes(f"{place}, {name}", inner, fields.get(name, {}))
    for key in ("items", "additionalProperties"):
        yield from _classes(place, schema.get(key), whole.get(key, {}))
    for key in ("oneOf", "anyOf"):
        for inner, meant in zip(schema.get(key, ()), whole.get(key, ()), strict=False):
            yield from _classes(place, inner, meant)


def _written(package: Path) -> Iterator[Thing]:
    """What the package holds."""
    for path in sorted((package / "api").rglob("*.py")):
        for method, url in _ENDPOINT.findall(path.read_text("utf-8")):
            yield path.stem, frozenset({f"{method} {_PARAMETER.sub('{}', url)}"})
    for node in (node for found in model_classes(package).values() for node in found.values()):
        reader = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "to_dict"]
        if reader:
            keys = next(inner.keys for inner in ast.walk(reader[0]) if isinstance(inner, ast.Dict))
            yield node.name, frozenset(key.value for key in keys if isinstance(key, ast.Constant))
        else:
            yield (
                node.name,
                frozenset(ast.literal_eval(one.value) for one in node.body if isinstance(one, ast.Assign)),
            )


def model_classes(package: Path) -> dict[str, dict[str, ast.ClassDef]]:
    """Return the classes of each module in `models/`, by their names."""
    trees = {path.stem: ast.parse(path.read_text("utf-8")) for path in (package / "models").glob("*.py")}
    return {
        module: {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        for module, tree in trees.items()
    }


def check_overrides(package: Path, inputs: Inputs) -> None:
    """Refuse a class override that made no class, of which the generator says nothing, and a name with a prefix left."""
    classes = model_classes(package)
    for name, override in inputs.settings.get("class_overrides", {}).items():
        if override["class_name"] not in classes.get(override["module_name"], ()):
            raise GenerateError(
                f"generator-config.yaml: the override of {name} took no effect: no such class in the spec"
            )
    lines = []
    for name in (name for found in classes.values() for name in found):
        if prefix := _PREFIX.match(name):
            plain = name[prefix.end() :]
            module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()
            lines.append(f"  {name}: {{class_name: {plain}, module_name: {module}}}")
    if lines:
        raise GenerateError("generator-config.yaml: add to class_overrides\n" + "\n".join(sorted(lines)))


def check_members(package: Path) -> None:
    """Refuse a property of a schema that has taken the name of a method of its class."""
    for node in (node for found in model_classes(package).values() for node in found.values()):
        methods = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
        fields = [ast.unparse(member.target) for member in node.body if isinstance(member, ast.AnnAssign)]
        twice = {name for name in fields if fields.count(name) > 1}
        if taken := sorted(methods.intersection(fields) | twice):
            raise GenerateError(
                f"openapi.yaml: {node.name} has a property that becomes `{taken[0]}`, a name that every model has; "
                "rename that one in templates/model.py.jinja and its callers"
            )
