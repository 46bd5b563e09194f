"""The record of a published job: what was made of what, how, and the hash of every file."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nstd.orders import Order, ProofPictureFacts, RunFacts
from nstd.spool.jobs import Job, PlannedFile


@dataclass(frozen=True)
class StageSeconds:
    """How long a job was in each stage, in seconds."""

    queued: float
    load: float
    style: float
    optimise: float
    publish: float


def stage_seconds(job: Job, facts: RunFacts, *, publish: float) -> StageSeconds:
    """Return how long a job waited, each part of its run took, and to `publish` its files."""
    queued = (job.started_s or job.accepted_s) - job.accepted_s
    return StageSeconds(
        queued, facts.seconds_load, facts.seconds_style, facts.seconds_optimise, publish
    )


def record_json(
    job: Job,
    facts: RunFacts,
    files: Sequence[PlannedFile],
    *,
    published_s: float,
    seconds_publish: float,
) -> bytes:
    """Return the record as JSON; its presence in the outbox is the commit.

    Args:
        published_s: when, in seconds of the wall clock.
        seconds_publish: how long the other files took to publish.
    """
    order: Order = job.order
    record = {
        "job": job.id,
        "content": {"name": job.title, "sha256": job.content_sha256},
        "styles": [style.model_dump() for style in order.styles],
        "order": order.model_dump(exclude={"styles", "recipe"}),
        "recipe": order.recipe.model_dump(),
        "backbone": {"name": order.recipe.backbone, "sha256": facts.weights_sha256},
        "device": facts.device,
        "helped_by": list(facts.helped_by),
        "precision": facts.precision,
        "width": facts.width,
        "height": facts.height,
        "evaluations": facts.evaluations,
        "stalled_levels": facts.stalled_levels,
        "resumed_from_step": facts.resumed_from_step,
        "style_cache": facts.style_cache,
        "peak_memory_bytes": facts.peak_memory_bytes,
        "reduced_memory": facts.reduced_memory,
        "attempts": job.attempts + 1,
        "seconds": {
            stage: round(seconds, 3)
            for stage, seconds in asdict(stage_seconds(job, facts, publish=seconds_publish)).items()
        },
        "losses": {
            "start": facts.losses_start,
            "end": facts.losses_end,
            "delivered": facts.losses_delivered,
        },
        "proof": [_proof_picture(picture) for picture in facts.proof],
        "accepted_s": job.accepted_s,
        "published_s": published_s,
        "files": [
            {"name": f"{job.output_stem}{file.suffix}", "sha256": file.sha256, "size": file.size}
            for file in files
        ],
        "versions": facts.versions,
    }
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def _proof_picture(facts: ProofPictureFacts) -> dict[str, object]:
    fields = asdict(facts)
    seconds = {name: round(fields.pop(f"seconds_{name}"), 3) for name in ("style", "optimise")}
    losses = {name: fields.pop(f"losses_{name}") for name in ("start", "end")}
    return {**fields, "seconds": seconds, "losses": losses}


def facts_json(facts: RunFacts) -> str:
    """Write the worker's facts for the journal."""
    return json.dumps(asdict(facts))


def facts_from_json(text: str) -> RunFacts:
    """Read back what `facts_json` wrote."""
    fields = json.loads(text)
    proof = tuple(ProofPictureFacts(**picture) for picture in fields.pop("proof", ()))
    helped_by = tuple(fields.pop("helped_by", ()))
    return RunFacts(**fields, proof=proof, helped_by=helped_by)
