//! Pages of lists. Cursors are opaque; there are no offsets, so nothing is skipped or shown twice.
//!
//! Every list answers with all of its cursors, also on an empty page: text where there may be more, `null` where the
//! list ends.

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Give this as `cursor` to get the next page. Always there; `null` on the last page, which may be empty.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` of these rows; where there is one more, `cursor` says after which the next page begins.
    pub fn of<E>(
        mut rows: Vec<T>,
        limit: usize,
        cursor: impl FnOnce(&T) -> Result<String, E>,
    ) -> Result<Self, E> {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor).transpose()?;
        Ok(Self { items: rows, next })
    }

    /// The same page with each item made into another.
    pub fn try_map<U, E>(self, item: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(item).collect::<Result<_, E>>()?;
        Ok(Page { items, next: self.next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_the_next_only_if_there_is_one() {
        let page = |rows: std::ops::Range<i32>| {
            Page::of(rows.collect(), 3, |last| Ok::<_, ()>(last.to_string())).unwrap()
        };
        assert_eq!(page(0..0), Page { items: vec![], next: None });
        assert_eq!(page(0..3), Page { items: vec![0, 1, 2], next: None });
        assert_eq!(page(0..4), Page { items: vec![0, 1, 2], next: Some("2".to_owned()) });
    }
}
