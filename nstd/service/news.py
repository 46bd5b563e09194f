"""What an operator is told, in words and as data."""

from collections.abc import Sequence
from dataclasses import dataclass

from nstd.spool.jobs import Fault, Job

MOST_LISTED = 20
LONGEST_TEXT = 8000


@dataclass(frozen=True)
class News:
    """One thing that happened; `when_s` is of the wall clock, `job` a job's id."""

    event: str
    subject: str
    text: str
    when_s: float
    job: str | None = None
    resource: str | None = None

    @classmethod
    def of_job(cls, job: Job) -> "News":
        """A job has failed."""
        text = job.reason or "No reason is known."
        return cls("job failed", f"{job.title} failed", text, job.ended_s or 0.0, job=job.id)

    @classmethod
    def of_fault(cls, fault: Fault) -> "News":
        """A resource is out of order; jobs wait."""
        name = fault.resource
        return cls("resource failed", f"{name} fails", fault.sentence, fault.since_s, resource=name)

    @classmethod
    def of_recovery(cls, fault: Fault) -> "News":
        """A resource that was out of order works again."""
        name, text = fault.resource, f"It was: {fault.sentence}"
        return cls("resource works", f"{name} works again", text, fault.since_s, resource=name)


@dataclass(frozen=True)
class Message:
    """One call: the words for people, and what they say as data."""

    event: str
    subject: str
    text: str
    news: tuple[News, ...]

    @property
    def words(self) -> dict[str, str]:
        """The message for a person."""
        return {"event": self.event, "subject": self.subject, "text": self.text}

    @property
    def facts(self) -> dict[str, object]:
        """The message for a program."""
        return {**self.words, "news": [vars(item) for item in self.news]}


def message_of(news: Sequence[News]) -> Message:
    """Put one thing or many into one message; a long list is cut."""
    if len(news) == 1:
        (item,) = news
        return Message(item.event, _line(f"nstd: {item.subject}"), _text(item.text), (item,))
    jobs = sum(item.job is not None for item in news)
    others = len(news) - jobs
    counted = [f"{jobs} jobs failed"] if jobs else []
    counted += [f"{others} notices of resources"] if others else []
    listed = [f"{item.subject}: {item.text}" for item in news[:MOST_LISTED]]
    if len(news) > MOST_LISTED:
        listed.append(f"… and {len(news) - MOST_LISTED} more: see 'nstd status'.")
    text = "\n\n".join(_text(entry) for entry in listed)
    return Message("summary", f"nstd: {', '.join(counted)}", _text(text), tuple(news))


def _line(text: str) -> str:
    """Names come from strangers: nothing of them may end a header."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _text(text: str) -> str:
    return "\n".join(_line(line) for line in text.splitlines())[:LONGEST_TEXT]
