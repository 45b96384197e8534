//! Converts TeX formulas to MathML on the server.
use math_core::{LatexToMathML, MathDisplay};

/// Longest formula in bytes, deepest nesting, and most formulas per text.
const LONGEST: usize = 2_000;
const DEPTH: usize = 40;
const MOST: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    Inline,
    Block,
}

pub enum Outcome {
    MathMl(String),
    /// Not a formula, such as two prices with dollar signs.
    Money,
    /// Unreadable; shown as written.
    Unreadable,
}

/// Converts the `count`-th formula of a text.
pub fn to_mathml(formula: &str, display: Display, count: usize) -> Outcome {
    if display == Display::Inline && !looks_like_math(formula) {
        return Outcome::Money;
    }
    if formula.len() > LONGEST || count > MOST || depth(formula) > DEPTH {
        return Outcome::Unreadable;
    }
    let display = match display {
        Display::Inline => MathDisplay::Inline,
        Display::Block => MathDisplay::Block,
    };
    match LatexToMathML::default().convert_with_local_state(formula.trim(), display) {
        Ok(made) if is_plain(&made.mathml) => Outcome::MathMl(made.mathml),
        _ => Outcome::Unreadable,
    }
}

/// True if the text between two dollar signs may be a formula: a single letter, a number, or
/// anything with an operator.
fn looks_like_math(text: &str) -> bool {
    let is_atom = text.chars().count() == 1 || text.bytes().all(|b| b.is_ascii_digit());
    is_atom
        || text.contains(['\\', '^', '_', '=', '+', '<', '>', '{', '/', '*', '|', '(', '!'])
        || (text.contains('-') && text.len() > 2 && !text.ends_with('-'))
        || (text.len() <= 3 && text.chars().all(char::is_alphabetic))
}

fn depth(formula: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in formula.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// True if the converted formula is only MathML, without links, handlers and inline styles.
fn is_plain(made: &str) -> bool {
    made.starts_with("<math")
        && made.split('<').skip(1).all(|tag| {
            let name = tag.trim_start_matches('/');
            name.starts_with('m') || name.starts_with("semantics") || name.starts_with("annotation")
        })
        && ![" href=", " style=", " on", " src=", " xlink:"].iter().any(|bad| made.contains(bad))
}

/// Replaces `\(…\)` and `\[…\]`, which Markdown would treat as escaped brackets, by dollar signs.
/// Code is not changed.
pub fn with_dollars(text: &str) -> String {
    if !text.contains("\\(") && !text.contains("\\[") {
        return text.to_owned();
    }
    let mut made = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    let mut rest = text;
    let mut at_start = true;
    while !rest.is_empty() {
        let line_start = rest.trim_start_matches(' ');
        if at_start
            && let Some(mark) = ["```", "~~~"].into_iter().find(|m| line_start.starts_with(m))
        {
            match fence {
                None => fence = Some(mark),
                Some(open) if open == mark => fence = None,
                Some(_) => {}
            }
            rest = copy_line(rest, &mut made);
            continue;
        }
        if fence.is_some() {
            rest = copy_line(rest, &mut made);
            continue;
        }
        rest = copy_piece(rest, &mut made);
        at_start = made.ends_with('\n');
    }
    made
}

fn copy_line<'a>(rest: &'a str, made: &mut String) -> &'a str {
    let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
    made.push_str(&rest[..end]);
    &rest[end..]
}

/// Copies a code span, a formula in dollar signs, or one character.
fn copy_piece<'a>(rest: &'a str, made: &mut String) -> &'a str {
    let ticks = rest.len() - rest.trim_start_matches('`').len();
    if ticks > 0 {
        let close = "`".repeat(ticks);
        let end = rest[ticks..].find(&close).map_or(ticks, |at| at + 2 * ticks);
        made.push_str(&rest[..end]);
        return &rest[end..];
    }
    for (open, close, dollars) in [("\\(", "\\)", "$"), ("\\[", "\\]", "$$")] {
        let Some(inner) = rest.strip_prefix(open) else { continue };
        let Some(end) = inner.find(close) else { break };
        let formula = &inner[..end];
        if formula.len() > LONGEST || formula.contains("\n\n") || formula.contains('$') {
            break;
        }
        made.push_str(dollars);
        made.push_str(formula.trim());
        made.push_str(dollars);
        return &inner[end + close.len()..];
    }
    let length = rest.chars().next().map_or(0, char::len_utf8);
    made.push_str(&rest[..length]);
    &rest[length..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tex_brackets_become_dollar_signs_outside_code() {
        assert_eq!(with_dollars(r"so \(x^2\) and \[ y \]"), "so $x^2$ and $$y$$");
        for text in [r"`\(x\)`", "```\n\\(x\\)\n```\n", r"\(x", r"a \\ b"] {
            assert_eq!(with_dollars(text), text);
        }
    }

    #[test]
    fn prices_are_not_formulas() {
        for text in ["5–", "5 and ", "10 or "] {
            assert!(!looks_like_math(text), "{text}");
        }
        for text in ["x", "x^2", "a+b", r"\alpha", "10", "n - 1", "f(x)"] {
            assert!(looks_like_math(text), "{text}");
        }
    }

    #[test]
    fn formulas_become_mathml_or_stay_unchanged() {
        let made = |text: &str| match to_mathml(text, Display::Inline, 1) {
            Outcome::MathMl(made) => made,
            _ => String::new(),
        };
        assert!(made(r"\frac{1}{2}").contains("<mfrac>"));
        for bad in
            [r"\frac{1", &"{".repeat(100), r"\href{javascript:alert(1)}{x}", r"\text{<script>}"]
        {
            let made = made(bad);
            assert!(!made.contains("<script") && !made.contains("href"), "{bad}: {made}");
        }
    }
}
