//! The location of a passage in the original: its page, slide, rows or time, and its headings.
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The separator between headings of a displayed path.
pub const HEADING_SEPARATOR: &str = " › ";

/// The location of a passage, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The headings above the passage, the outermost first.
    pub headings: Vec<String>,
    /// The location in the original. Absent if the format has none.
    pub locator: Option<Locator>,
}

impl Provenance {
    /// Returns the additional text indexed with a passage: the document's title and those headings
    /// that the passage does not contain.
    pub fn title_and_headings<'a>(&self, title: &'a str, passage: &str) -> Cow<'a, str> {
        let above = self.headings.iter().filter(|heading| !passage.contains(heading.as_str()));
        let above: Vec<_> = above.map(String::as_str).collect();
        match above.is_empty() {
            true => Cow::Borrowed(title),
            false => Cow::Owned(format!("{title}\n{}", above.join("\n"))),
        }
    }
}

/// The part of the original that a passage covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locator {
    /// What the numbers count.
    pub unit: LocatorUnit,
    /// The first unit covered. Pages, slides and rows count from 1, seconds from 0.
    pub first: u32,
    /// The last unit covered, at least `first`.
    pub last: u32,
}

/// The unit of a locator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocatorUnit {
    /// Pages of a document, from 1.
    Page,
    /// Slides of a presentation, from 1.
    Slide,
    /// Rows of a sheet or a CSV file, numbered as in a spreadsheet program.
    Row,
    /// Seconds from the start of a recording.
    Second,
}

crate::text_enum!(LocatorUnit { Page = "page", Slide = "slide", Row = "row", Second = "second" });

impl Locator {
    /// Creates a locator from `first` to the larger of `first` and `last`.
    pub fn new(unit: LocatorUnit, first: u32, last: u32) -> Self {
        Self { unit, first, last: last.max(first) }
    }

    /// Formats a number of this locator's unit: seconds as `00:01:02`, others as they are.
    pub fn number(self, number: u32) -> String {
        match self.unit {
            LocatorUnit::Second => {
                let (hours, minutes, seconds) = (number / 3600, number / 60 % 60, number % 60);
                format!("{hours:02}:{minutes:02}:{seconds:02}")
            }
            _ => number.to_string(),
        }
    }
}

/// Formats the stored form, such as `page 3 4`.
impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.unit.as_str(), self.first, self.last)
    }
}

/// The error for text that is not a stored locator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotALocator;

impl FromStr for Locator {
    type Err = NotALocator;

    fn from_str(text: &str) -> Result<Self, NotALocator> {
        let mut parts = text.split(' ');
        let mut next = || parts.next().ok_or(NotALocator);
        let (unit, first, last) = (next()?, next()?, next()?);
        let number = |text: &str| text.parse().map_err(|_| NotALocator);
        Ok(Self::new(LocatorUnit::parse(unit).ok_or(NotALocator)?, number(first)?, number(last)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locator_survives_a_round_trip() {
        for unit in LocatorUnit::ALL {
            let locator = Locator::new(unit, 3, 75);
            assert_eq!(locator.to_string().parse(), Ok(locator));
        }
        for wrong in ["", "page", "page 3", "page x 3", "leaf 3 4"] {
            assert_eq!(wrong.parse::<Locator>(), Err(NotALocator), "{wrong}");
        }
    }

    #[test]
    fn times_are_formatted_as_hours_minutes_and_seconds() {
        assert_eq!(Locator::new(LocatorUnit::Second, 62, 62).number(3700), "01:01:40");
        assert_eq!(Locator::new(LocatorUnit::Page, 3, 3).number(3), "3");
    }

    #[test]
    fn headings_in_the_passage_are_not_repeated() {
        let at = Provenance { headings: vec!["Travel".into(), "Hotels".into()], locator: None };
        assert_eq!(at.title_and_headings("Book", "Hotels are paid."), "Book\nTravel");
        assert_eq!(Provenance::default().title_and_headings("Book", ""), "Book");
    }
}
