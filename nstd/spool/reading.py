"""The text of a manifest → what it wishes for: every problem at once, in words."""

from collections.abc import Mapping

from nstd.errors import ManifestError
from nstd.printable import shown
from nstd.spool.manifest import Wish
from nstd.spool.proofs import ProofWish, read_proof
from nstd.spool.styles import Style
from nstd.spool.wishes import read_wish
from nstd.strict_yaml import YamlTextError, load_yaml


def read_manifest(
    text: bytes, *, name: str, styles: Mapping[str, Style], default_recipe: str
) -> Wish | ProofWish:
    """Read a manifest: of pictures, or with `proof: true` of a contact sheet.

    Args:
        name: the manifest's file name, for the message.

    Raises:
        ManifestError: with every problem found.
        SourceChangedError: the file of a style's defaults changed while it was read.
        OSError: it cannot be read.
    """
    try:
        fields = load_yaml(text)
    except YamlTextError as error:
        raise ManifestError(shown(name), (str(error),)) from error
    read = read_proof if fields.get("proof") is True else read_wish
    return read(fields, name=name, styles=styles, default_recipe=default_recipe)
