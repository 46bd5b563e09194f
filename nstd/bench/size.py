"""The benchmark of large pictures: tiles against the whole, and memory, measured and foreseen."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from nstd.bench.enlarged import enlarged
from nstd.bench.figures import Figure
from nstd.bench.job import Pictures
from nstd.bench.own_process import in_own_process
from nstd.bench.peaks import Peak, SizedJob, from_block, measured_peak, tiles_in_words
from nstd.bench.tiles import ROOM_SHARE, Cut, Difference, Timed, gradient_differences, tile_times
from nstd.errors import NstdError
from nstd.pool.contract import WorkerSettings
from nstd.worker.thrift import Thrift

MOST_DIFFERENT = 1e-5
MOST_TIME, MOST_OVER_EXPECTED = 1.6, 1.1
MOST_DEVIATION = 0.15

ADAM: Mapping[str, object] = {"name": "adam", "lr": 0.02, "betas": [0.9, 0.99]}
LBFGS: Mapping[str, object] = {"name": "lbfgs", "history": 10, "first_step": 0.1}


def _flat(optimizer: Mapping[str, object], steps: int, precision: str) -> Mapping[str, object]:
    """Return overrides with which all steps are made at the full size."""
    return {
        "pyramid": None,
        "refine": None,
        "optimizer": optimizer,
        "steps": steps,
        "precision": precision,
    }


def _tiles(px: int, *, keeps_targets: bool, kept: int = 0, kept_from: int = 1) -> Thrift:
    return Thrift(px, keeps_targets, keeps_history=True, kept=kept, kept_from=kept_from)


WHOLE = Thrift()
FEW_STEPS: Mapping[str, object] = {"steps": 2, "refine": {"steps": 2, "taper": 1}}  # at each level
COARSE_TO_FINE: Mapping[str, object] = {**FEW_STEPS, "precision": "bf16"}
# Its own rate makes the loss rise in the first steps, which a job is refused for.
STEP_DECAY: Mapping[str, object] = {"steps": 2, "optimizer": {"lr": 0.001}}
# vgg16, because it comes along.
WASSERSTEIN: Mapping[str, object] = {"steps": 2, "pyramid": None, "backbone": "vgg16"}
COMBINATIONS = (
    SizedJob(864, 576, overrides=_flat(LBFGS, 12, "bf16"), thrift=WHOLE),
    SizedJob(864, 576, "wasserstein-adam", WASSERSTEIN, WHOLE),
    SizedJob(864, 576, "vgg16-step-decay", STEP_DECAY, _tiles(256, keeps_targets=True)),
    SizedJob(1224, 816, overrides=_flat(LBFGS, 4, "fp32"), thrift=WHOLE),
    SizedJob(1224, 816, overrides=_flat(LBFGS, 6, "bf16"), thrift=_tiles(256, keeps_targets=True)),
    SizedJob(
        1224,
        816,
        overrides=_flat(ADAM, 2, "fp32"),
        thrift=_tiles(512, keeps_targets=False, kept=6, kept_from=3),
    ),
    SizedJob(1500, 1000, overrides=_flat(ADAM, 2, "bf16"), thrift=WHOLE),
    SizedJob(1728, 1152, overrides=_flat(ADAM, 2, "fp32"), thrift=_tiles(1024, keeps_targets=True)),
    SizedJob(
        1728,
        1152,
        overrides=_flat(LBFGS, 4, "bf16"),
        thrift=_tiles(512, keeps_targets=False, kept=4, kept_from=2),
    ),
    SizedJob(
        2124, 1416, overrides=_flat(ADAM, 2, "bf16"), thrift=_tiles(1024, keeps_targets=False)
    ),
    SizedJob(2448, 1632, overrides=_flat(ADAM, 2, "bf16"), thrift=_tiles(256, keeps_targets=True)),
    SizedJob(3000, 2000, overrides=COARSE_TO_FINE, thrift=_tiles(512, keeps_targets=False)),
)

LARGE = (
    SizedJob(3000, 2000, overrides=FEW_STEPS),
    SizedJob(6000, 4000, overrides=FEW_STEPS),
    SizedJob(8000, 6000, overrides=FEW_STEPS),
)


@dataclass(frozen=True)
class Plan:
    """What is measured: the pictures' sizes, and how often."""

    compared: Cut
    timed: Cut
    repeats: int
    combinations: tuple[SizedJob, ...]
    large: tuple[SizedJob, ...]
    limit_bytes: int


PLAN = Plan(
    compared=Cut(320, 240, 128),
    timed=Cut(1536, 1024, 512),
    repeats=8,  # the best of each: others may use the processors meanwhile
    combinations=COMBINATIONS,
    large=LARGE,
    limit_bytes=6_000_000_000,
)


