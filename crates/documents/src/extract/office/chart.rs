//! Converts charts to tables: the title, then a row for each category and a column for each series.
use std::collections::BTreeMap;

use crate::extract::Input;
use crate::extract::archive::Archive;
use crate::extract::extract_error::ExtractError;
use crate::extract::sheets::number;
use crate::extract::writer::Writer;
use crate::extract::xml::{Element, Visitor};

/// Maximum number of points of a series.
const MAX_POINTS: u32 = 10_000;
const MAX_SERIES: usize = 255;
/// Maximum number of cells of a chart.
const MAX_CELLS: usize = 200_000;

/// Returns the chart in `part` as Markdown; empty if it has no content.
pub fn read(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    part: &str,
) -> Result<String, ExtractError> {
    let mut chart = Chart::default();
    archive.visit(part, &mut chart)?;
    let points = chart.series.iter().map(|series| series.values.texts.len()).max().unwrap_or(0);
    if chart.is_cut || points * (chart.series.len() + 1) > MAX_CELLS {
        input.warn(format!(
            "A chart in it has more than {MAX_POINTS} points, {MAX_SERIES} series or {MAX_CELLS} \
             values; the rest was not read."
        ));
    }
    Ok(chart.markdown(archive.text_limit()))
}

#[derive(Default)]
struct Series {
    name: String,
    categories: Points,
    values: Points,
    sizes: Points,
}

#[derive(Default)]
struct Points {
    format: String,
    /// Categories by index, from the outermost level to the innermost.
    texts: BTreeMap<u32, Vec<String>>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    None,
    Title,
    AxisTitle,
    Name,
    Categories,
    Values,
    Sizes,
    Label,
}

#[derive(Default)]
struct Chart {
    title: String,
    axes: Vec<String>,
    labels: Vec<String>,
    series: Vec<Series>,
    place: Place,
    outer: Vec<(String, Place)>,
    index: u32,
    text: String,
    in_text: bool,
    in_axis: bool,
    format: String,
    in_format: bool,
    /// Whether the chart exceeds the limits.
    is_cut: bool,
}

impl Chart {
    fn points(&mut self) -> Option<&mut Points> {
        let place = self.place;
        let series = self.series.last_mut()?;
        match place {
            Place::Categories => Some(&mut series.categories),
            Place::Values => Some(&mut series.values),
            Place::Sizes => Some(&mut series.sizes),
            _ => None,
        }
    }

    fn take(&mut self) {
        let text = std::mem::take(&mut self.text);
        match self.place {
            Place::Title => self.title.push_str(&text),
            Place::AxisTitle => match self.axes.last_mut() {
                Some(axis) => axis.push_str(&text),
                None => self.axes.push(text),
            },
            Place::Label => self.labels.push(text),
            Place::Name => {
                if let Some(series) = self.series.last_mut() {
                    series.name.push_str(&text);
                }
            }
            Place::None => {}
            Place::Categories | Place::Values | Place::Sizes => {
                let index = self.index;
                self.is_cut |= index >= MAX_POINTS;
                if let Some(points) = self.points().filter(|_| index < MAX_POINTS) {
                    let format = std::mem::take(&mut points.format);
                    let formatted = number::shown_text(&text, &format);
                    points.format = format;
                    points.texts.entry(index).or_default().push(formatted);
                }
            }
        }
    }

