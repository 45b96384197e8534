//! Reads annotations of a page: form fields, typed notes, comments.
use hayro_font::kurbo::{Affine, Point, Rect as Area, Vec2};
use hayro_syntax::object::{Array, Dict, Name, Object, Rect, Stream, String as PdfString};
use hayro_syntax::page::Page;

use super::content::Interpreter;
use super::glyph::Glyph;
use super::info::text_string;

const LIMIT: usize = 20_000;
/// Maximum depth of the inheritance of fields.
const DEEPEST: usize = 32;
const HIDDEN: u32 = 1 << 1;
const NO_VIEW: u32 = 1 << 5;
const PUSH_BUTTON: u32 = 1 << 16;
const PASSWORD: u32 = 1 << 13;
/// The height of text whose size is unknown, in points.
const USUAL_SIZE: f64 = 10.0;

/// Draws the visible content of annotations and returns the comments, which have no position.
pub fn draw<'a>(
    page: &Page<'a>,
    upright: Affine,
    interpreter: &mut Interpreter<'a>,
) -> Vec<String> {
    let mut comments = Vec::new();
    let Some(all) = page.raw().get::<Array<'a>>("Annots") else { return comments };
    for annotation in all.iter::<Dict<'a>>().take(LIMIT) {
        let flags = annotation.get::<u32>("F").unwrap_or(0);
        if flags & (HIDDEN | NO_VIEW) != 0 || !interpreter.shows(&annotation) {
            continue;
        }
        let subtype = annotation.get::<Name<'_>>("Subtype");
        match subtype.as_ref().map_or("", |name| name.as_str()) {
            "Popup" | "Link" | "" => {}
            "Widget" => widget(&annotation, page, upright, interpreter),
            "FreeText" => {
                if !appearance(&annotation, page, upright, interpreter) {
                    let text = string(&annotation, "Contents").unwrap_or_default();
                    write(&annotation, &text, upright, interpreter);
                }
            }
            kind => {
                if kind != "Text" && kind != "FileAttachment" {
                    appearance(&annotation, page, upright, interpreter);
                }
                comments.extend(comment(&annotation));
            }
        }
    }
    comments
}

fn comment(annotation: &Dict<'_>) -> Option<String> {
    let text = string(annotation, "Contents")?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let author = string(annotation, "T").filter(|author| !author.trim().is_empty());
    let by = author.map(|author| format!(" by {}", author.trim())).unwrap_or_default();
    (!text.is_empty()).then(|| format!("[Comment{by}: {text}]"))
}

fn widget<'a>(
    annotation: &Dict<'a>,
    page: &Page<'a>,
    upright: Affine,
    interpreter: &mut Interpreter<'a>,
) {
    let flags = match inherited(annotation, "Ff") {
        Some(Object::Number(flags)) => flags.as_f64() as u32,
        _ => 0,
    };
    let kind = inherited(annotation, "FT").and_then(Object::into_name);
    let kind = kind.as_ref().map_or("", |name| name.as_str());
    if kind == "Btn" && flags & PUSH_BUTTON == 0 {
        let state = annotation.get::<Name<'_>>("AS");
        let state = state.or_else(|| inherited(annotation, "V").and_then(Object::into_name));
        let is_on = state.is_some_and(|state| state.as_str() != "Off");
        write(annotation, if is_on { "[x]" } else { "[ ]" }, upright, interpreter);
        return;
    }
    let is_text = matches!(kind, "Tx" | "Ch") && flags & PASSWORD == 0;
    let value = if is_text { value(annotation) } else { None };
    let is_drawn = appearance(annotation, page, upright, interpreter);
    if let Some(value) = value.filter(|_| !is_drawn) {
        write(annotation, &value, upright, interpreter);
    }
}

/// Returns the visible value of a field: for a choice its label, not the submitted value.
fn value(annotation: &Dict<'_>) -> Option<String> {
    let display_text = |value: &[u8]| {
        let options = inherited(annotation, "Opt").and_then(Object::into_array)?;
        options.iter::<Object<'_>>().take(LIMIT).find_map(|option| {
            let mut pair = option.into_array()?.iter::<Object<'_>>();
            let sent = pair.next()?.into_string()?;
            let label = pair.next()?.into_string()?;
            (sent.as_bytes() == value).then(|| text_string(label.as_bytes()))
        })
    };
    let one = |value: &[u8]| display_text(value).unwrap_or_else(|| text_string(value));
    match inherited(annotation, "V")? {
        Object::String(value) => Some(one(value.as_bytes())),
        Object::Stream(value) => Some(text_string(&value.decoded().ok()?)),
        Object::Array(values) => {
            let values: Vec<String> =
                values.iter::<PdfString<'_>>().take(LIMIT).map(|it| one(it.as_bytes())).collect();
            Some(values.join(", "))
        }
        _ => None,
    }
}

