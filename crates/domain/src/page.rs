//! A page of a longer list.

/// Some items of a list, and how many the whole list has.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The number of items on all pages together.
    pub total: u64,
    /// As many as were asked for, or fewer at the end.
    pub items: Vec<T>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { total: 0, items: Vec::new() }
    }
}
