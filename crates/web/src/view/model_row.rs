//! A row of a provider's model list.
use askama::Template;
use carrel_domain::Result;
use carrel_domain::model::{ModelPrice, OfferedModel};
use carrel_services::model_lists::AvailableModels;

use crate::view::filters;
use crate::view::filters::group_digits;
use crate::view::texts::t;

/// A list to choose from, below the field that takes the name of a model.
#[derive(Template)]
#[template(path = "part/model_names.html")]
pub struct ModelNames {
    pub models: Vec<ModelRow>,
}

pub struct ModelRow {
    pub id: String,
    /// Context window and price, if the provider reports them.
    pub details: String,
}

impl ModelRow {
    /// Returns the rows of a provider's list; none if the provider does not answer.
    pub fn from_list(list: Result<AvailableModels>) -> Vec<Self> {
        let models = list.map(|list| list.models).unwrap_or_else(|error| {
            tracing::debug!(%error, "failed to list the models of a provider");
            Vec::new()
        });
        models.into_iter().map(Self::from_model).collect()
    }

    pub fn from_model(model: OfferedModel) -> Self {
        let OfferedModel { id, window, price } = model;
        let tokens =
            |window: u64| t("models.tokens").replace("{n}", &group_digits(&window.to_string()));
        let parts = [window.map(tokens), price.map(price_text)];
        Self { id, details: parts.into_iter().flatten().collect::<Vec<_>>().join(" · ") }
    }
}

/// Formats the prices of input and output tokens.
fn price_text(price: ModelPrice) -> String {
    let (input, output) = (dollars(price.input), dollars(price.output));
    t("models.price").replace("{in}", &input).replace("{out}", &output)
}

/// Formats an amount in dollars. Small amounts have four decimal places, so that they are not shown
/// as zero.
fn dollars(micro_dollars: u64) -> String {
    let amount = micro_dollars as f64 / 1e6;
    let digits = if amount >= 0.095 { 2 } else { 4 };
    format!("${amount:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_the_context_window_and_the_price() {
        let price = Some(ModelPrice { input: 2_500_000, output: 10_000_000 });
        let row =
            ModelRow::from_model(OfferedModel { id: "a".into(), window: Some(128_000), price });
        assert_eq!(row.details, "128\u{202f}000 tokens · $2.50 in, $10.00 out per million tokens");
        let row = ModelRow::from_model(OfferedModel { id: "a".into(), window: None, price: None });
        assert_eq!((row.id.as_str(), row.details.as_str()), ("a", ""));
        assert_eq!([dollars(1_000), dollars(95_000)], ["$0.0010", "$0.10"]);
    }
}
