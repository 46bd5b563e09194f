"""L-BFGS with a strong Wolfe line search, as a machine that is told one evaluation at a time.

Nocedal & Wright 2006, algorithms 7.5, 3.5 and 3.6 (bracketing and zooming). Differences: the state
lies open between evaluations, so that a run can be saved inside a line search; the first step is
given as a change of the variable, so that it neither vanishes nor explodes with the scale of the
loss; sufficient decrease is asked for only up to the noise of the arithmetic (Hager & Zhang 2005,
approximate Wolfe), without which bf16 stalls; one packed read of the device an evaluation.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from nstd.engine.curvature import Curvature, dot
from nstd.engine.synchronization import Read

SUFFICIENT_DECREASE = 1e-4
CURVATURE = 0.9
TRIALS_PER_LINE = 8
LONGEST_EXTRAPOLATION = 10.0


@dataclass(frozen=True)
class Trial:
    """One evaluation along the line: step length, loss, slope, ‖g − g₀‖² and the gradient."""

    length: float
    loss: float
    slope: float
    change_squared: float
    gradient: Tensor


class Lbfgs:
    """See the module; `Optimizer` in `optimizers.py` has the contract."""

    def __init__(
        self, variable: Tensor, *, curvature: Curvature, first_step: float, noise: float, read: Read
    ) -> None:
        self._origin = variable
        self._first_step, self._noise, self._read = first_step, noise, read
        self._curvature = curvature
        self._start: Trial | None = None  # the evaluation at the line's origin
        self._direction = torch.zeros_like(variable)
        self._length = 0.0
        self._trials = 0
        self._low: Trial | None = None  # the previous trial while bracketing, the best in a zoom
        self._high: Trial | None = None  # set only in a zoom
        self._failures = 0

    @property
    def point(self) -> Tensor:
        if self._length == 0.0:
            return self._origin
        return self._origin + self._length * self._direction

    @property
    def best(self) -> Tensor:
        trial = self._low
        if trial is None or self._start is None or trial.loss >= self._start.loss:
            return self._origin
        return self._origin + trial.length * self._direction

    @property
    def stalled(self) -> bool:
        """True when even the steepest descent finds nothing lower."""
        return self._failures >= 2

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        if self._start is None:
            (known_loss,) = self._read(loss.reshape(1))
            self._start = Trial(0.0, known_loss, 0.0, 0.0, gradient)
            self._descend()
            return
        start = self._start
        change = gradient - start.gradient
        known = self._read(
            torch.stack(
                [
                    loss.double(),
                    dot(gradient, self._direction),
                    dot(change, change),
                    dot(start.gradient, self._direction),
                ]
            )
        )
        del change  # as large as a picture
        trial = Trial(self._length, known[0], known[1], known[2], gradient)
        self._start = Trial(0.0, start.loss, known[3], 0.0, start.gradient)
        if known[3] >= 0:
            self._restart()
        elif not all(map(math.isfinite, known)):
            self._trials += 1
            known_good = self._low.length if self._low is not None else 0.0
            self._length = known_good + (self._length - known_good) / 10
            self._give_up_or_go_on()
        else:
            self._search(self._start, trial)

    def _search(self, start: Trial, trial: Trial) -> None:
        self._trials += 1
        zooming = self._high is not None
        low = self._low or start
        allowed = (
            start.loss
            + SUFFICIENT_DECREASE * trial.length * start.slope
            + self._noise * abs(start.loss)
        )
        if trial.loss > allowed or (
            trial.loss >= low.loss + self._noise * abs(start.loss) and (zooming or self._trials > 1)
        ):
            self._low, self._high = low, trial
        elif abs(trial.slope) <= -CURVATURE * start.slope:
            self._accept(start, trial)
            return
        elif not zooming and trial.slope < 0:
            self._low = trial
            self._length = _extrapolate(low, trial)
            self._give_up_or_go_on()
            return
        elif not zooming or trial.slope * (_other(self._high, trial).length - low.length) >= 0:
            self._low, self._high = trial, low
        else:
            self._low = trial
        self._length = _interpolate(self._low, _other(self._high, trial))
        self._give_up_or_go_on()

    def _give_up_or_go_on(self) -> None:
        if self._trials < TRIALS_PER_LINE:
            return
        start, low = self._start, self._low
        if start is not None and low is not None and low.loss < start.loss:
            self._accept(start, low)
        else:
            self._restart()

    def _accept(self, start: Trial, trial: Trial) -> None:
        self._failures = 0
        product = trial.length * (trial.slope - start.slope)  # sᵀy
        curved = product > -1e-8 * trial.length * start.slope  # whatever the loss's scale
        step = trial.length * self._direction
        if curved:
            self._curvature.add(
                step,
                trial.gradient - start.gradient,
                product=product,
                change_squared=trial.change_squared,
            )
        self._origin = self._origin + step
        del step
        self._start = Trial(0.0, trial.loss, 0.0, 0.0, trial.gradient)
        if curved:
            self._new_line(self._curvature.direction(trial.gradient), 1.0)
        else:
            self._curvature.forget()
            self._descend()

    def _restart(self) -> None:
        """Forget the curvature and go downhill: a failed line says that it was wrong."""
        self._failures += 1
        self._curvature.forget()
        self._descend()

    def _descend(self) -> None:
        gradient = self._start.gradient if self._start is not None else self._direction
        (size,) = self._read((dot(gradient, gradient) / gradient.numel()).sqrt().reshape(1))
        shrink = 10.0**-self._failures
        self._new_line(-gradient, shrink * self._first_step / max(size, 1e-30))

    def _new_line(self, direction: Tensor, length: float) -> None:
        self._direction, self._length, self._trials = direction, length, 0
        self._low = self._high = None

    def state(self) -> dict[str, Tensor]:
        state = {
            "origin": self._origin,
            "direction": self._direction,
            "numbers": torch.tensor(
                [self._length, self._trials, self._failures], dtype=torch.float64
            ),
        }
        for name in ("start", "low", "high"):
            if (trial := getattr(self, f"_{name}")) is not None:
                state[f"{name}.gradient"] = trial.gradient
                state[f"{name}.numbers"] = torch.tensor(
                    [trial.length, trial.loss, trial.slope, trial.change_squared],
                    dtype=torch.float64,
                )
        return state | self._curvature.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        self._origin, self._direction = state["origin"], state["direction"]
        length, trials, failures = state["numbers"].tolist()
        self._length, self._trials, self._failures = length, int(trials), int(failures)
        self._curvature.restore(state)
        self._start, self._low, self._high = (
            _saved_trial(state, name) for name in ("start", "low", "high")
        )


def _saved_trial(state: dict[str, Tensor], name: str) -> Trial | None:
    if f"{name}.numbers" not in state:
        return None
    length, loss, slope, change_squared = state[f"{name}.numbers"].tolist()
    return Trial(length, loss, slope, change_squared, state[f"{name}.gradient"])


def _other(trial: Trial | None, fallback: Trial) -> Trial:
    return trial if trial is not None else fallback


def _extrapolate(before: Trial, now: Trial) -> float:
    """Choose a longer step from the cubic through two trials, at most ten times as long."""
    wanted = _cubic_minimum(before, now)
    shortest = now.length + 0.1 * (now.length - before.length)
    longest = now.length * LONGEST_EXTRAPOLATION
    return min(max(wanted if wanted is not None else longest, shortest), longest)


def _interpolate(low: Trial, high: Trial) -> float:
    """Choose a step between two trials, never within a tenth of either end."""
    left, right = sorted((low.length, high.length))
    wanted = _cubic_minimum(low, high)
    margin = 0.1 * (right - left)
    if wanted is None:
        return (left + right) / 2
    return min(max(wanted, left + margin), right - margin)


def _cubic_minimum(a: Trial, b: Trial) -> float | None:
    """Return where the cubic with the trials' losses and slopes is lowest (eq. 3.59)."""
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.length - b.length)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return None
    d2 = math.copysign(math.sqrt(square), b.length - a.length)
    bottom = b.slope - a.slope + 2 * d2
    if bottom == 0:
        return None
    return b.length - (b.length - a.length) * (b.slope + d2 - d1) / bottom
