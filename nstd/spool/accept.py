"""Commit point A: a photograph and its manifest become a job that no longer needs the inbox."""

import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

from nstd.errors import JobError, PictureError, UnfinishedPictureError
from nstd.orders import SMALLEST_SIDE_PX, Order
from nstd.printable import shown
from nstd.spool.check import problem_of
from nstd.spool.decode import PictureSize
from nstd.spool.durable import Signature, copy_hashed, read_stable, sync_folder
from nstd.spool.inbox import Entry
from nstd.spool.jobs import Job, NewJob
from nstd.spool.journal import Journal
from nstd.spool.manifest import Wish
from nstd.spool.offers import BatchOffer, Offer, Refusal
from nstd.spool.proofs import ProofWish
from nstd.spool.reading import read_manifest
from nstd.spool.styles import list_styles
from nstd.spool.work import WorkFolder
from nstd.strict_yaml import LARGEST_TEXT_BYTES

CheckPicture = Callable[[Path, str], PictureSize]


@dataclass(frozen=True)
class Member:
    """A picture of a frozen batch, and the entry that waits for it in the journal."""

    job: NewJob
    picture: Entry

    @classmethod
    def of(cls, job: Job, picture: Entry) -> "Member":
        """Return the entry that waits in the journal as what it will be written down as."""
        shared = {field.name for field in fields(NewJob)} & {field.name for field in fields(Job)}
        return cls(NewJob(**{name: getattr(job, name) for name in shared}), picture)


@dataclass(frozen=True)
class Accepted:
    """What became of an offer: queued, failed with words, or done long ago."""

    job_id: str
    outcome: Literal["queued", "failed", "known"]


