"""SqlCatalogue: which of two alt texts stands is decided in the database, in one statement."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Insert, Row, Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.domain.catalogue.model import AltText, Category, IdfSnapshot
from orchestrator.domain.outcome import SetAltText
from orchestrator.domain.relevance.idf import idf_snapshot_of
from orchestrator.stores.sql import statements
from orchestrator.stores.sql.checks import check_alt_text, check_category
from orchestrator.stores.sql.database import Database, all_rows, transaction
from orchestrator.stores.sql.schema import upgrade
from orchestrator.stores.sql.tables import alttags, categories, idf_snapshots

NO_SNAPSHOT = IdfSnapshot(version="none", documents=0, frequencies={})

_ROWS_A_STATEMENT = 200
_NAMES_A_CALL = 5000
_SNAPSHOT_TTL_S = 30.0


class SqlCatalogue:
    """Categories, alt texts and word frequencies, on ``mysql+aiomysql`` or a file of ``sqlite+aiosqlite``.

    Every method raises Unavailable when the database is away, and JobRefused for a value it can never take.
    ``timeout_s`` bounds every call, waiting for a connection included; ``ensure_schema`` has its own limit.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._database = Database(url, timeout_s=timeout_s)
        self._snapshot = NO_SNAPSHOT
        self._snapshot_checked = -_SNAPSHOT_TTL_S

    async def categories_of(self, business_id: str) -> tuple[Category, ...]:
        """The categories of a business, by id; none for a business that is not known."""
        columns = (categories.c.category_id, categories.c.name, categories.c.is_hot)
        wanted = select(*columns).where(categories.c.business_id == business_id).order_by(categories.c.category_id)
        rows = await self._rows(wanted)
        return tuple(Category(row.category_id, row.name, row.is_hot) for row in rows)

    async def put_categories(self, rows: Sequence[tuple[str, Category]]) -> None:
        """Write categories of any businesses down, each as (business id, category); the same one again is replaced.

        Many are written in parts: a failure may leave some of them written.
        """
        values = [_category_row(business_id, category) for business_id, category in rows]
        for part in _parts(values):
            await self._execute(statements.put_categories(self._database.dialect, part))

    async def replace_categories(self, business_id: str, wanted: Sequence[Category]) -> None:
        """Make these the categories of a business: all at once, and those not among them are gone."""
        values = [_category_row(business_id, category) for category in wanted]

        async def work(connection: AsyncConnection) -> None:
            async with transaction(connection):
                await connection.execute(delete(categories).where(categories.c.business_id == business_id))
                for part in _parts(values):
                    await connection.execute(statements.put_categories(self._database.dialect, part))

        await self._database.run(work)

    async def category_names(self) -> AsyncIterator[str]:
        """Every category name once, in order, read in parts that are each a call of its own."""
        last, more = None, True
        while more:
            page = select(categories.c.name).distinct().order_by(categories.c.name).limit(_NAMES_A_CALL)
            if last is not None:
                page = page.where(categories.c.name > last)
            names = [row.name for row in await self._rows(page)]
            for name in names:
                yield name
            last, more = names[-1] if names else None, len(names) == _NAMES_A_CALL

    async def take_idf_snapshot(self) -> IdfSnapshot:
        """Count words over all category names as they are now, and make that the snapshot in force."""
        names = [name async for name in self.category_names()]
        snapshot, frequencies = await asyncio.to_thread(_counted, names)
        row: dict[str, object] = {
            "version": snapshot.version,
            "documents": snapshot.documents,
            "frequencies": frequencies,
        }
        row["taken_at"] = time.time_ns() // 1_000_000
        await self._execute(statements.put_snapshot(self._database.dialect, row))
        self._remember(snapshot)
        return snapshot

    async def idf_snapshot(self) -> IdfSnapshot:
        """The snapshot in force; ``NO_SNAPSHOT`` when none was taken. One that another process takes is seen within
        30 s."""
        if time.monotonic() - self._snapshot_checked < _SNAPSHOT_TTL_S:
            return self._snapshot
        newest = idf_snapshots.c.taken_at.desc(), idf_snapshots.c.version.desc()
        version = await self._database.run(
            lambda found: found.scalar(select(idf_snapshots.c.version).order_by(*newest).limit(1))
        )
        if version is None:
            return NO_SNAPSHOT
        if version != self._snapshot.version:
            self._remember(await self._read_snapshot(version))
        else:
            self._remember(self._snapshot)
        return self._snapshot

    async def set_alt_text(self, write: SetAltText) -> bool:
        """Replace a model's alt text, unless what is stored is as new or newer, or a person's. True if written."""
        check_alt_text(write)
        return await self._put_alt_text(AltText(source="model", **asdict(write)))

    async def set_human_alt_text(self, business_id: str, image_id: str, alt_text: str, version: str) -> bool:
        """Replace a model's alt text, or a person's older one. True if written."""
        text = AltText(business_id, image_id, alt_text, "human", version)
        check_alt_text(text)
        return await self._put_alt_text(text)

    async def alt_texts_of(self, business_id: str) -> Mapping[str, AltText]:
        """The alt texts of the images of a business, by image id."""
        wanted = select(alttags).where(alttags.c.business_id == business_id).order_by(alttags.c.image_id)
        rows = await self._rows(wanted)
        return {row.image_id: AltText(**row._mapping) for row in rows}

    async def ensure_schema(self) -> None:
        """Bring the tables up to date; does nothing, and needs no right to, when they are.

        Several processes may do it at once. Raises ConfigurationError when the tables are newer than this release.
        """
        await upgrade(self._database, self._url, self._timeout_s)

    async def ping(self) -> None:
        """Return when the database answers."""
        await self._database.run(lambda connection: connection.scalar(select(1)))

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()

    async def _put_alt_text(self, text: AltText) -> bool:
        return await self._execute(statements.put_alt_text(self._database.dialect, asdict(text), text.source)) > 0

    async def _execute(self, statement: Insert) -> int:
        """How many rows it wrote."""
        return (await self._database.run(lambda connection: connection.execute(statement))).rowcount

    async def _rows(self, statement: Select[*tuple[Any, ...]]) -> list[Row[*tuple[Any, ...]]]:
        return await self._database.run(lambda connection: all_rows(connection, statement))

    async def _read_snapshot(self, version: str) -> IdfSnapshot:
        wanted = select(idf_snapshots).where(idf_snapshots.c.version == version)
        row = (await self._database.run(lambda connection: connection.execute(wanted))).one()
        return IdfSnapshot(version, row.documents, await asyncio.to_thread(json.loads, row.frequencies))

    def _remember(self, snapshot: IdfSnapshot) -> None:
        self._snapshot, self._snapshot_checked = snapshot, time.monotonic()


def _category_row(business_id: str, category: Category) -> dict[str, object]:
    check_category(business_id, category)
    return {"business_id": business_id, **asdict(category)}


def _parts(rows: Sequence[dict[str, object]]) -> list[Sequence[dict[str, object]]]:
    return [rows[start : start + _ROWS_A_STATEMENT] for start in range(0, len(rows), _ROWS_A_STATEMENT)]


def _counted(names: Sequence[str]) -> tuple[IdfSnapshot, str]:
    snapshot = idf_snapshot_of(names)
    return snapshot, json.dumps(dict(snapshot.frequencies), ensure_ascii=False)
