//! Compounds: in some languages words are joined to a new one without a space. A question about a
//! *Kündigungsfrist* is answered by a passage about a *Frist*, and one about a *Wohnung* by a *Mietwohnung*.

/// Letters of the shortest part. Shorter ones begin and end words by chance.
const SHORTEST: usize = 5;
/// Letters that are left of the whole at least, before the part and behind it.
const BEFORE: usize = 4;
const BEHIND: usize = 6;

/// Whether a word is joined of another and something else: it ends with it, or begins with its stem. Of
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
