//! Where in the log of exchanges a page begins, and which ids a time has: by blocks of ids that
//! triggers count, so that nobody else has to count rows.
use std::ops::Range;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::connection::{AnyBackend, AnyConnection};
use crate::schema::{chat_blocks, chats};

/// A part of the time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    /// Not before.
    pub(crate) from: Option<NaiveDateTime>,
    /// Before.
    pub(crate) to: Option<NaiveDateTime>,
}

/// Blocks of one size: as the migrations have them.
#[derive(Clone, Copy)]
struct Level {
    number: i16,
    ids: i64,
}

const FINE: Level = Level { number: 1, ids: 64 };
const COARSE: Level = Level { number: 2, ids: 4096 };

/// Blocks that are read at once; at least as many as there are fine ones in a coarse one.
const BLOCKS_AT_ONCE: i64 = 64;

#[derive(Queryable, Selectable)]
#[diesel(table_name = chat_blocks)]
struct Block {
    block: i64,
    chats: i64,
    first_at: NaiveDateTime,
    last_at: NaiveDateTime,
}

impl Span {
    pub(crate) fn is_all(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether every exchange of the block is of this time.
    fn covers(self, block: &Block) -> bool {
        self.from.is_none_or(|from| from <= block.first_at)
            && self.to.is_none_or(|to| block.last_at < to)
    }

    /// Blocks that may have exchanges of this time, among those within a range.
    fn blocks(
        self,
        level: Level,
        within: Range<i64>,
    ) -> chat_blocks::BoxedQuery<'static, AnyBackend> {
        let mut blocks = chat_blocks::table
            .filter(chat_blocks::level.eq(level.number))
            .filter(chat_blocks::block.ge(within.start))
            .filter(chat_blocks::block.lt(within.end))
            .into_boxed::<AnyBackend>();
        if let Some(from) = self.from {
            blocks = blocks.filter(chat_blocks::last_at.ge(from));
        }
        if let Some(to) = self.to {
            blocks = blocks.filter(chat_blocks::first_at.lt(to));
        }
        blocks
    }
}

/// The fine blocks that a coarse one is made of.
fn parts(coarse: i64) -> Range<i64> {
    let ratio = COARSE.ids / FINE.ids;
    coarse * ratio..(coarse + 1) * ratio
}

/// Ids among which all exchanges of a time are, and few others: `None` when there are none.
pub(crate) fn ids_of(conn: &mut AnyConnection, span: Span) -> QueryResult<Option<Range<i64>>> {
    let first = |conn: &mut AnyConnection, level: Level, within: Range<i64>| {
        let blocks = span.blocks(level, within).select(chat_blocks::block);
        blocks.order(chat_blocks::block).first::<i64>(conn).optional()
    };
    let last = |conn: &mut AnyConnection, level: Level, within: Range<i64>| {
        let blocks = span.blocks(level, within).select(chat_blocks::block);
        blocks.order(chat_blocks::block.desc()).first::<i64>(conn).optional()
    };
    let Some(low) = first(conn, COARSE, 0..i64::MAX)? else { return Ok(None) };
    let Some(high) = last(conn, COARSE, 0..i64::MAX)? else { return Ok(None) };
    let low = first(conn, FINE, parts(low))?.unwrap_or(parts(low).start);
    let high = last(conn, FINE, parts(high))?.unwrap_or(parts(high).end - 1);
    Ok(Some(low * FINE.ids..(high + 1) * FINE.ids))
}

/// A place in the log: `skip` exchanges of the time after the newest one below the id `below`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) below: i64,
    pub(crate) skip: u64,
}

/// The place that is `skip` exchanges of a time after the newest of them; `None` beyond the oldest.
/// At most a few blocks at the edges of the time are counted by their rows.
pub(crate) fn seek(conn: &mut AnyConnection, span: Span, skip: u64) -> QueryResult<Option<Place>> {
    let mut skip = skip;
    let mut coarse = Walk::new(COARSE, 0..i64::MAX);
    while let Some(block) = coarse.next(conn, span)? {
        if span.covers(&block) && pass(&mut skip, block.chats) {
            continue;
        }
        let mut fine = Walk::new(FINE, parts(block.block));
        while let Some(block) = fine.next(conn, span)? {
            let chats = match span.covers(&block) {
                true => block.chats,
                false => count(conn, span, block.block)?,
            };
            if !pass(&mut skip, chats) {
                return Ok(Some(Place { below: (block.block + 1) * FINE.ids, skip }));
            }
        }
    }
    Ok(None)
}

/// Says whether so many exchanges are all to be skipped, and skips them.
fn pass(skip: &mut u64, chats: i64) -> bool {
    let chats = u64::try_from(chats).unwrap_or(0);
    let passes = chats <= *skip;
    if passes {
        *skip -= chats;
    }
    passes
}

/// Exchanges of a time in one fine block.
fn count(conn: &mut AnyConnection, span: Span, block: i64) -> QueryResult<i64> {
    let mut rows = chats::table
        .filter(chats::id.ge(block * FINE.ids))
        .filter(chats::id.lt((block + 1) * FINE.ids))
        .into_boxed::<AnyBackend>();
    if let Some(from) = span.from {
        rows = rows.filter(chats::created_at.ge(from));
    }
    if let Some(to) = span.to {
        rows = rows.filter(chats::created_at.lt(to));
    }
    rows.count().get_result(conn)
}

/// Goes through blocks from the newest.
struct Walk {
    level: Level,
    within: Range<i64>,
    /// Newest last.
    read: Vec<Block>,
}

impl Walk {
    fn new(level: Level, within: Range<i64>) -> Self {
        Self { level, within, read: Vec::new() }
    }

    fn next(&mut self, conn: &mut AnyConnection, span: Span) -> QueryResult<Option<Block>> {
        if self.read.is_empty() && !self.within.is_empty() {
            self.read = span
                .blocks(self.level, self.within.clone())
                .select(Block::as_select())
                .order(chat_blocks::block.desc())
                .limit(BLOCKS_AT_ONCE)
                .load(conn)?;
            let was_last = (self.read.len() as i64) < BLOCKS_AT_ONCE;
            let oldest = self.read.last().map_or(self.within.start, |block| block.block);
            self.within.end = if was_last { self.within.start } else { oldest };
            self.read.reverse();
        }
        Ok(self.read.pop())
    }
}