    fn markdown(self, limit: u64) -> String {
        let mut writer = Writer::with_limit(limit);
        let axes = self.axes.iter().map(|axis| axis.trim()).filter(|axis| !axis.is_empty());
        let axes = axes.collect::<Vec<_>>().join(" / ");
        let heading = match (self.title.trim(), axes.trim()) {
            ("", "") => "Chart".to_owned(),
            (title, "") => format!("Chart: {title}"),
            ("", axes) => format!("Chart: {axes}"),
            (title, axes) => format!("Chart: {title} ({axes})"),
        };
        if heading == "Chart" && self.series.is_empty() && self.labels.is_empty() {
            return String::new();
        }
        writer.text(&heading);
        writer.separate(2);
        let mut rows = vec![vec![String::new()]];
        let names = self.series.iter().enumerate().map(|(at, series)| match series.name.trim() {
            "" => format!("Series {}", at + 1),
            name => name.to_owned(),
        });
        rows[0].extend(names);
        let indexes: std::collections::BTreeSet<u32> = self
            .series
            .iter()
            .flat_map(|series| series.values.texts.keys().chain(series.categories.texts.keys()))
            .copied()
            .collect();
        let mut cells = 0;
        for index in indexes {
            cells += self.series.len() + 1;
            if cells > MAX_CELLS {
                break;
            }
            let category =
                self.series.iter().find_map(|series| series.categories.texts.get(&index));
            let category = category.map(|levels| levels.iter().rev().cloned().collect::<Vec<_>>());
            let mut row = vec![category.unwrap_or_default().join(", ")];
            for series in &self.series {
                let value = series.values.texts.get(&index).map(|texts| texts.join(" "));
                let size = series.sizes.texts.get(&index).map(|texts| texts.join(" "));
                let parts: Vec<_> = value.into_iter().chain(size).collect();
                row.push(parts.join(" / "));
            }
            rows.push(row);
        }
        if self.series.is_empty() && self.title.trim().is_empty() && self.labels.is_empty() {
            return String::new();
        }
        if rows.len() > 1 || rows[0].len() > 1 {
            writer.table(&rows);
        }
        for label in self.labels {
            writer.separate(1);
            writer.text(&label);
        }
        writer.finish()
    }
}

impl Visitor for Chart {
    fn start(&mut self, element: &Element<'_>) {
        let name = element.name();
        let place = match name {
            "ser" | "series" => {
                if self.series.len() < MAX_SERIES {
                    self.series.push(Series::default());
                }
                self.is_cut |= self.series.len() >= MAX_SERIES;
                Place::None
            }
            "catAx" | "valAx" | "dateAx" | "serAx" | "axis" => {
                self.in_axis = true;
                self.place
            }
            "title" if self.in_axis => {
                self.axes.push(String::new());
                Place::AxisTitle
            }
            "title" => Place::Title,
            "tx" if matches!(self.place, Place::Title | Place::AxisTitle | Place::Label) => {
                self.place
            }
            "tx" if !self.series.is_empty() => Place::Name,
            "cat" | "xVal" => Place::Categories,
            "val" | "yVal" => Place::Values,
            "bubbleSize" => Place::Sizes,
            "dLbl" => Place::Label,
            "strDim" | "numDim" => {
                // The lists precede the series they belong to.
                if self.series.is_empty() {
                    self.series.push(Series::default());
                }
                if name == "strDim" { Place::Categories } else { Place::Values }
            }
            "pt" => {
                let index = element.attribute("idx").and_then(|index| index.parse().ok());
                self.index = index.unwrap_or(self.index);
                self.text.clear();
                self.in_text = matches!(self.place, Place::Categories | Place::Values)
                    && element.attribute("idx").is_some();
                self.place
            }
            "v" | "t" => {
                self.in_text = true;
                self.place
            }
            "formatCode" => {
                self.in_format = true;
                self.format.clear();
                self.place
            }
            "lvl" => {
                let format = element.attribute("formatCode").unwrap_or_default().into_owned();
                if let Some(points) = self.points() {
                    points.format = format;
                }
                self.place
            }
            _ => self.place,
        };
        if place != self.place || matches!(name, "title" | "tx" | "cat" | "val") {
            self.outer.push((name.to_owned(), self.place));
            self.place = place;
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "v" | "t" => {
                self.in_text = false;
                self.take();
            }
            "pt" => {
                if self.in_text && !self.text.trim().is_empty() {
                    self.take();
                }
                self.in_text = false;
            }
            "p" if matches!(self.place, Place::Title | Place::AxisTitle) => {
                let title = if self.place == Place::Title {
                    Some(&mut self.title)
                } else {
                    self.axes.last_mut()
                };
                if let Some(title) = title {
                    title.push(' ');
                }
            }
            "catAx" | "valAx" | "dateAx" | "serAx" | "axis" => self.in_axis = false,
            "formatCode" => {
                self.in_format = false;
                let format = std::mem::take(&mut self.format);
                if let Some(points) = self.points() {
                    points.format = format;
                }
            }
            _ => {}
        }
        if self.outer.last().is_some_and(|(open, _)| open == name)
            && let Some((_, place)) = self.outer.pop()
        {
            self.place = place;
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_format {
            self.format.push_str(text);
        } else if self.in_text {
            self.text.push_str(text);
        }
    }
}
