"""A contact sheet on its way: one small picture after the other, and last the sheet."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace

from torch import Tensor

from nstd.engine.content import ContentFeatures
from nstd.engine.stylize import Run
from nstd.errors import DivergedError
from nstd.orders import (
    Event,
    Finished,
    Order,
    ProducedFile,
    Progress,
    ProofPictureFacts,
    RunFacts,
    Stopped,
    StylePicture,
    WorkOrder,
)
from nstd.pictures.images import Photograph, load_photograph
from nstd.worker.accelerator import device_name, forget_peak_memory, peak_memory_bytes
from nstd.worker.artifacts import PictureLog, group_sums, proof_losses_csv
from nstd.worker.aside import Aside
from nstd.worker.checkpoint import SavedWork
from nstd.worker.divergence import refuse_divergence
from nstd.worker.framing import delivered, on_canvas
from nstd.worker.painting import Painting
from nstd.worker.previews import Miniatures, sheet_thumb
from nstd.worker.proof_checkpoint import ProofPicture, newest_proof, to_contents
from nstd.worker.proof_contents import contents_of, on_white
from nstd.worker.proof_plan import ProofPlan, picture_orders
from nstd.worker.proof_sheet import draw_sheet, sheet_png
from nstd.worker.station import Station
from nstd.worker.thrift import Thrift
from nstd.worker.versions import versions


@dataclass(frozen=True)
class Ground:
    """The photograph as it is painted, and what a network sees in it: shared by many pictures."""

    content: Tensor
    features: ContentFeatures = field(default_factory=ContentFeatures)


class Proof:
    """One proof on its way: `events` makes it, and raises what goes wrong.

    Every picture is painted as a job of its own would paint it at that size, but for what they can
    share: the photograph and what the network sees in it. The styles' statistics are cached anyway.
    """

    def __init__(
        self,
        order: WorkOrder,
        station: Station,
        stop: Callable[[], bool],
        alive: Callable[[], None],
        thrift: Thrift,
        aside: Aside,
    ) -> None:
        self.work, self.station, self.stop, self.alive = order, station, stop, alive
        self.thrift, self.aside = thrift, aside
        self.long_px = 0  # of its largest picture
        self.plan = ProofPlan(())
        self.pictures: list[ProofPicture] = []
        self.grounds: dict[tuple[object, ...], Ground] = {}
        self.resumed_from_step = 0
        self.resumed_from_px = 0.0
        self.began = 0.0

    def events(self) -> Iterator[Event]:
        forget_peak_memory(self.station.device)
        began = time.monotonic()
        photograph = load_photograph(self.work.content)
        orders = picture_orders(self.work.order, photograph)
        seconds_load = time.monotonic() - began
        self.plan = ProofPlan.of(orders, photograph, self.thrift.tiling_at)
        saved = self._restore()
        self.began = last_checkpoint = time.monotonic()
        for order in orders[len(self.pictures) :]:
            stopped = yield from self._paint(order, photograph, saved)
            if stopped:
                yield Stopped(self.work.job_id)
                return
            saved = None
            # Pictures may be painted faster than any of them asks for a checkpoint of its own.
            if time.monotonic() - last_checkpoint >= self.station.checkpoint_every_s:
                last_checkpoint = time.monotonic()
                self._keep(None)
        yield from self.aside.last_news()
        yield self._finished(photograph, seconds_load)

    def _restore(self) -> SavedWork | None:
        """Take up the pictures that are painted; return what there is of the one on its way."""
        device, job_id = self.station.device, self.work.job_id
        saved = newest_proof(self.work.checkpoints, device=device, job_id=job_id)
        if saved is None:
            return None
        self.pictures = list(saved.pictures)
        self.resumed_from_step = self.plan.steps_before(len(self.pictures))
        self.resumed_from_px = self.plan.made_px(len(self.pictures))
        return saved.painting

    def _paint(
        self, order: Order, photograph: Photograph, saved: SavedWork | None
    ) -> Generator[Event, None, bool]:
        """Paint one picture; the generator's value tells whether it was left."""
        if order.strength == 0:
            content = on_canvas(order, photograph, self.station.device)
            self.pictures.append(_unpainted(order, on_white(content, photograph)))
            return False
        ground = self._ground(order, photograph)
        work = replace(self.work, order=order, styles=self._styles(order))
        painting = Painting(
            work, self.station, self.stop, self.alive, self.thrift, self.aside, ground.features
        )
        painting.miniatures = Miniatures.of(order, photograph, ground.content)
        try:
            run = painting.begin(ground.content, photograph, saved)
            self.resumed_from_step += painting.resumed_from_step
            self.resumed_from_px += painting.effort.made_px(painting.rows)
            left = yield from self._told(painting.optimise(run, photograph, self._keep))
            if left:
                return True
            refuse_divergence(run.picture, painting.rows)
        except DivergedError as error:
            name, strength = order.style_label, order.strength
            raise DivergedError(f"{name!r} at strength {strength:g}: {error}") from error
        pixels = on_white(delivered(order, run.picture, photograph), photograph)
        self.pictures.append(_painted(order, pixels, painting, run))
        return False

    def _ground(self, order: Order, photograph: Photograph) -> Ground:
        recipe = order.recipe
        network = (recipe.backbone, recipe.network, recipe.pooling, recipe.padding)
        looked_at = (recipe.layers, recipe.content_layers, recipe.precision)
        key = (*network, *looked_at, order.color, recipe.canvas)
        if key not in self.grounds:
            content = on_canvas(order, photograph, self.station.device)
            self.grounds[key] = Ground(content)
            self.long_px = max(self.long_px, *content.shape[-2:])
        return self.grounds[key]

    def _styles(self, order: Order) -> tuple[StylePicture, ...]:
        data = {style.sha256: style.data for style in self.work.styles}
        pictures = order.styles[0].pictures
        return tuple(StylePicture(sha, 1 / len(pictures), data[sha]) for sha in pictures)

    def _told(self, events: Generator[Event, None, bool]) -> Generator[Event, None, bool]:
        """Tell the events of one picture as those of the proof."""
        done = len(self.pictures)
        before = self.plan.steps_before(done)
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return bool(end.value)
            match event:
                case Progress():
                    made_px = self.plan.made_px(done, event.share)
                    spent_s = time.monotonic() - self.began
                    yield replace(
                        event,
                        step=before + event.step,
                        steps=self.plan.steps,
                        share=made_px / self.plan.total_px,
                        eta_s=self.plan.eta_s(self.resumed_from_px, made_px, spent_s=spent_s),
                    )
                case _:
                    yield event

    def _keep(self, painting: SavedWork | None) -> None:
        step = self.plan.steps_before(len(self.pictures)) + (painting.run.step if painting else 0)
        self.aside.keep(step, to_contents(self.pictures, painting, job_id=self.work.job_id))

    def _finished(self, photograph: Photograph, seconds_load: float) -> Finished:
        sheet = draw_sheet(contents_of(self.work, photograph, self.pictures))
        facts = tuple(picture.facts for picture in self.pictures)
        logs = [
            PictureLog(picture.facts.style, picture.facts.strength, picture.names, picture.rows)
            for picture in self.pictures
        ]
        files = (
            ProducedFile(".png", sheet_png(sheet)),
            ProducedFile(".losses.csv", proof_losses_csv(logs)),
        )
        facts_of_all = self._facts(facts, sheet.size, seconds_load)
        return Finished(self.work.job_id, files, facts_of_all, (sheet_thumb(sheet),))

    def _facts(
        self,
        pictures: tuple[ProofPictureFacts, ...],
        sheet_px: tuple[int, int],
        seconds_load: float,
    ) -> RunFacts:
        """Add up what is known of the pictures."""
        uses = {picture.style_cache for picture in pictures}
        return RunFacts(
            device=device_name(self.station.device),
            helped_by=self.station.help.used,
            precision=" + ".join(sorted({p.precision for p in pictures if p.precision})),
            weights_sha256=self.station.weights(self.work.order.recipe.backbone).sha256,
            evaluations=sum(picture.evaluations for picture in pictures),
            stalled_levels=sum(picture.stalled_levels for picture in pictures),
            width=sheet_px[0],
            height=sheet_px[1],
            seconds_load=seconds_load,
            seconds_style=sum(picture.seconds_style for picture in pictures),
            seconds_optimise=sum(picture.seconds_optimise for picture in pictures),
            style_cache="miss" if "miss" in uses else "hit" if "hit" in uses else "unused",
            resumed_from_step=self.resumed_from_step,
            peak_memory_bytes=peak_memory_bytes(self.station.device),
            losses_start={},
            losses_end={},
            losses_delivered={},
            versions=versions(),
            proof=pictures,
        )


