//! Reads Word documents and PowerPoint presentations: packages of XML parts that refer to each
//! other.
mod chart;
mod diagram;
mod drawings;
mod fields;
mod numbering;
mod ordinals;
pub mod package;
mod slides;
mod styles;
mod symbols;
mod word;
mod word_body;

pub use drawings::{drawings, picture};
pub use slides::read as read_powerpoint;
pub use symbols::in_font as symbol_in_font;
pub use word::read as read_word;

/// Formats a number in OpenDocument's formats `1`, `a`, `A`, `i` and `I`.
pub fn ordinal(number: u32, format: &str) -> String {
    let format = match format {
        "a" => "lowerLetter",
        "A" => "upperLetter",
        "i" => "lowerRoman",
        "I" => "upperRoman",
        _ => "decimal",
    };
    ordinals::write(number, format)
}
