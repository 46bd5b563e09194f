"""A warm parent: it has everything imported, no threads, and forks a child for every life.

Reads requests from its input, a line of JSON each, and answers each with a line.
"""

import gc
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from faults.shim import Fault
from faults.studio import Life, furnish, live

from nstd.gallery.rendering import templates
from nstd.recipe import load_recipe


def serve() -> None:
    """Answer until the input ends."""
    load_recipe("studio")
    for name in templates().list_templates():
        templates().get_template(name)
    gc.freeze()  # children collect none of the parent's objects, so its pages stay shared
    for line in sys.stdin:
        request = json.loads(line)
        root = Path(request["root"])
        if not root.exists():
            furnish(root, originals=request["originals"], pairs=request["pairs"])
        fault = Fault(**request["fault"]) if request["fault"] else None
        life = partial(
            live, root, fault, began_s=request["began_s"], hard_links=request["hard_links"]
        )
        print(json.dumps(_in_a_child(life)), flush=True)


def _in_a_child(act: Callable[[], Life]) -> dict[str, object]:
    report, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(report)
        code = 1
        try:
            text = json.dumps(asdict(act()))
            with os.fdopen(ours, "w") as out:
                out.write(text)
            code = 0
        finally:
            sys.excepthook(*sys.exc_info()) if code else None  # type: ignore[arg-type]
            sys.stderr.flush()
            os._exit(code)
    os.close(ours)
    with os.fdopen(report) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "life": json.loads(text) if text else None}


if __name__ == "__main__":
    serve()