/// Returns the value of `key` in the field or an ancestor.
fn inherited<'a>(field: &Dict<'a>, key: &str) -> Option<Object<'a>> {
    let mut field = field.clone();
    for _ in 0..DEEPEST {
        if let Some(value) = field.get::<Object<'a>>(key) {
            return Some(value);
        }
        field = field.get::<Dict<'a>>("Parent")?;
    }
    None
}

fn string(dict: &Dict<'_>, key: &str) -> Option<String> {
    dict.get::<PdfString<'_>>(key).map(|text| text_string(text.as_bytes()))
}

/// Draws the annotation's appearance, and returns whether it contains text.
fn appearance<'a>(
    annotation: &Dict<'a>,
    page: &Page<'a>,
    upright: Affine,
    interpreter: &mut Interpreter<'a>,
) -> bool {
    let (Some(form), Some(area)) = (normal(annotation), area(annotation)) else { return false };
    let dict = form.dict();
    let inner = dict.get::<Rect>("BBox").map_or(area, |it| Area::new(it.x0, it.y0, it.x1, it.y1));
    let matrix = dict.get::<[f64; 6]>("Matrix").map_or(Affine::IDENTITY, Affine::new);
    let drawn = matrix.transform_rect_bbox(inner);
    if drawn.width() < 1e-3 || drawn.height() < 1e-3 {
        return false;
    }
    let scale =
        Affine::scale_non_uniform(area.width() / drawn.width(), area.height() / drawn.height());
    let to_area =
        Affine::translate((area.x0, area.y0)) * scale * Affine::translate((-drawn.x0, -drawn.y0));
    let before = interpreter.glyphs.len();
    interpreter.draw_form(&form, page.resources(), upright * to_area);
    interpreter.glyphs[before..].iter().any(|glyph| !glyph.is_space())
}

fn normal<'a>(annotation: &Dict<'a>) -> Option<Stream<'a>> {
    match annotation.get::<Dict<'a>>("AP")?.get::<Object<'a>>("N")? {
        Object::Stream(form) => Some(form),
        Object::Dict(states) => states.get::<Stream<'a>>(annotation.get::<Name<'_>>("AS")?),
        _ => None,
    }
}

fn area(annotation: &Dict<'_>) -> Option<Area> {
    let area = annotation.get::<Rect>("Rect")?;
    Some(Area::new(area.x0, area.y0, area.x1, area.y1).abs())
}

/// Places text in the annotation's area, as a viewer would, one glyph for each line.
fn write(annotation: &Dict<'_>, text: &str, upright: Affine, interpreter: &mut Interpreter<'_>) {
    let Some(area) = area(annotation) else { return };
    let area = upright.transform_rect_bbox(area);
    let lines: Vec<&str> =
        text.split(['\r', '\n']).filter(|line| !line.trim().is_empty()).collect();
    let size = (area.height() / (lines.len().max(1) as f64) / 1.2).clamp(4.0, USUAL_SIZE);
    let single = lines.len() == 1 && area.height() < 3.0 * size;
    for (at, line) in lines.into_iter().enumerate() {
        let mut chars = line.chars();
        let Some(char) = chars.next() else { continue };
        let down = 1.2 * size * at as f64 + size;
        let base = if single { area.center().y - 0.35 * size } else { area.y1 - down };
        let length = chars.as_str().chars().count() as f64 + 1.0;
        interpreter.glyphs.push(Glyph {
            char,
            more: (!chars.as_str().is_empty()).then(|| chars.as_str().into()),
            origin: Point::new(area.x0 + 1.0, base),
            direction: Vec2::new(1.0, 0.0),
            size,
            advance: (0.5 * size * length).min((area.width() - 2.0).max(size)),
            spacing: None,
            is_bold: false,
            is_vertical: false,
        });
    }
}
