"""What came of a batch: it ends when all of its pictures have."""

import sqlite3

from nstd.spool.jobs import SAME_AS, EndedBatch
from nstd.spool.noticeboard import transaction

# A picture that was ordered the same before ends when, and as, that job does.
_ENDED = """
SELECT b.id, b.path, CASE
    WHEN max(coalesce(k.state, j.state) = 'done') THEN 'done'
    WHEN max(coalesce(k.state, j.state) = 'failed' OR j.cancelled_by IS NOT NULL) THEN 'failed'
    ELSE 'taken back' END
FROM batches b
JOIN jobs j ON j.batch_id = b.id
LEFT JOIN jobs k ON j.reason LIKE ? || '%' AND k.id = substr(j.reason, ?)
WHERE b.tidied = 0
GROUP BY b.id HAVING min(j.tidied) = 1 AND min(coalesce(k.tidied, 1)) = 1
"""


class Batches:
    """A part of the journal, in the same file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def ended(self) -> list[EndedBatch]:
        """Return those whose pictures are all put away, and whose manifests are not."""
        return [EndedBatch(*row) for row in self._db.execute(_ENDED, (SAME_AS, len(SAME_AS) + 1))]

    def set_tidied(self, batch_id: str, *, keep_originals: bool) -> None:
        with transaction(self._db) as db:
            db.execute("UPDATE batches SET tidied = 1 WHERE id = ?", (batch_id,))
            if not keep_originals:
                db.execute("DELETE FROM originals WHERE owner = ?", (batch_id,))