def _painted(order: Order, pixels: Tensor, painting: Painting, run: Run) -> ProofPicture:
    names, rows = run.term_names, tuple(painting.rows)
    facts = ProofPictureFacts(
        style=order.style_label,
        strength=order.strength,
        width=int(pixels.shape[1]),
        height=int(pixels.shape[0]),
        precision=str(painting.dtype).removeprefix("torch."),
        evaluations=len(rows),
        stalled_levels=run.stalled_levels,
        seconds_style=painting.styles.seconds,
        seconds_optimise=painting.optimised_s(),
        style_cache=painting.styles.cache_use,
        losses_start=group_sums(names, rows[0].terms),
        losses_end=group_sums(names, rows[-1].terms),
    )
    return ProofPicture(pixels, names, rows, facts)


def _unpainted(order: Order, pixels: Tensor) -> ProofPicture:
    """Return the picture of strength zero: the photograph."""
    facts = ProofPictureFacts(
        style=order.style_label,
        strength=order.strength,
        width=int(pixels.shape[1]),
        height=int(pixels.shape[0]),
        precision="",
        evaluations=0,
        stalled_levels=0,
        seconds_style=0.0,
        seconds_optimise=0.0,
        style_cache="unused",
        losses_start={},
        losses_end={},
    )
    return ProofPicture(pixels, (), (), facts)