@dataclass(frozen=True)
class SizeBench:
    """The worker under test and the two pictures; every measurement has a process of its own."""

    settings: WorkerSettings
    pictures: Pictures
    plan: Plan
    say: Callable[[str], None]

    def figures(self) -> Iterator[Figure]:
        """Measure everything, the quick things first."""
        yield self._gradient()
        yield from self._time()
        peaks = [self._measured(job, None) for job in self.plan.combinations]
        for job in self.plan.large:
            try:
                peak = self._measured(job, self.plan.limit_bytes)
            except NstdError as error:
                yield self._resident(job, math.inf, str(error))
                continue
            peaks.append(peak)
            yield self._resident(job, peak.measured_bytes / 1e9, _how(peak))
        yield _foreseen(peaks)

    def _gradient(self) -> Figure:
        cut = self.plan.compared
        self.say(f"every recipe's gradient at {cut.width} × {cut.height}, in tiles and whole")
        found = in_own_process(gradient_differences, self.settings, self.pictures, cut)
        worst = max(found, key=lambda difference: difference.relative)
        return Figure(
            name="gradient in tiles against the whole picture's, every recipe, fp32, relative",
            value=worst.relative,
            unit="",
            detail=f"{worst.recipe} of {len(found)} recipes; {cut.width} × {cut.height}, tiles of "
            f"{cut.tile_px} px{_stand_ins(found)}",
            bar=MOST_DIFFERENT,
            sense="at_most",
        )

    def _time(self) -> Iterator[Figure]:
        cut = self.plan.timed
        where = f"{cut.width} × {cut.height}, tiles of {cut.tile_px} px"
        self.say(f"an evaluation at {where}, and whole")
        times = in_own_process(tile_times, self.settings, self.pictures, cut, self.plan.repeats)
        none, some = times.none_kept, times.some_kept
        yield Figure(
            name=f"time of an evaluation in tiles, as a share of the whole picture's, {where}",
            value=some.share,
            unit="×",
            detail=f"{times.precision}, whole {times.whole_s:.2f} s; {_kept(some)}: "
            f"{some.seconds:.2f} s; {_kept(none)}: {none.seconds:.2f} s, {none.share:.2f} ×. "
            f"What is kept fits in {ROOM_SHARE:.0%} of the memory that the whole takes",
            bar=MOST_TIME,
            sense="at_most",
        )
        yield Figure(
            name="the same, over what halo and recomputation cost by arithmetic",
            value=some.over_expected,
            unit="×",
            detail=f"{_kept(some)}: {some.expected:.2f} × expected; {_kept(none)}: "
            f"{none.expected:.2f} × expected, {none.over_expected:.2f} × that",
            bar=MOST_OVER_EXPECTED,
            sense="at_most",
        )

    def _measured(self, job: SizedJob, limit_bytes: int | None) -> Peak:
        self.say(f"memory of {job.words}")
        photograph = enlarged(self.pictures.content, width=job.width, height=job.height)
        pictures = Pictures(photograph, self.pictures.style)
        # A checkpoint at each step: no long job is without one.
        settings = replace(self.settings, checkpoint_every_s=0, memory_bytes=limit_bytes)
        peak = in_own_process(measured_peak, settings, pictures, job)
        self.say(f"  {peak.words}, {peak.seconds:.0f} s")
        return peak

    def _resident(self, job: SizedJob, gigabytes: float, detail: str) -> Figure:
        limit = self.plan.limit_bytes / 1e9
        return Figure(
            name=f"resident memory of a worker at its peak, {job.megapixels} under {limit:g} GB",
            value=gigabytes,
            unit="GB",
            detail=detail,
            bar=limit,
            sense="at_most",
        )


def _stand_ins(found: tuple[Difference, ...]) -> str:
    names = [difference.recipe for difference in found if difference.backbone != difference.wanted]
    return f"; vgg16 for want of weights: {', '.join(names)}" if names else ""


def _kept(timed: Timed) -> str:
    return f"graphs of {timed.kept} of {timed.tiles} tiles kept{from_block(timed.kept_from)}"


def _how(peak: Peak) -> str:
    how = tiles_in_words(peak.job.thrift) if peak.job.thrift else ""
    return (
        f"{peak.job.width} × {peak.job.height} from file to file, {how}; {peak.evaluations} "
        f"evaluations at all levels, {peak.seconds:.0f} s; {peak.words}"
    )


def _foreseen(peaks: list[Peak]) -> Figure:
    lines = [
        f"{peak.predicted_bytes / 1e6:.0f} : {peak.measured_bytes / 1e6:.0f}  {peak.job.words}"
        for peak in peaks
    ]
    return Figure(
        name=f"largest deviation of the predicted from the measured peak, {len(peaks)} jobs",
        value=max(abs(peak.deviation) for peak in peaks),
        unit="",
        detail="\n".join(("resident memory of a worker, predicted : measured, in MB", *lines)),
        bar=MOST_DEVIATION,
        sense="at_most",
    )
