//! Finds the start of a page in the chat log and the range of ids of a period. Triggers keep the
//! number of exchanges per block of ids, so that queries need not count rows.
use std::ops::Range;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::schema::{chat_blocks, chats};
use crate::database::timestamp::StoredTimestamp;

/// A period of time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    /// Inclusive.
    pub(crate) from: Option<NaiveDateTime>,
    /// Exclusive.
    pub(crate) to: Option<NaiveDateTime>,
}

/// Blocks of one size, as defined by the migrations.
#[derive(Clone, Copy)]
struct Level {
    number: i16,
    ids: i64,
}

const FINE: Level = Level { number: 1, ids: 16 };
const MIDDLE: Level = Level { number: 2, ids: 256 };
const COARSE: Level = Level { number: 3, ids: 4096 };

impl Level {
    /// Returns the blocks of the smaller level that make up one block of this level.
    fn parts(self, block: i64, smaller: Self) -> Range<i64> {
        let ratio = self.ids / smaller.ids;
        block * ratio..(block + 1) * ratio
    }
}

/// A block with exchanges of a period.
struct Block {
    block: i64,
    chats: i64,
    /// Whether all its exchanges belong to the period.
    is_covered: bool,
}

impl Span {
    pub(crate) fn is_all(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Returns whether the period contains both times.
    fn covers(self, first: NaiveDateTime, last: NaiveDateTime) -> bool {
        self.from.is_none_or(|from| from <= first) && self.to.is_none_or(|to| last < to)
    }

    /// Selects the blocks within a range that may have exchanges of this period.
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

/// Returns a range of ids that contains all exchanges of a period and few others, or `None` if
/// there are no exchanges.
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
    let (lowest, highest) = (COARSE.parts(low, MIDDLE), COARSE.parts(high, MIDDLE));
    let low = first(conn, MIDDLE, lowest.clone())?.unwrap_or(lowest.start);
    let high = last(conn, MIDDLE, highest.clone())?.unwrap_or(highest.end - 1);
    Ok(Some(low * MIDDLE.ids..(high + 1) * MIDDLE.ids))
}

/// A position in the log: `skip` exchanges of the period after the newest one with an id less than
/// `below`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) below: i64,
    pub(crate) skip: u64,
}

/// Returns the position `skip` exchanges after the newest one of a period, or `None` if it is
/// beyond the oldest. Only the few blocks at the edges of the period have their rows counted.
pub(crate) fn locate(
    conn: &mut AnyConnection,
    span: Span,
    skip: u64,
) -> QueryResult<Option<Place>> {
    let mut skip = skip;
    descend(conn, span, &[COARSE, MIDDLE, FINE], 0..i64::MAX, &mut skip)
}

/// Searches the blocks of the first level and then the parts of one block.
fn descend(
    conn: &mut AnyConnection,
    span: Span,
    levels: &[Level],
    within: Range<i64>,
    skip: &mut u64,
) -> QueryResult<Option<Place>> {
    let [level, finer @ ..] = levels else { return Ok(None) };
    let mut walk = Walk::new(*level, within);
    while let Some(Block { block, chats, is_covered }) = walk.next(conn, span)? {
        let chats = match finer {
            _ if is_covered => Some(chats),
            [] => Some(count(conn, span, block)?),
            _ => None,
        };
        if chats.is_some_and(|chats| pass(skip, chats)) {
            continue;
        }
        let Some(next) = finer.first() else {
            return Ok(Some(Place { below: (block + 1) * level.ids, skip: *skip }));
        };
        let place = descend(conn, span, finer, level.parts(block, *next), skip)?;
        if place.is_some() {
            return Ok(place);
        }
    }
    Ok(None)
}

/// Subtracts `chats` from `skip` and returns true if that many exchanges must still be skipped.
fn pass(skip: &mut u64, chats: i64) -> bool {
    let chats = u64::try_from(chats).unwrap_or(0);
    let passes = chats <= *skip;
    if passes {
        *skip -= chats;
    }
    passes
}

/// Counts the exchanges of a period in one fine block.
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

/// Iterates over blocks, newest first.
struct Walk {
    level: Level,
    within: Range<i64>,
    /// In reverse: the newest block is last.
    read: Vec<Block>,
    /// The size of the next batch. It doubles each time, because most walks are short.
    at_once: i64,
}

impl Walk {
    fn new(level: Level, within: Range<i64>) -> Self {
        Self { level, within, read: Vec::new(), at_once: 32 }
    }

    fn next(&mut self, conn: &mut AnyConnection, span: Span) -> QueryResult<Option<Block>> {
        if self.read.is_empty() && !self.within.is_empty() {
            self.read = newest(conn, span, self.level, self.within.clone(), self.at_once)?;
            let was_last = (self.read.len() as i64) < self.at_once;
            self.at_once = (self.at_once * 2).min(1024);
            let oldest = self.read.last().map_or(self.within.start, |block| block.block);
            self.within.end = if was_last { self.within.start } else { oldest };
            self.read.reverse();
        }
        Ok(self.read.pop())
    }
}

/// Loads the newest blocks of a range, newest first.
fn newest(
    conn: &mut AnyConnection,
    span: Span,
    level: Level,
    within: Range<i64>,
    limit: i64,
) -> QueryResult<Vec<Block>> {
    if span.is_all() {
        // The log is usually read without a filter by time, and this query is the cheapest.
        let blocks: Vec<(i64, i64)> = chat_blocks::table
            .filter(chat_blocks::level.eq(level.number))
            .filter(chat_blocks::block.ge(within.start))
            .filter(chat_blocks::block.lt(within.end))
            .order(chat_blocks::block.desc())
            .limit(limit)
            .select((chat_blocks::block, chat_blocks::chats))
            .load(conn)?;
        let blocks = blocks.into_iter();
        return Ok(blocks.map(|(block, chats)| Block { block, chats, is_covered: true }).collect());
    }
    let blocks: Vec<(i64, i64, StoredTimestamp, StoredTimestamp)> = span
        .blocks(level, within)
        .select((
            chat_blocks::block,
            chat_blocks::chats,
            chat_blocks::first_at,
            chat_blocks::last_at,
        ))
        .order(chat_blocks::block.desc())
        .limit(limit)
        .load(conn)?;
    let blocks = blocks.into_iter().map(|(block, chats, first, last)| Block {
        block,
        chats,
        is_covered: span.covers(first.into(), last.into()),
    });
    Ok(blocks.collect())
}
