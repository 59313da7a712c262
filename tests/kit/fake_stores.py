"""The ledger, the index and the applier in memory. They write into the world's journal."""

from collections.abc import Sequence

from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import Effect, PurgeUrl, PutObject, Write
from tests.kit.fake_broker import Journal

# When every job of the fakes was submitted, and the moment from which the index counts a letter's age.
SUBMITTED_AT = 1_700_000_000_000


class FakeLedger:
    """The ledger's rule in memory: nothing replaces ``done``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.entries: dict[tuple[str, str], LedgerEntry] = {}

    async def record_job(self, entry: LedgerEntry) -> None:
        self._journal.take("ledger", entry.outcome)
        known = self.entries.get((entry.job_id, entry.queue))
        if known is None or known.outcome != "done":
            self.entries[entry.job_id, entry.queue] = entry

    async def find_job(self, job_id: str, queue: str) -> LedgerEntry | None:
        self._journal.take("find")
        return self.entries.get((job_id, queue))


class FakeIndex:
    """The index of dead letters in memory."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.letters: dict[tuple[str, str], DeadLetter] = {}

    async def index_dead_letter(self, letter: DeadLetter) -> None:
        self._journal.take("index", letter.reason.code)
        self.letters[letter.queue, letter.letter_id] = letter

    async def find_dead_letters(self, wanted: DeadLetterFilter, *, limit: int | None = None) -> Sequence[DeadLetter]:
        found = [letter for letter in self.letters.values() if wanted.matches(letter, SUBMITTED_AT)]
        return found[:limit]

    async def forget_dead_letter(self, queue: str, letter_id: str) -> None:
        self._journal.take("forget", queue)
        self.letters.pop((queue, letter_id), None)


class FakeApplier:
    """Remembers every write and effect that was carried out."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.writes: list[Write] = []
        self.effects: list[Effect] = []

    async def write(self, write: Write) -> None:
        self._journal.take("write", write.key if isinstance(write, PutObject) else write.section)
        self.writes.append(write)

    async def effect(self, effect: Effect) -> None:
        self._journal.take("effect", effect.url if isinstance(effect, PurgeUrl) else effect.event)
        self.effects.append(effect)
