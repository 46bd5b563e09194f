"""Manifests that are bombs, tricks or honest mistakes."""

from hostile.case import Case, End, manifest

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)

TABLE: dict[str, tuple[bytes | str, End, str]] = {
    "nothing": ("", "failed", "style: required and missing"),
    "list": ("- waves\n", "failed", "found a list; 'key: value' lines are"),
    "word": ("waves\n", "failed", "'key: value' lines are expected"),
    "laughs": (LAUGHS, "failed", "aliases (*name) are not allowed"),
    "self": ("style: &a [*a]\n", "failed", "aliases"),
    "merge": ("<<: {style: waves}\n", "failed", "line 1: tags (!name) and merg"),
    "deep": ("style: " + "[" * 20_000, "failed", "nested deeper than 12 levels"),
    "deep-lines": ("- " * 20_000, "failed", "nested deeper than 12 levels"),
    "many-values": ("content: [" + "a," * 30_000 + "]", "failed", "more than 12000 values"),
    "twice": ("style: waves\nstyle: night-sky\n", "failed", "line 2: the key 'style'"),
    "python": ("style: !!python/object/apply:os.mkdir [made]\n", "failed", "line 1: tags (!name)"),
    "python-name": ("style: !!python/name:os.system\n", "failed", "line 1: tags"),
    "own-tag": ("%TAG ! tag:yaml.org,2002:python/\n---\nstyle: !name:os\n", "failed", "line 3"),
    "two-documents": ("style: waves\n---\nstyle: night-sky\n", "failed", "one is expected"),
    "base-sixty": ("strength: 1:" + "1:" * 400 + "1.5\nstyle: waves\n", "failed", "not readable"),
    "long-number": ("style: waves\nsize: " + "9" * 5000, "failed", "not readable as YAML"),
    "long": ("style: waves\n# " + "x" * 100_000, "failed", "at most 65536 bytes are read"),
    "binary": (bytes(range(256)), "failed", "not UTF-8 text; save it as UTF-8"),
    "nul": ("style: waves\0\n", "failed", "special characters"),
    "latin-1": ("style: nähe\n".encode("latin-1"), "failed", "save it as UTF-8"),
    "utf-16": ("style: waves\n".encode("utf-16"), "failed", "save it as UTF-8"),
    "tab": ("style: waves\noutput:\n\tquality: 90\n", "failed", "(a tab; begin lines"),
    "no": ("style: no\n", "failed", "style: found False; text is expected (a name such as no, 7"),
    "number": ("style: 1984\n", "failed", "needs quotes"),
    "date": ("style: 2024-05-01\n", "failed", "found 2024-05-01; text is expected (a"),
    "null": ("style: ~\n", "failed", "style: found nothing; text is expected"),
    "no-styles": ("style: []\n", "failed", "style: found []; at least 1 is needed"),
    "many-styles": ("style: [" + "{name: waves}," * 17 + "]", "failed", "at most 16 are allowed"),
    "unknown-styles": (
        "style: [" + "".join(f"{{name: s{i}}}," for i in range(3500)) + "]",
        "failed", "at most 16 are allowed",
    ),
    "nan": ("style: waves\nstrength: .nan\n", "failed", "strength: found nan; a finite number"),
    "infinite": ("style: waves\nstrength: .inf\n", "failed", "found inf; a finite number"),
    "infinite-text": ("style: waves\nstrength: 1e400\n", "failed", "strength: found '1e400'"),
    "negative": ("style: waves\nstrength: -1\n", "failed", "greater than or equal to 0"),
    "many-steps": ("style: waves\noverrides: {steps: 1000000000}\n", "failed", "overrides.steps"),
    "huge": ("style: waves\nsize: 100000\n", "failed", "at most 10 megapixels are allowed"),
    "canvas": (
        "style: waves\noverrides: {canvas: {fit: short_side, px: 100000}}\n",
        "failed", "canvas would have 13,333 megapixels; at most 10 megapixels are allowed",
    ),
    "huger": ("style: waves\nsize: 100001\n", "failed", "less than or equal to 100000"),
    "tiny": ("style: waves\nsize: 3\n", "failed", "greater than or equal to 64"),
    "unknown-format": ("style: waves\noutput: {format: exe}\n", "failed", "output.format: found"),
    "unknown-key": ("style: waves\nstrengh: 2\n", "failed", "did you mean 'strength'?"),
    "many-keys": (
        "{style: waves, " + ", ".join(f"k{i}: 1" for i in range(3000)) + "}",
        "failed", "… and 2980 more",
    ),
    "long-key": ("style: waves\n? " + "k" * 60_000 + "\n: 1\n", "failed", "unknown key"),
    "escape-in-key": ('style: waves\n"\\e[2J\\n": 1\n', "failed", r"\x1b[2J\n: unknown key"),
    "escape-in-style": ('style: "\\e[31mred"\n', "failed", r"\x1b[31mred"),
    "bidi-style": ("style: \u202esevaw\n".encode(), "failed", r"\u202esevaw"),
    "path": ("style: ../../etc/passwd\n", "failed", "style: found '../../etc/passwd'; allowed are"),
    "absolute": ("style: /etc/passwd\n", "failed", "allowed are night-sky, waves"),
    "unc": ("style: \\\\server\\share\\waves\n", "failed", "allowed are night-sky, waves"),
    "recipe-path": ("style: waves\nrecipe: ../studio\n", "failed", "recipe: found '../studio'"),
    "no-layer": (
        "style: waves\noverrides: {content: {layers: {relu9_9: 1}}}\n",
        "failed", "no layer 'relu9_9'",
    ),
    "no-mapping": ("style: waves\noverrides: [1]\n", "failed", "overrides: found [1]"),
    "proof-of-nothing": ("proof: true\n", "failed", "style: required and missing"),
    "proof-text": ('proof: "true"\nstyle: waves\n', "failed", "proof: found 'true'; true or false"),
    "proof-path": ("proof: true\nstyle: [../waves]\n", "failed", "style: found '../waves'; a"),
    "proof-many": (
        "proof: true\nstyle: [" + "".join(f"s{i}," for i in range(5000)) + "]",
        "failed", "at most 1000 are allowed, there are 5000",
    ),
    "proof-long": (
        "proof: true\nstyle: waves\nstrength: [" + "1," * 9000 + "]",
        "failed", "at most 10 are allowed, there are 9000",
    ),
    "proof-escape": ('proof: true\nstyle: ["\\e[31mred"]\n', "failed", r"\x1b[31mred"),
    "proof-canvas": (
        "proof: true\nstyle: waves\noverrides: {canvas: {fit: short_side, px: 100000}}\n",
        "failed", "canvas would have 13,333 megapixels; at most 10 megapixels are allowed",
    ),
    # What follows is odd, and good.
    "bom": (b"\xef\xbb\xbfstyle: waves\n", "queued", ""),
    "crlf": (b"style: waves\r\nstrength: 2\r\n", "queued", ""),
    "cr": (b"style: waves\rstrength: 2\r", "queued", ""),
    "no-end-of-line": (b"style: waves", "queued", ""),
    "document-marks": ("---\nstyle: waves\n...\n", "queued", ""),
    "quoted": ('"style": "waves"\n', "queued", ""),
    "json": ('{"style": "waves", "output": {"quality": 90}}', "queued", ""),
    "exponent": ("style: waves\nstrength: 1e1\n", "queued", ""),
    "number-as-text": ("style: waves\nstrength: '2'\n", "queued", ""),
    "proof": ("proof: true\nstyle: ['*']\nstrength: 1\n", "queued", ""),
    "comments": ("# für Frau Müller\nstyle: waves # Wellen\n", "queued", ""),
}  # fmt: skip

MANIFESTS = tuple(
    Case(f"manifest-{name}", manifest(text), end, words)
    for name, (text, end, words) in TABLE.items()
)