@dataclass(frozen=True)
class Reception:
    """Takes offers from the inbox into the journal.

    `check_picture(path, name)` decodes a private copy completely, or raises PictureError;
    `is_published(job)` tells whether a done job's result is still to be had.
    """

    journal: Journal
    work: WorkFolder
    inbox: Path
    styles_folder: Path
    default_recipe: str
    most_picture_bytes: int
    most_picture_px: int
    check_picture: CheckPicture
    is_published: Callable[[Job], bool]

    def accept(self, subject: Offer | Member, *, final: bool, now_s: float) -> Accepted:
        """Accept a pair, a picture under a standing order, or a picture of a frozen batch.

        Args:
            final: the picture has been unchanged for so long that it will not become whole.

        Raises:
            UnfinishedPictureError: it does not decode yet, and `final` is false.
            SourceChangedError: a file changed or vanished meanwhile.
            OSError: the work folder or the inbox fails.
        """
        files = [subject.picture]
        if isinstance(subject, Member):
            job = subject.job
        else:
            text = self.text_of(subject.manifest)
            job = _new_job(subject.picture, subject.manifest.name, text)
            if subject.kind == "pair":
                files += [subject.manifest, *filter(None, [subject.ready_marker])]
        arriving = self.work.arriving / secrets.token_hex(4)  # an earlier one may have resisted
        arriving.mkdir()
        try:
            return self._copy_and_accept(job, files, arriving, final=final, now_s=now_s)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)

    def freeze(self, offer: BatchOffer, *, now_s: float) -> str:
        """Write down which pictures a batch has, once and for all, and return its id."""
        batch_id = secrets.token_hex(4)
        text = self.text_of(offer.manifest)
        members = [
            (
                replace(
                    _new_job(picture, offer.manifest.name, text, batch_id), priority=offer.priority
                ),
                {picture.path: picture.signature},
            )
            for picture in offer.pictures
        ]
        manifest = (offer.manifest.path, text, offer.manifest.signature)
        self.journal.add_batch(batch_id, manifest, members, now_s=now_s)
        return batch_id

    def refuse(self, refusal: Refusal, *, now_s: float) -> str:
        """Write down files that can never be a job, as a failed one."""
        first = refusal.entries[0]
        job = NewJob(
            secrets.token_hex(4), first.folder, first.name, None, None, reason=refusal.sentence
        )
        originals = {entry.path: entry.signature for entry in refusal.entries}
        self.journal.enter(job, "failed", originals, now_s=now_s)
        return job.id

    def text_of(self, manifest: Entry) -> bytes:
        """Read a manifest, or as much of a long one as tells that it is too long.

        Raises:
            SourceChangedError: it changed or vanished meanwhile.
        """
        return read_stable(self._path(manifest), most_bytes=LARGEST_TEXT_BYTES + 1)

    def problem_of(self, entry: Entry) -> str | None:
        """Say what is wrong with a manifest, before any photograph of it is there.

        Raises:
            SourceChangedError: it changed or vanished meanwhile.
        """
        text = self.text_of(entry)
        styles = list_styles(self.styles_folder)
        return problem_of(text, name=entry.name, styles=styles, default_recipe=self.default_recipe)

    def _copy_and_accept(
        self, job: NewJob, files: list[Entry], arriving: Path, *, final: bool, now_s: float
    ) -> Accepted:
        originals = {entry.path: entry.signature for entry in files}
        content = arriving / "content"
        try:
            copied = copy_hashed(self._path(files[0]), content, most_bytes=self.most_picture_bytes)
            originals[files[0].path] = copied.signature
            receipt = _receipt(files[0].path, copied.sha256, job.manifest or b"")
            known = self.journal.with_receipt(receipt)
            if known and (known.state != "done" or not known.tidied or self.is_published(known)):
                member_id = job.id if job.batch_id else None
                self.journal.claim(known.id, originals, instead_of=member_id, now_s=now_s)
                return Accepted(known.id, "known")
            wish = self._wish(job)  # first: it costs no decoder, and no waiting for the picture
            size = self.check_picture(content, files[0].name)
            order = self._order(wish, files[0].name, arriving)
            self._require_possible(order, size)
        except UnfinishedPictureError as error:
            if not final:
                raise
            return self._fail(job, originals, str(error), now_s)
        except JobError as error:
            return self._fail(job, originals, str(error), now_s)
        accepted = replace(
            job,
            receipt=receipt,
            content_sha256=copied.sha256,
            order=order,
            pixels=size.width * size.height,
        )
        sync_folder(arriving)
        self._drop_copy(job.id)
        try:
            os.rename(arriving, self.work.job(job.id))
            sync_folder(self.work.jobs)
            self.journal.enter(accepted, "queued", originals, now_s=now_s)
        except (OSError, sqlite3.DatabaseError):
            self._drop_copy(job.id)
            raise
        return Accepted(job.id, "queued")

    def _drop_copy(self, job_id: str) -> None:
        """Remove the copy of a photograph unless it is a job's: an error may hide a success."""
        try:
            entered = self.journal.job(job_id).state != "waiting"
        except KeyError:
            entered = False
        except sqlite3.DatabaseError:  # who can tell? it is swept when the queue is empty
            return
        if not entered:
            shutil.rmtree(self.work.job(job_id), ignore_errors=True)

    def _fail(
        self, job: NewJob, originals: dict[str, Signature], reason: str, now_s: float
    ) -> Accepted:
        self.journal.enter(replace(job, reason=reason), "failed", originals, now_s=now_s)
        return Accepted(job.id, "failed")

    def _wish(self, job: NewJob) -> Wish | ProofWish:
        return read_manifest(
            job.manifest or b"",
            name=job.manifest_name or "",
            styles=list_styles(self.styles_folder),
            default_recipe=self.default_recipe,
        )

    def _order(self, wish: Wish | ProofWish, picture_name: str, arriving: Path) -> Order:
        hashes = {path: self._keep_style(path, arriving) for path in wish.style_pictures}
        return wish.order(picture_name, hashes)

    def _require_possible(self, order: Order, size: PictureSize) -> None:
        """Refuse a result that is too small to be painted, or that no worker could hold."""
        width, height = order.result_size(width=size.width, height=size.height)
        allowed = f"at most {self.most_picture_px / 1e6:g} megapixels are allowed"
        if width * height > self.most_picture_px:
            raise PictureError(
                f"The result would be {width} × {height} pixels; {allowed}. Ask for a smaller "
                "'size'."
            )
        canvas_px = order.canvas_pixels(width=size.width, height=size.height)
        if canvas_px > self.most_picture_px:
            raise PictureError(
                f"The recipe's canvas would have {canvas_px / 1e6:,.0f} megapixels; {allowed}. "
                "Ask for a smaller 'canvas.px'."
            )

    def _keep_style(self, picture: Path, arriving: Path) -> str:
        """Copy a style picture into the work folder, once per content, and return its hash."""
        copy = arriving / "style"
        copied = copy_hashed(picture, copy, most_bytes=self.most_picture_bytes)
        kept = self.work.style(copied.sha256)
        if kept.exists():
            copy.unlink()
        else:
            size = self.check_picture(copy, f"styles/{picture.name}")
            if min(size.width, size.height) < SMALLEST_SIDE_PX:
                raise PictureError(
                    f"styles/{shown(picture.name)} has {size.width} × {size.height} pixels; both "
                    f"sides must have at least {SMALLEST_SIDE_PX} pixels."
                )
            os.rename(copy, kept)
            sync_folder(kept.parent)
        return copied.sha256

    def _path(self, entry: Entry) -> Path:
        return self.inbox / entry.path


def _new_job(
    picture: Entry, manifest_name: str, text: bytes, batch_id: str | None = None
) -> NewJob:
    job_id = secrets.token_hex(4)
    return NewJob(job_id, picture.folder, picture.name, manifest_name, text, batch_id=batch_id)


def _receipt(path: str, content_sha256: str, manifest: bytes) -> str:
    """Return what makes a job the same job: the place, the photograph and what is asked of it."""
    digest = hashlib.sha256(f"{path}\0{content_sha256}\0".encode())
    digest.update(manifest)
    return digest.hexdigest()
