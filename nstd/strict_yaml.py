"""YAML from strangers: small, flat, without aliases, with each key once, and nothing but data."""

import yaml

from nstd.printable import shown

LARGEST_TEXT_BYTES = 64 * 1024
DEEPEST_NESTING = 12
MOST_VALUES = 12_000  # a list of ten thousand photographs; more takes seconds to read
QUOTE_IT = "what begins with * needs quotes, as in '*.jpg'"

YamlMapping = dict[str, object]

# PyYAML's own constructors stumble over tags on values they do not fit (`!!int ''`), and over
# numbers that no float holds (`1:1:1:…:1.5`, which is a number to the base of sixty).
STUMBLES = (
    ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError,
)  # fmt: skip
# What PyYAML says, and what that means to who wrote the manifest.
PLAIN_WORDS = {
    "could not determine a constructor": "tags (!name) and merges (<<) are not allowed",
    "but found another document": "a second part begins after '---'; one is expected",
    "found character '\\t'": "not readable as YAML (a tab; begin lines with spaces)",
}
KINDS = {"list": "a list", "str": "a text without a key", "int": "a number", "float": "a number"}


class YamlTextError(Exception):
    """The text is not a YAML mapping that nstd reads; the message says where and why."""


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader without aliases, duplicate keys and deep nesting."""

    depth = 0
    values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise YamlTextError(
                f"line {self.line + 1}: aliases (*name) are not allowed; {QUOTE_IT}"
            )
        self.values += 1
        if self.values > MOST_VALUES:
            raise YamlTextError(f"holds more than {MOST_VALUES} values")
        self.depth += 1
        if self.depth > DEEPEST_NESTING:
            raise YamlTextError(f"nested deeper than {DEEPEST_NESTING} levels")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: ARG002  # always deep: a mapping is checked whole
    ) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise YamlTextError(
                    f"line {line}: the key {shown(repr(key))} is not text; quote it"
                )
            if key in seen:
                raise YamlTextError(f"line {line}: the key {shown(repr(key))} stands twice")
            seen.add(key)
        mapping: dict[object, object] = super().construct_mapping(node, deep=True)
        return mapping


def load_yaml(text: str | bytes) -> YamlMapping:
    """Read one YAML mapping.

    Raises:
        YamlTextError: too long, not UTF-8, not YAML, not one mapping, or holding what is refused.
    """
    if len(text) > LARGEST_TEXT_BYTES:
        raise YamlTextError(f"longer than allowed: at most {LARGEST_TEXT_BYTES} bytes are read")
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        loader = _StrictLoader(decoded)
        try:
            data = loader.get_single_data()
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        raise YamlTextError("not UTF-8 text; save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        raise YamlTextError(_where_and_why(error)) from error
    except yaml.YAMLError as error:
        raise YamlTextError(f"not readable as YAML ({str(error).splitlines()[0]})") from error
    except STUMBLES as error:
        raise YamlTextError(
            "not readable as YAML (it holds a number or a date that is too long or does not exist: "
            f"{shown(str(error), most=60)})"
        ) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        kind = KINDS.get(type(data).__name__, "no mapping")
        raise YamlTextError(f"found {kind}; 'key: value' lines are expected")
    return data


def yaml_text(fields: YamlMapping) -> str:
    """Write a mapping as text that `load_yaml` reads: each key begins a line, in their order."""
    return "".join(_yaml_lines(key, value) for key, value in fields.items())


def _yaml_lines(key: str, value: object) -> str:
    within_a_line = None if isinstance(value, list | dict) else False  # where that has room
    return str(
        yaml.safe_dump(
            {key: value}, default_flow_style=within_a_line, allow_unicode=True, width=10_000
        )
    )


def _where_and_why(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}: " if mark else ""
    if error.context == "while scanning an alias":
        return f"{where}not readable as YAML: {QUOTE_IT}"
    for beginning, plain in PLAIN_WORDS.items():
        if str(error.problem).startswith(beginning):
            return f"{where}{plain}"
    why = shown(str(error.problem or error.context), most=200)
    return f"{where}not readable as YAML, which is lines such as 'style: mosaic' ({why})"
