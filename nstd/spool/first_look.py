"""What manifests say before their photographs are accepted: members, urgency, what is wrong."""

import re
from dataclasses import dataclass, field

from nstd.errors import SourceChangedError
from nstd.spool.accept import Reception
from nstd.spool.inbox import Entry, Files
from nstd.spool.manifest import content_list, urgency_of
from nstd.spool.offers import Look

# Most manifests name a style and no more: they need no YAML reader to say that they are plain. A
# key may be written with escapes, but not without a backslash.
_TELLING = re.compile(rb"content|priority|proof|\\")
PLAIN = Look()


@dataclass
class FirstLook:
    """Reads each manifest once as long as it stays the same."""

    reception: Reception
    _looks: dict[str, dict[Entry, Look]] = field(default_factory=dict)

    def at(self, manifest: Entry) -> Look | None:
        """Return what is known of a manifest, None as long as it has not been read."""
        return self._looks.get(manifest.folder, {}).get(manifest)

    def read(self, manifest: Entry, *, judged: bool) -> Look | None:
        """Read a manifest, and remember what it says; None where it just changed or vanished.

        Args:
            judged: ask also what is wrong with it; if a photograph is beside it, both are judged
                together later.
        """
        try:
            text = self.reception.text_of(manifest)
            look = _look(text)
            if judged:
                problem = self.reception.problem_of(manifest)
                look = Look(look.members, look.urgency, problem)
        except SourceChangedError:
            return None
        self._looks.setdefault(manifest.folder, {})[manifest] = look
        return look

    def keep_only(self, folder: str, files: Files) -> None:
        """Drop what is known of files of a folder that are gone or changed."""
        known = self._looks.get(folder, {})
        for entry in [entry for entry in known if files.get(entry.name) is not entry]:
            del known[entry]
        if not known:
            self._looks.pop(folder, None)


def _look(text: bytes) -> Look:
    if not _TELLING.search(text):
        return PLAIN
    return Look(content_list(text), urgency_of(text))
