use super::*;

fn render(text: &str) -> String {
    html(text, &Citations::None)
}

#[test]
fn markdown_becomes_html_and_citations_become_links() {
    let sources = ["/w/a/passage/7".to_owned(), String::new()];
    let output = html("**Two** lamps [1][2], not [3].\n\n- a\n- b", &Citations::Sources(&sources));
    assert!(output.contains("<strong>Two</strong>") && output.contains("<li>a</li>"), "{output}");
    assert!(output.contains("<a class=\"cite\" href=\"/w/a/passage/7\">1</a>"), "{output}");
    assert!(
        output.contains("<span class=\"cite\">2</span>") && output.contains("not [3]"),
        "{output}"
    );
    let code = html("`[1]`\n\n    [1]", &Citations::Sources(&sources));
    assert!(!code.contains("class=\"cite\""), "{code}");
}

#[test]
fn github_extensions_are_rendered() {
    let table = render("| a | b |\n|:-:|--:|\n| 1 |  |\n");
    assert!(table.contains("<th class=\"align-center\">a</th>"), "{table}");
    assert!(table.contains("<td class=\"align-end\"></td>"), "{table}");
    let tasks = render("- [x] done\n- [ ] open");
    assert!(
        tasks.contains("<input type=\"checkbox\" aria-label=\"Task\" disabled checked>"),
        "{tasks}"
    );
    let link = render("see https://a.example/b?c=d&e, or me@a.example.");
    assert!(link.contains("<a href=\"https://a.example/b?c=d&amp;e\""), "{link}");
    assert!(link.contains("href=\"mailto:me@a.example\""), "{link}");
    assert!(render("~~gone~~").contains("<del>gone</del>"));
    assert!(render("a[^n]\n\n[^n]: note").contains("<sup class=\"footnote\">1</sup>"));
    assert!(render("> [!NOTE]\n> x").contains("alert-note"));
}

#[test]
fn code_has_its_language_and_colors() {
    let html = render("```rust\nfn main() { let a = \"x\"; } // end\n```");
    assert!(html.contains("<span>rust</span>") && html.contains("data-copy-code"), "{html}");
    assert!(
        html.contains("<span class=\"hl-s\">") && html.contains("<span class=\"hl-c\">"),
        "{html}"
    );
    let unknown = render("```mermaid\ngraph <b>\n```");
    assert!(unknown.contains("<span>mermaid</span>") && unknown.contains("graph &lt;b&gt;"));
}

#[test]
fn formulas_become_mathml_in_every_notation() {
    for text in ["$x^2$", "$$x^2$$", r"\(x^2\)", r"\[x^2\]"] {
        let html = render(text);
        assert!(html.contains("<math") && html.contains("<msup>"), "{text}: {html}");
    }
    let prices = render("It costs $5 or $10.");
    assert!(prices.contains("$5 or $10"), "{prices}");
}

/// Returns the tags of `html`, with their attributes.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default())
}

#[test]
fn text_can_neither_run_nor_load_anything() {
    for text in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <svg/onload=alert(1)> b",
        "<div onclick=\"alert(1)\">x</div>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java\tscript:alert(1))",
        "[x](<java&#10;script:alert(1)>)",
        "[x](&#1;javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:a)",
        "![x](https://evil.example/pixel.png)",
        "<a href=\"javascript:alert(1)\">x</a>",
        "```html\n<script>alert(1)</script>\n```",
        "```\"><script>alert(1)</script>\nx\n```",
        "[x](https://a.example \"\\\" onmouseover=alert(1)\")",
        "[x](https://a.example/\"onmouseover=alert(1))",
        "<style>*{display:none}</style>",
        "<iframe src=//evil.example></iframe>",
        "<form action=//evil.example><input></form>",
        "# x {#id .class onclick=alert(1)}",
        r"$\text{<script>alert(1)</script>}$",
        r"$\href{javascript:alert(1)}{x}$",
        "| <script> |\n|---|\n| <img src=x> |",
    ] {
        let html = render(text);
        for tag in tags(&html) {
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
            let is_forbidden =
                ["script", "img", "svg", "style", "iframe", "form", "object"].contains(&name);
            let lower = tag.to_lowercase();
            let attributes = [" on", "javascript:", "data:", "vbscript:", " style=", " src="];
            let is_executable = attributes
                .iter()
                .any(|attribute| lower.split('"').step_by(2).any(|part| part.contains(attribute)))
                || lower.contains("href=\"javascript")
                || lower.contains("href=\"data:");
            assert!(!is_forbidden && !is_executable, "{text}: {html}");
        }
    }
}

#[test]
fn text_beyond_the_limit_is_plain() {
    let text = format!("{}\n\n**last**", "*a* ".repeat(LIMIT / 4));
    let html = render(&text);
    assert!(html.contains("<em>a</em>") && html.contains("**last**"));
    assert!(!html.contains("<strong>"));
}

#[test]
fn nesting_is_limited() {
    for text in ["> ", "[", "*a ", "- ", "<div>", "![", "`", "~~", "| ", "$", "\\(", "【", "[1]"] {
        render(&text.repeat(3_000));
    }
}
