//! One page of a longer list.

/// Items of a list, with the length of the whole list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The number of items on all pages.
    pub total: u64,
    /// The items of this page. The last page can hold fewer.
    pub items: Vec<T>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { total: 0, items: Vec::new() }
    }
}
