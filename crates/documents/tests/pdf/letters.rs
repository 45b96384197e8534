//! Letter-spaced or individually placed letters, and the meaning of the distances between them.
use super::support::{drawn, file, page, read, stream, text};

/// Draws each letter of `text` at 10 points, `step` after the previous one. A space advances by the
/// same step.
fn letter_by_letter(x: f64, text: &str, step: f64) -> String {
    let mut out = String::new();
    for (letter, at) in text.chars().zip(0..).filter(|(letter, _)| *letter != ' ') {
        let x = x + step * f64::from(at);
        out.push_str(&format!("BT /F 10 Tf {x} 700 Td ({letter}) Tj ET\n"));
    }
    out
}

#[test]
fn letters_with_spaces_between_them_are_words() {
    assert_eq!(text(&drawn(&[(50.0, 700.0, "A N N U A L   R E P O R T")])), "ANNUAL REPORT");
    assert_eq!(text(&drawn(&[(50.0, 700.0, "s p a c e d")])), "spaced");
    let mixed = "Report: R E V E N U E up";
    assert_eq!(text(&drawn(&[(50.0, 700.0, mixed)])), "Report: REVENUE up");
}

#[test]
fn columns_variables_and_digits_stay_separate() {
    let listed = "a A e E i I o O";
    for line in ["A B C D E", "1 2 3 4", "x y z", "C C C C L L", "1 + 2 = 3 + 0", listed] {
        assert_eq!(text(&drawn(&[(50.0, 700.0, line)])), line);
    }
}

#[test]
fn letter_spaced_digits_are_one_number() {
    let spaced = |text: &str| format!("BT /F 10 Tf 8 Tc 50 700 Td ({text}) Tj ET");
    assert_eq!(text(&spaced("1234")), "1234");
    assert_eq!(text(&spaced("TOTAL 1,250.00")), "TOTAL 1,250.00");
    assert_eq!(text(&drawn(&[(50.0, 700.0, "0 7 / 1 3 / 2 0 1 5")])), "07/13/2015");
}

#[test]
fn individually_placed_letters_are_words() {
    // All of these letters have the same width.
    assert_eq!(text(&letter_by_letter(50.0, "CHURN RUN", 9.5)), "CHURN RUN");
    assert_eq!(text(&letter_by_letter(50.0, "CHURN RUN", 10.5)), "CHURN RUN");
    assert_eq!(text(&letter_by_letter(50.0, "123456", 5.6)), "123456");
}

#[test]
fn blanks_on_top_of_other_text_do_not_split_words() {
    // Rows of blanks from another cell are drawn over the date.
    let content = drawn(&[(40.0, 700.0, "              "), (50.0, 700.0, "07/13/2015")]);
    assert_eq!(text(&content), "07/13/2015");
}

#[test]
fn separately_drawn_numbers_stay_separate_in_narrow_columns() {
    let labels: Vec<String> = (10..40).map(|number| number.to_string()).collect();
    let places = labels.iter().enumerate();
    let texts: Vec<_> =
        places.map(|(at, label)| (50.0 + 12.4 * at as f64, 700.0, label.as_str())).collect();
    assert_eq!(text(&drawn(&texts)), labels.join(" "));
}

#[test]
fn raised_letters_stay_on_their_line() {
    let content = "BT /F 10 Tf 50 700 Td (Ber) Tj 4 Ts (g- un) Tj -4 Ts (d Tal) Tj 0 Ts ( 10) Tj 5 Ts (2) Tj ET";
    assert_eq!(text(content), "Berg- und Tal 102");
}

#[test]
fn letters_with_too_great_stated_widths_are_one_word() {
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FirstChar 32/LastChar 122/Widths[";
    let font = format!("{font}{}]>>", "1200 ".repeat(91));
    let mut content = String::new();
    for (letter, at) in "Graduates".chars().zip(0..) {
        content.push_str(&format!("BT /G 10 Tf {} 700 Td ({letter}) Tj ET\n", 50 + 5 * at));
    }
    assert_eq!(read(&page(&content, "", &[font])), "Graduates");
}

/// Returns a page with text in hexadecimal in a composite font; `to_unicode` is an entry of its
/// dictionary.
fn composite(hex: &str, to_unicode: &str, more: &str) -> String {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R\
         /Resources<</Font<</F 5 0 R>>>>>>"
            .to_owned(),
        stream("", &format!("BT /F 10 Tf 50 700 Td <{hex}> Tj ET")),
        format!(
            "<</Type/Font/Subtype/Type0/BaseFont/Arial/Encoding/Identity-H\
             /DescendantFonts[6 0 R]{to_unicode}>>"
        ),
        format!(
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/Arial/DW 550/FontDescriptor 7 0 R\
             /CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>{more}>>"
        ),
        "<</Type/FontDescriptor/FontName/Arial/Flags 32>>".to_owned(),
    ];
    read(&file(&objects))
}

#[test]
fn codes_of_fonts_that_are_not_embedded_are_those_of_windows() {
    assert_eq!(composite("003900440057", "", ""), "Vat");
}

#[test]
fn codes_are_unicode_if_the_file_says_so() {
    assert_eq!(composite("005600e400740020", "/ToUnicode/Identity-H", ""), "Vät");
}
