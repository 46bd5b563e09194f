"""Raw files in the inbox: real files, from their arrival to what a person sees of them."""

from spool_rig import PATIENCE, Spool


def raw(spool: Spool, name: str) -> None:
    """Put a file into the inbox that begins as Canon's do."""
    path = spool.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0\0\0\x18ftypcrx " + bytes(100))


def put_away(spool: Spool) -> None:
    """Put the files of failed jobs away."""
    for job in spool.jobs("failed"):
        spool.tidying.tidy(job)


def test_a_raw_file_beside_a_picture_stays_when_that_is_done(spool: Spool) -> None:
    """It is told of once for its folder, never moved, never an orphan, and holds up no `once`."""
    spool.drop("smith/IMG.jpg")
    raw(spool, "smith/IMG.CR3")
    (spool.inbox / "smith" / "IMG.xmp").write_text("<x/>")
    spool.settle()
    job = spool.only("queued")
    assert spool.waiting()["smith/"] == (
        "a raw file, which lies beside a picture of its name, is left alone"
    )
    spool.end(job, "done")
    assert not spool.look(PATIENCE.settle_s)
    assert not spool.look(PATIENCE.orphan_after_s + 1)

    assert list(spool.waiting()) == ["smith/"]
    assert sorted(path.name for path in (spool.inbox / "smith").iterdir()) == ["IMG.CR3", "IMG.xmp"]
    assert [one.state for one in spool.jobs("done", "failed")] == ["done"]


def test_a_raw_pair_ends_in_failed_with_a_sentence(spool: Spool) -> None:
    """Both files, as other refused pairs do; dropping the export then is a job."""
    raw(spool, "IMG.CR3")
    (spool.inbox / "IMG.yaml").write_text("style: waves\n")
    spool.settle()
    put_away(spool)
    failed = spool.inbox / "failed"

    assert sorted(path.name for path in failed.iterdir()) == [
        "IMG.CR3",
        "IMG.error.txt",
        "IMG.yaml",
    ]
    assert "Export it as a JPEG or TIFF" in (failed / "IMG.error.txt").read_text()
    spool.drop("IMG.jpg")
    spool.settle()
    assert [job.state for job in spool.jobs("failed", "queued")] == ["failed", "queued"]


def test_a_lone_raw_file_is_an_orphan_in_the_end(spool: Spool) -> None:
    """It waits as a picture without a manifest does, and is then told what to export."""
    raw(spool, "IMG.CR3")
    spool.settle()
    assert "export it as a JPEG or TIFF" in spool.waiting()["IMG.CR3"]
    spool.look(PATIENCE.orphan_after_s + 1)
    put_away(spool)

    words = (spool.inbox / "failed" / "IMG.error.txt").read_text()
    assert "IMG.CR3 has waited for 1 hours: it is a camera's raw file" in words
