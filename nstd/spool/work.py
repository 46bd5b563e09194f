"""The daemon's own folder: where each thing lies in it."""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from nstd.spool.durable import lies_at, make_folder


@dataclass(frozen=True)
class WorkFolder:
    """The daemon's own folder: where each thing lies in it."""

    root: Path

    @property
    def journal(self) -> Path:
        return self.root / "journal.sqlite"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def gram_cache(self) -> Path:
        return self.root / "gram"

    @property
    def arriving(self) -> Path:
        """Copies that are not jobs yet; swept at start-up."""
        return self.root / "arriving"

    @property
    def styles(self) -> Path:
        return self.root / "styles"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    def job(self, job_id: str) -> Path:
        return self.jobs / job_id

    def content(self, job_id: str) -> Path:
        return self.jobs / job_id / "content"

    def style(self, sha256: str) -> Path:
        return self.styles / sha256

    def output(self, job_id: str, suffix: str) -> Path:
        """A finished file of a job that is not published yet; snapshots have a folder of theirs."""
        return self.jobs / job_id / f"out{suffix}"

    def thumb(self, job_id: str, suffix: str) -> Path:
        """A small picture for the gallery (`THUMB_SUFFIXES`) that is still to be shown there."""
        return self.jobs / job_id / f"thumb{suffix}"

    def checkpoints(self, job_id: str) -> tuple[Path, Path]:
        """The newest checkpoint and the one before."""
        folder = self.jobs / job_id
        return folder / "checkpoint", folder / "checkpoint.before"

    def parts(self, job_id: str) -> Path:
        """Where a worker writes checkpoints, before they are taken from there and kept."""
        return self.jobs / job_id / "parts"

    def clear_parts(self, job_id: str) -> None:
        """Make the folder, or empty it: what is left there is of a worker that is gone."""
        folder = self.parts(job_id)
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()

    def keep_content_only(self, job_id: str) -> bool:
        """Remove what a job has made so far; tell whether its photograph is left to try it again.

        An attempt that failed is not gone on with: its checkpoint may be what was wrong.
        """
        if not lies_at(self.content(job_id)):
            return False
        for path in self.job(job_id).iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != self.content(job_id):
                path.unlink()
        return True

    def sweep_arriving(self) -> None:
        """Remove copies that never became jobs."""
        for path in self.arriving.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def sweep_styles(self, used: Collection[str]) -> None:
        """Remove the copies of style pictures that no job needs any more."""
        for path in self.styles.iterdir():
            if path.name not in used:
                path.unlink()

    def sweep_jobs(self, live: Collection[str]) -> None:
        """Remove job folders that no job has: a crash came between the copy and its entry."""
        for path in self.jobs.iterdir():
            if path.name not in live:
                shutil.rmtree(path)

    def prepare(self) -> None:
        """Make the folders; what was arriving when the last daemon ended is nobody's."""
        shutil.rmtree(self.arriving, ignore_errors=True)
        for folder in (self.arriving, self.styles, self.jobs, self.gram_cache):
            make_folder(folder)
