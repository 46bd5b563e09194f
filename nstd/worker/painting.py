"""One photograph on its way: loaded, painted step by step, encoded; events tell how it goes."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import torch
from torch import Tensor

from nstd.engine.color import Tone, grey, tone
from nstd.engine.content import ContentFeatures
from nstd.engine.stylize import Problem, Run, Step
from nstd.engine.synchronization import read_rows
from nstd.engine.targets import StyleStats
from nstd.engine.tiling import Tiling
from nstd.engine.visibility import opacity, pixel_weights
from nstd.formats import SUFFIX_OF_FORMAT
from nstd.orders import (
    Event,
    Finished,
    LossRow,
    Preview,
    ProducedFile,
    Progress,
    RunFacts,
    Snapshot,
    Stopped,
    WorkOrder,
)
from nstd.pictures.images import Photograph, load_photograph
from nstd.worker.accelerator import (
    device_name,
    forget_peak_memory,
    given_back,
    peak_memory_bytes,
)
from nstd.worker.artifacts import group_sums, loss_files
from nstd.worker.aside import Aside
from nstd.worker.checkpoint import SavedWork, newest_work, to_contents
from nstd.worker.delivered_loss import delivered_loss
from nstd.worker.divergence import refuse_divergence, refuse_lost_numbers
from nstd.worker.effort import Effort, looked_px
from nstd.worker.framing import encoded, on_canvas, result_size
from nstd.worker.leaving import Leaving
from nstd.worker.previews import Miniatures
from nstd.worker.station import Station
from nstd.worker.style_pictures import JobStyles
from nstd.worker.thrift import Thrift
from nstd.worker.versions import versions

WORD_EVERY_S = 1.0


class Painting:
    """One job on its way: `events` paints it, and raises what goes wrong.

    Who makes more of a picture than a job of its own takes the steps singly: `begin`, `optimise`.
    """

    def __init__(
        self,
        order: WorkOrder,
        station: Station,
        stop: Callable[[], bool],
        alive: Callable[[], None],
        thrift: Thrift,
        aside: Aside,
        features: ContentFeatures | None = None,
    ) -> None:
        self.aside, self.leaving, self.features = aside, Leaving(stop, alive), features
        self.thrift = thrift
        self.last_look = Tiling(thrift.look_px, keeps_targets=False, between=self.leaving.look)
        self.long_px = 0  # of the canvas
        self.effort = Effort((), ())
        self.work, self.order, self.station, self.stop = order, order.order, station, stop
        self.recipe = order.order.recipe
        self.rows: list[LossRow] = []
        self.began = 0.0  # when the run began here
        self.seconds_before = 0.0  # spent before the checkpoint that this run goes on from
        self.resumed_from_step = 0
        self.tone: Tone | None = None  # that the styles are matched to, where colours stay
        self.styles = JobStyles(
            order.styles,
            recipe=self.recipe,
            style_scale=self.order.style_scale,
            station=station,
            tiling=Tiling(thrift.look_px, between=alive),
        )

    def events(self) -> Iterator[Event]:
        forget_peak_memory(self.station.device)
        began = time.monotonic()
        photograph = load_photograph(self.work.content)
        content = on_canvas(self.order, photograph, self.station.device)
        self.long_px = max(content.shape[-2:])
        self.miniatures = Miniatures.of(self.order, photograph, content)
        seconds_load = time.monotonic() - began
        if self.order.strength == 0:
            yield self._finished(photograph, content, None, seconds_load, 0.0)
            return
        # Not by a name: it would be held for as long as the job is on its way.
        run = self.begin(
            content,
            photograph,
            newest_work(self.work.checkpoints, device=self.station.device, job_id=self.work.job_id),
        )
        last = run.levels[-1]
        self.effort = self.effort.with_last(self.recipe, last, self.last_look, self.dtype)
        # For the delivered loss: now, so that a job that is resumed looks at no style again.
        self._style_at(last.width, last.height, torch.float32)
        stopped = yield from self.optimise(run, photograph, self._keep)
        if stopped:
            yield Stopped(self.work.job_id)
            return
        picture = run.picture
        refuse_divergence(picture, self.rows)
        yield self._finished(photograph, picture, run, seconds_load, self.optimised_s())

    def optimised_s(self) -> float:
        """Return the seconds spent on the run, also before its checkpoint, but on no style."""
        return self.seconds_before + time.monotonic() - self.began - self.styles.seconds

    def begin(self, content: Tensor, photograph: Photograph, saved: SavedWork | None) -> Run:
        """Return the run that paints this, or goes on from what was saved."""
        self.began = time.monotonic()
        if saved:
            self.rows = list(saved.rows)
            self.seconds_before = saved.seconds
            self.resumed_from_step = saved.run.step
        alpha = opacity(photograph.alpha, content.device)
        if self.order.color == "keep":
            height, width = content.shape[-2:]
            weights = pixel_weights(alpha, width=width, height=height)
            content, self.tone = grey(content), tone(content, weights)
        problem = Problem(
            recipe=self.recipe,
            backbone=self.station.backbone(self.recipe, self.dtype),
            content=content,
            style_at=self._style_at,
            strength=self.order.strength,
            seed=self.order.seed,
            style_picture=lambda: self.styles.first_picture(self.tone),
            alpha=alpha,
            content_features=self.features,
            tiling_at=self._tiling_at,
            before_update=self.aside.let_go,
        )
        run = Run(problem, saved.run if saved else None)
        self.effort = Effort.of(self.recipe, run.levels, self.thrift.tiling_at)
        return run

    def _given_back(self) -> AbstractContextManager[None]:
        return given_back(self.station.device, keeps=not self.thrift.is_reduced)

    def _tiling_at(self, width: int, height: int) -> Tiling:
        tiling = self.thrift.tiling_at(width, height)
        self.leaving.set_level(looked_px(self.recipe, tiling, width=width, height=height))
        helpers = self.station.helpers(self.recipe, self.dtype, self.thrift.helpers)
        return replace(tiling, between=self.leaving.look, helpers=helpers)

    @property
    def dtype(self) -> torch.dtype:
        return self.station.dtype(self.recipe)

    def _style_at(self, width: int, height: int, dtype: torch.dtype | None = None) -> StyleStats:
        """Return the style's statistics for a level, in the run's precision or another."""
        with self._given_back():
            return self.styles.at(width, height, dtype or self.dtype, self.tone)

    def optimise(
        self, run: Run, photograph: Photograph, keep: Callable[[SavedWork], None]
    ) -> Generator[Event, None, bool]:
        """Make the steps; the generator's value tells whether the run was left.

        Args:
            keep: begins to write a checkpoint.
        """
        pending: list[tuple[Step, float]] = []
        last_word = last_checkpoint = time.monotonic()
        next_preview = 0.0
        for step in run:
            now = time.monotonic()
            self.leaving.step_is_made()
            yield from self.aside.news()
            pending.append((step, self.optimised_s()))
            if self.order.snapshots and step.step % self.order.snapshots == 0:
                yield self._snapshot(run, photograph)
            leaving = self.stop()
            due = now - last_checkpoint >= self.station.checkpoint_every_s
            saving = leaving or (due and not self.aside.is_busy)
            if saving or now - last_word >= WORD_EVERY_S:
                last_word = now
                yield self._progress(run, pending)
                pending = []
                # Only here, where the losses were read: the device has nothing to do meanwhile.
                if self.station.preview_every_s and not leaving and now >= next_preview:
                    next_preview = now + self.station.preview_every_s
                    yield from self._preview(run)
            if saving:
                last_checkpoint = now
                keep(SavedWork(run.save(), tuple(self.rows), self.optimised_s()))
            if leaving:
                break
            self.leaving.step_begins()
        else:
            leaving = False
        if pending:
            yield self._progress(run, pending)
        yield from self.aside.last_news()
        return leaving

    def _keep(self, work: SavedWork) -> None:
        self.aside.keep(work.run.step, to_contents(work, job_id=self.work.job_id))

    def _snapshot(self, run: Run, photograph: Photograph) -> Snapshot:
        return Snapshot(self.work.job_id, run.step, encoded(self.order, run.picture, photograph))

    def _preview(self, run: Run) -> Iterator[Preview]:
        data = self.miniatures.live(run.picture)
        if data is not None:
            yield Preview(self.work.job_id, run.step, data)

    def _progress(self, run: Run, pending: list[tuple[Step, float]]) -> Progress:
        """Fetch the losses of many steps in one read, and tell how far the run is."""
        values = read_rows(torch.stack([step.terms for step, _ in pending]))
        rows = tuple(
            LossRow(step.step, step.level, step.size_px, seconds, tuple(terms))
            for (step, seconds), terms in zip(pending, values, strict=True)
        )
        self.rows += rows
        refuse_lost_numbers(self.rows)
        last, here = rows[-1], self.rows[self.resumed_from_step :]
        spent_s = self.optimised_s() - self.seconds_before
        return Progress(
            job_id=self.work.job_id,
            step=run.step,
            steps=sum(level.steps for level in run.levels),
            level=last.level + 1,
            levels=len(run.levels),
            size_px=last.size_px,
            share=self.effort.share(self.rows),
            eta_s=self.effort.left_s(self.rows, here=here, spent_s=spent_s),
            device=str(self.station.device),
            losses=rows,
        )

    def _finished(
        self,
        photograph: Photograph,
        picture: Tensor,
        run: Run | None,
        seconds_load: float,
        seconds_optimise: float,
    ) -> Finished:
        width, height = result_size(self.order, photograph)
        data = encoded(self.order, picture, photograph)
        names = run.term_names if run else ()
        delivered = self._delivered_loss(data, run) if run else {}
        result = ProducedFile(SUFFIX_OF_FORMAT[self.order.output_format], data)
        title = f"{self.order.style_label} · {self.order.recipe_name}"
        files = (result, *loss_files(names, self.rows, title=title))
        facts = RunFacts(
            device=device_name(self.station.device),
            helped_by=self.station.help.used,
            precision=str(self.dtype).removeprefix("torch."),
            weights_sha256=self.station.weights(self.recipe.backbone).sha256,
            evaluations=len(self.rows),
            stalled_levels=run.stalled_levels if run else 0,
            width=width,
            height=height,
            seconds_load=seconds_load,
            seconds_style=self.styles.seconds,
            seconds_optimise=seconds_optimise,
            style_cache=self.styles.cache_use if run else "unused",
            resumed_from_step=self.resumed_from_step,
            peak_memory_bytes=peak_memory_bytes(self.station.device),
            losses_start=group_sums(names, self.rows[0].terms) if self.rows else {},
            losses_end=group_sums(names, self.rows[-1].terms) if self.rows else {},
            losses_delivered=delivered,
            versions=versions(),
        )
        thumbs = self.miniatures.thumbs(picture)
        return Finished(self.work.job_id, files, facts, thumbs)

    def _delivered_loss(self, data: bytes, run: Run) -> dict[str, float]:
        """Look at the file, and leave within that as within a step, if asked to."""
        last = run.levels[-1]
        style = self._style_at(last.width, last.height, torch.float32)
        self.leaving.set_level(self.effort.last_px)
        self.leaving.step_begins()
        with self._given_back():
            return delivered_loss(
                data,
                run,
                backbone=self.station.backbone(self.recipe, torch.float32),
                style=style,
                keeps_colors=self.order.color == "keep",
                tiling=self.last_look,
            )
