//! Compound words, which some languages write without spaces. A question about a *Kündigungsfrist*
//! matches a passage about a *Frist*, and one about a *Wohnung* matches a *Mietwohnung*.

/// The minimum length of a part, in letters. Shorter ones begin and end words by chance.
const SHORTEST: usize = 5;
/// The minimum number of letters of the whole before and after the part.
const BEFORE: usize = 4;
const BEHIND: usize = 6;

/// Returns whether `whole` is a compound that ends with `part` or begins with its stem. Expects
/// words without accents.
pub(super) fn is_joined_of(whole: &str, part: &str, stem: &str) -> bool {
    let rest =
        |rest: Option<&str>, least: usize| rest.is_some_and(|rest| rest.chars().count() >= least);
    stem.chars().count() >= SHORTEST
        && (rest(whole.strip_suffix(part), BEFORE) || rest(whole.strip_prefix(stem), BEHIND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_ends_with_its_part_or_begins_with_its_stem() {
        for (whole, part, stem, expected) in [
            ("kundigungsfrist", "frist", "frist", true),
            ("kundigungsfrist", "kundigung", "kundig", true),
            ("mietwohnung", "wohnung", "wohnung", true),
            ("frist", "frist", "frist", false),
            ("befristet", "frist", "frist", false),
            ("fristen", "frist", "frist", false),
            ("handbuch", "buch", "buch", false),
            ("unfrist", "frist", "frist", false),
        ] {
            assert_eq!(is_joined_of(whole, part, stem), expected, "{whole} {part}");
        }
    }
}
