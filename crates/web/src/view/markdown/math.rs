//! Converts TeX formulas to MathML on the server.
use math_core::{LatexToMathML, MathDisplay};

/// Maximum length of a formula in bytes, nesting depth, and number of formulas per text.
const MAX_LENGTH: usize = 2_000;
const MAX_DEPTH: usize = 40;
const MAX_FORMULAS: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    Inline,
    Block,
}

pub enum Conversion {
    MathMl(String),
    /// Not a formula, such as two prices with dollar signs.
    NotMath,
    /// Not valid TeX; displayed as source.
    Invalid,
}

/// Converts the `count`-th formula of a text.
pub fn to_mathml(formula: &str, display: Display, count: usize) -> Conversion {
    if display == Display::Inline && !looks_like_math(formula) {
        return Conversion::NotMath;
    }
    if formula.len() > MAX_LENGTH || count > MAX_FORMULAS || depth(formula) > MAX_DEPTH {
        return Conversion::Invalid;
    }
    let display = match display {
        Display::Inline => MathDisplay::Inline,
        Display::Block => MathDisplay::Block,
    };
    match LatexToMathML::default().convert_with_local_state(formula.trim(), display) {
        Ok(result) if is_only_mathml(&result.mathml) => Conversion::MathMl(result.mathml),
        _ => Conversion::Invalid,
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
    let (mut depth, mut maximum) = (0_usize, 0);
    for byte in formula.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        maximum = maximum.max(depth);
    }
    maximum
}

/// True if the converted formula is only MathML, without links, handlers and inline styles.
fn is_only_mathml(mathml: &str) -> bool {
    mathml.starts_with("<math")
        && mathml.split('<').skip(1).all(|tag| {
            let name = tag.trim_start_matches('/');
            name.starts_with('m') || name.starts_with("semantics") || name.starts_with("annotation")
        })
        && ![" href=", " style=", " on", " src=", " xlink:"]
            .iter()
            .any(|attribute| mathml.contains(attribute))
}

/// Replaces `\(…\)` and `\[…\]`, which Markdown would treat as escaped brackets, by dollar signs.
/// Code is not changed.
pub fn to_dollar_signs(text: &str) -> String {
    if !text.contains("\\(") && !text.contains("\\[") {
        return text.to_owned();
    }
    let mut output = String::with_capacity(text.len());
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
                Some(open_fence) if open_fence == mark => fence = None,
                Some(_) => {}
            }
            rest = copy_line(rest, &mut output);
            continue;
        }
        if fence.is_some() {
            rest = copy_line(rest, &mut output);
            continue;
        }
        rest = copy_span(rest, &mut output);
        at_start = output.ends_with('\n');
    }
    output
}

fn copy_line<'a>(rest: &'a str, output: &mut String) -> &'a str {
    let end = rest.find('\n').map_or(rest.len(), |index| index + 1);
    output.push_str(&rest[..end]);
    &rest[end..]
}

/// Copies a code span, a formula in dollar signs, or one character.
fn copy_span<'a>(rest: &'a str, output: &mut String) -> &'a str {
    let backticks = rest.len() - rest.trim_start_matches('`').len();
    if backticks > 0 {
        let close = "`".repeat(backticks);
        let end = rest[backticks..].find(&close).map_or(backticks, |index| index + 2 * backticks);
        output.push_str(&rest[..end]);
        return &rest[end..];
    }
    for (open, close, dollars) in [("\\(", "\\)", "$"), ("\\[", "\\]", "$$")] {
        let Some(inner) = rest.strip_prefix(open) else { continue };
        let Some(end) = inner.find(close) else { break };
        let formula = &inner[..end];
        if formula.len() > MAX_LENGTH || formula.contains("\n\n") || formula.contains('$') {
            break;
        }
        output.push_str(dollars);
        output.push_str(formula.trim());
        output.push_str(dollars);
        return &inner[end + close.len()..];
    }
    let length = rest.chars().next().map_or(0, char::len_utf8);
    output.push_str(&rest[..length]);
    &rest[length..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tex_brackets_become_dollar_signs_outside_code() {
        assert_eq!(to_dollar_signs(r"so \(x^2\) and \[ y \]"), "so $x^2$ and $$y$$");
        for text in [r"`\(x\)`", "```\n\\(x\\)\n```\n", r"\(x", r"a \\ b"] {
            assert_eq!(to_dollar_signs(text), text);
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
        let mathml = |text: &str| match to_mathml(text, Display::Inline, 1) {
            Conversion::MathMl(mathml) => mathml,
            _ => String::new(),
        };
        assert!(mathml(r"\frac{1}{2}").contains("<mfrac>"));
        for formula in
            [r"\frac{1", &"{".repeat(100), r"\href{javascript:alert(1)}{x}", r"\text{<script>}"]
        {
            let html = mathml(formula);
            assert!(!html.contains("<script") && !html.contains("href"), "{formula}: {html}");
        }
    }
}
