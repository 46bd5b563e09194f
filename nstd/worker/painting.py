"""One photograph on its way: loaded, painted step by step, encoded; events tell how it goes."""

import math
import platform
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import torch
from torch import Tensor

from nstd import __version__
from nstd.engine.color import Tone, grey, tone
from nstd.engine.content import ContentFeatures
from nstd.engine.pyramid import Level
from nstd.engine.stylize import Problem, Run, Step
from nstd.engine.synchronization import read_rows
from nstd.engine.targets import StyleStats
from nstd.engine.tiling import Tiling
from nstd.engine.visibility import opacity, pixel_weights
from nstd.errors import DivergedError
from nstd.formats import SUFFIX_OF_FORMAT
from nstd.orders import (
    Checkpoint,
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
from nstd.worker import checkpoint
from nstd.worker.accelerator import (
    device_name,
    forget_peak_memory,
    given_back,
    peak_memory_bytes,
)
from nstd.worker.artifacts import group_sums, losses_csv, losses_png
from nstd.worker.delivered_loss import delivered_loss
from nstd.worker.effort import looked_px
from nstd.worker.framing import encoded, on_canvas, result_size
from nstd.worker.previews import Miniatures
from nstd.worker.station import Station
from nstd.worker.style_pictures import JobStyles
from nstd.worker.thrift import Thrift

WORD_EVERY_S = 1.0
MOST_RISEN = 10.0  # times the loss at the level's start: what a run may end with
MOST_LOST_TRIALS = 20  # a line search comes back from a trial that is no number, but not from more


class Painting:
    """One job on its way: `events` paints it, and raises what goes wrong.

    Who makes more of a picture than a job of its own takes the steps singly: `begin`, `optimise`,
    `refuse_divergence`.
    """

    def __init__(
        self,
        order: WorkOrder,
        station: Station,
        stop: Callable[[], bool],
        alive: Callable[[], None],
        thrift: Thrift,
        features: ContentFeatures | None = None,
    ) -> None:
        self.features = features
        self.thrift, self.alive = thrift, alive
        self.long_px = 0  # of the canvas
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
        run = self.begin(content, photograph)
        # For the delivered loss: now, so that a job that is resumed looks at no style again.
        self._style_at(run.levels[-1].width, run.levels[-1].height, torch.float32)
        stopped = yield from self.optimise(run, photograph)
        if stopped:
            yield Stopped(self.work.job_id)
            return
        picture = run.picture
        self.refuse_divergence(picture)
        yield self._finished(photograph, picture, run, seconds_load, self.optimised_s())

    def optimised_s(self) -> float:
        """Return the seconds spent on the run, also before its checkpoint, but on no style."""
        return self.seconds_before + time.monotonic() - self.began - self.styles.seconds

    def refuse_divergence(self, picture: Tensor) -> None:
        """Raise DivergedError if the picture of a whole run is none that anybody wants."""
        if not bool(torch.isfinite(picture).all()):
            raise DivergedError("The picture has left the finite numbers.")
        last = self.rows[-1]
        first = next(row for row in self.rows if row.level == last.level)
        if last.total > MOST_RISEN * first.total:
            raise DivergedError(
                f"The loss rose from {first.total:.3g} to {last.total:.3g} at {last.size_px} px: "
                "the steps are too long for this recipe. A smaller 'lr', or 'line_search: "
                "strong_wolfe', keeps them in hand."
            )

    def begin(self, content: Tensor, photograph: Photograph) -> Run:
        """Return the run that paints this, or goes on from the checkpoint."""
        self.began = time.monotonic()
        saved = None
        if self.work.checkpoint is not None:
            saved = checkpoint.from_bytes(
                self.work.checkpoint, device=self.station.device, job_id=self.work.job_id
            )
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
        )
        return Run(problem, saved.run if saved else None)

    def _given_back(self) -> AbstractContextManager[None]:
        return given_back(self.station.device, keeps=not self.thrift.is_reduced)

    def _tiling_at(self, width: int, height: int) -> Tiling:
        return replace(self.thrift.tiling_at(width, height), between=self.alive)

    @property
    def dtype(self) -> torch.dtype:
        return self.station.dtype(self.recipe)

    def _style_at(self, width: int, height: int, dtype: torch.dtype | None = None) -> StyleStats:
        """Return the style's statistics for a level, in the run's precision or another."""
        with self._given_back():
            return self.styles.at(width, height, dtype or self.dtype, self.tone)

    def optimise(self, run: Run, photograph: Photograph) -> Generator[Event, None, bool]:
        """Make the steps; the generator's value tells whether the run was left."""
        pending: list[tuple[Step, float]] = []
        last_word = last_checkpoint = time.monotonic()
        next_preview = 0.0
        for step in run:
            now = time.monotonic()
            pending.append((step, self.optimised_s()))
            if self.order.snapshots and step.step % self.order.snapshots == 0:
                yield self._snapshot(run, photograph)
            leaving = self.stop()
            saving = leaving or now - last_checkpoint >= self.station.checkpoint_every_s
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
                saved = checkpoint.to_bytes(
                    run.save(), self.rows, seconds=self.optimised_s(), job_id=self.work.job_id
                )
                yield Checkpoint(self.work.job_id, run.step, saved)
            if leaving:
                return True
        if pending:
            yield self._progress(run, pending)
        return False

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
        if not any(math.isfinite(row.total) for row in self.rows[-MOST_LOST_TRIALS:]):
            raise DivergedError(f"The loss left the finite numbers at step {rows[-1].step}.")
        steps = sum(level.steps for level in run.levels)
        costs = [self._cost(level) for level in run.levels for _ in range(level.steps)]
        made = sum(costs[self.resumed_from_step : run.step])
        last, spent_s = rows[-1], self.optimised_s() - self.seconds_before
        return Progress(
            job_id=self.work.job_id,
            step=run.step,
            steps=steps,
            level=last.level + 1,
            levels=len(run.levels),
            size_px=last.size_px,
            eta_s=spent_s * sum(costs[run.step :]) / made if made else 0.0,
            device=str(self.station.device),
            losses=rows,
        )

    def _cost(self, level: Level) -> float:
        """Return how much longer a step of a level takes than another's: in pixels looked at."""
        tiling = self.thrift.tiling_at(level.width, level.height)
        return looked_px(self.recipe, tiling, width=level.width, height=level.height)

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
        delivered = {}
        if run:
            exact = self.station.backbone(self.recipe, torch.float32)
            last = run.levels[-1]
            style = self._style_at(last.width, last.height, torch.float32)
            look = Tiling(self.thrift.look_px, keeps_targets=False, between=self.alive)
            keeps = self.order.color == "keep"
            with self._given_back():
                delivered = delivered_loss(
                    data, run, backbone=exact, style=style, keeps_colors=keeps, tiling=look
                )
        files = [
            ProducedFile(SUFFIX_OF_FORMAT[self.order.output_format], data),
            ProducedFile(".losses.csv", losses_csv(names, self.rows)),
        ]
        if self.rows:
            title = f"{self.order.style_label} · {self.order.recipe_name}"
            files.append(ProducedFile(".losses.png", losses_png(names, self.rows, title=title)))
        facts = RunFacts(
            device=device_name(self.station.device),
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
        return Finished(self.work.job_id, tuple(files), facts, thumbs)


def versions() -> dict[str, str]:
    """Name the versions of what paints, for the record."""
    return {
        "nstd": __version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }
