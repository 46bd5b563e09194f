"""What came of a batch: it ends when all of its pictures have."""

import sqlite3

from nstd.spool.jobs import SAME_AS, EndedBatch

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


def ended_batches(db: sqlite3.Connection) -> list[EndedBatch]:
    """Return the batches whose pictures are all put away, and whose manifests are not."""
    return [EndedBatch(*row) for row in db.execute(_ENDED, (SAME_AS, len(SAME_AS) + 1))]
