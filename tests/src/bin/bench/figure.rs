//! A measured figure, and how it is printed.
use serde_json::json;

/// A figure. `limit` is its maximum, if it has one.
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub limit: Option<f64>,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, limit: None }
    }

    pub fn at_most(mut self, limit: f64) -> Self {
        self.limit = Some(limit);
        self
    }
}

pub fn print(figures: &[Figure]) {
    eprintln!("\n| figure | value | at most |\n|---|---|---|");
    for Figure { name, value, unit, limit } in figures {
        println!("{}", json!({ "figure": name, "value": value, "unit": unit, "at_most": limit }));
        let limit = limit.map(|limit| format!("{limit} {unit}")).unwrap_or_default();
        eprintln!("| {name} | {value:.3} {unit} | {limit} |");
    }
}

/// Returns the median of several measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
