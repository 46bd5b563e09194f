"""The benchmark as a whole: every figure in one run on one machine."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from nstd.bench.article_loop import ArticleLoop, ModifiedVgg
from nstd.bench.figures import Figure
from nstd.bench.job import Pictures, peak_bytes_per_pixel, warm_job
from nstd.bench.machine import best_seconds_of_each, matrix_product
from nstd.bench.own_process import in_own_process
from nstd.bench.race import Track, with_our_settings
from nstd.engine.backbone import Backbone
from nstd.engine.objective import make_objective
from nstd.engine.pixels import PARAMETRISATIONS, resize
from nstd.engine.targets import style_statistics
from nstd.pictures.images import load_photograph
from nstd.recipe import Recipe, load_recipe
from nstd.recipe_files import HOUSE_RECIPE
from nstd.worker.accelerator import has_bf16
from nstd.worker.station import Station

RACE_PX = 256
JOB_PX = 512
MEMORY_PX = 1024
ARTICLE_STEPS = 300
ARTICLE_TIMED_STEPS = 4
LBFGS_EVALUATIONS = 300
SECONDS_OF_A_DAY = 86_400


@dataclass(frozen=True)
class Bench:
    """The machine under test and the two pictures."""

    station: Station
    pictures: Pictures
    say: Callable[[str], None]

    @property
    def device(self) -> torch.device:
        return self.station.device

    def figures(self) -> Iterator[Figure]:
        """Measure everything, the quick things first."""
        yield self._arithmetic()
        yield from self._races()
        yield from self._job()
        yield self._memory()

    def _sized(self, data: bytes, size_px: int) -> Tensor:
        pixels = load_photograph(data).pixels.to(self.device)
        scale = size_px / max(pixels.shape[-2:])
        width, height = round(pixels.shape[3] * scale), round(pixels.shape[2] * scale)
        return resize(pixels, width=width, height=height)

    def _fast_dtype(self) -> torch.dtype:
        return torch.bfloat16 if has_bf16(self.device) else torch.float32

    def _arithmetic(self) -> Figure:
        self.say(f"one evaluation at {JOB_PX} px, against matrix products")
        recipe, dtype = load_recipe(HOUSE_RECIPE), self._fast_dtype()
        backbone = self.station.backbone(recipe, dtype)
        content = self._sized(self.pictures.content, JOB_PX)
        stats = style_statistics(
            backbone, self._sized(self.pictures.style, JOB_PX), recipe.style_layers
        )
        objective = make_objective(
            recipe, backbone=backbone, content=content, style=stats, strength=1
        )
        with FlopCounterMode(display=False) as counter:
            objective.evaluate(content)
        flops = counter.get_total_flops()
        product, operations = matrix_product(self.device, dtype)
        seconds, product_s = best_seconds_of_each(
            [lambda: objective.evaluate(content), product], self.device
        )
        limit = operations / product_s
        return Figure(
            name=f"arithmetic of one evaluation at {JOB_PX} px, as a share of matrix products",
            value=flops / seconds / limit,
            unit="",
            detail=f"{flops / 1e9:.0f} GFLOP in {seconds:.3f} s, {str(dtype).partition('.')[2]}; "
            f"matrices: {limit / 1e9:.0f} GFLOP/s",
            bar=0.85,
        )

    def _races(self) -> Iterator[Figure]:
        content = self._sized(self.pictures.content, RACE_PX)
        style = self._sized(self.pictures.style, RACE_PX)
        article = self._article()
        exact = self.station.backbone(article, torch.float32)
        track = Track.laid(article, exact, content=content, style=style)
        # As long as it takes: how many steps a picture is given is not what is raced for.
        house = load_recipe(HOUSE_RECIPE, {"steps": LBFGS_EVALUATIONS})
        ours = with_our_settings(article, house)
        fast = self.station.backbone(ours, self._fast_dtype())
        track.race(ours.model_copy(update={"steps": 2}), fast, target=0)  # to warm up
        yield self._against_article(track, article, exact, ours, fast)
        yield self._against_lbfgs(track, ours, fast)

    def _article(self) -> Recipe:
        return load_recipe(
            "clone-adam", {"backbone": "vgg16", "canvas": None, "steps": ARTICLE_STEPS}
        )

    def _against_article(
        self, track: Track, article: Recipe, exact: Backbone, ours: Recipe, fast: Backbone
    ) -> Figure:
        self.say(f"clone-adam: {ARTICLE_STEPS} steps at {RACE_PX} px")
        target = track.final(article, exact)
        normalized = PARAMETRISATIONS["normalized"].variable
        network = ModifiedVgg("vgg16", self.station.weights("vgg16").state).to(self.device)
        loop = ArticleLoop(
            network, content=normalized(track.content), style=normalized(track.style)
        )
        per_step = loop.seconds_per_step(ARTICLE_TIMED_STEPS)
        reached = track.race(ours, fast, target=target)
        theirs = ARTICLE_STEPS * per_step
        return Figure(
            name=f"times sooner at the delivered loss of clone-adam's {ARTICLE_STEPS} steps",
            value=theirs / reached.seconds if reached.loss <= target else 0.0,
            unit="×",
            detail=f"loss {target:.3g}: the article's loop {theirs:.0f} s ({per_step:.2f} s a "
            f"step), ours {reached.seconds:.2f} s ({reached.evaluations} evaluations)",
            bar=200,
        )

    def _against_lbfgs(self, track: Track, ours: Recipe, fast: Backbone) -> Figure:
        self.say(f"L-BFGS on clipped pixels: {LBFGS_EVALUATIONS} evaluations")
        clipped = track.clipped_lbfgs(LBFGS_EVALUATIONS)
        self.say("ours, to the same loss")
        reached = track.race(ours, fast, target=clipped.loss)
        return Figure(
            name=f"times sooner at the delivered loss of L-BFGS on clipped pixels, "
            f"{LBFGS_EVALUATIONS} evaluations in fp32",
            value=clipped.seconds / reached.seconds if reached.loss <= clipped.loss else 0.0,
            unit="×",
            detail=f"loss {clipped.loss:.3g}: L-BFGS {clipped.seconds:.0f} s, ours "
            f"{reached.seconds:.2f} s ({reached.evaluations} evaluations, {reached.loss:.3g})",
            bar=10,
        )

    def _job(self) -> Iterator[Figure]:
        self.say(f"a second job of a style at {JOB_PX} px, from file to file")
        job = in_own_process(warm_job, str(self.device), self.pictures, JOB_PX)
        outside = job.total_s - job.facts.seconds_optimise
        yield Figure(
            name=f"pictures of {JOB_PX} px a day",
            value=SECONDS_OF_A_DAY / job.total_s,
            unit="",
            detail=f"{job.total_s:.1f} s each, one after another on this device, the style known",
        )
        yield Figure(
            name=f"share of a warm {JOB_PX} px job outside the optimisation",
            value=outside / job.total_s,
            unit="",
            detail=f"{outside:.2f} s of {job.total_s:.1f} s: load {job.facts.seconds_load:.2f}, "
            f"style {job.facts.seconds_style:.2f}, publish {job.publish_s:.2f} s, the rest "
            f"encoding, plot and delivered loss; {job.facts.evaluations} evaluations",
            bar=0.05,
            sense="at_most",
        )
        yield Figure(
            name="looks at the style in its second job",
            value=job.style_passes,
            unit="",
            detail=f"the cache said {job.facts.style_cache}",
            bar=0,
            sense="at_most",
        )

    def _memory(self) -> Figure:
        self.say(f"memory at {MEMORY_PX} px")
        history = load_recipe(HOUSE_RECIPE).optimizer
        steps = getattr(history, "history", 0) + 3
        per_pixel = in_own_process(
            peak_bytes_per_pixel, str(self.device), self.pictures, MEMORY_PX, steps
        )
        return Figure(
            name="peak memory of a worker per megapixel of picture",
            value=per_pixel * 1e6 / 2**20,
            unit="MiB",
            detail=f"at {MEMORY_PX} px, above what a 64 px picture takes; {steps} evaluations, the "
            "optimiser's memory full",
        )
