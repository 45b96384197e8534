//! Options of a completion: some are passed to the model, the others are refused.
//!
//! Silently dropping an option would return an answer that the client did not ask for. An option
//! that is not passed on is therefore refused by name, unless its value changes nothing.
use carrel_domain::model::{ResponseFormat, Sampling};
use carrel_domain::{Error, Result};
use serde_json::{Map, Value};

/// Most stop sequences, and the longest, in bytes.
const MAX_STOPS: usize = 16;
const MAX_STOP: usize = 1_000;

/// Reads the options that are passed to the model.
///
/// # Errors
/// [`Error::Invalid`] in the option if its value is invalid or it is not supported.
pub fn sampling(fields: &Map<String, Value>) -> Result<Sampling> {
    let unsupported = fields.iter().find(|(name, value)| is_unsupported(name, value));
    if let Some((name, _)) = unsupported {
        let reason = "is not supported by this server; leave it out";
        return Err(Error::invalid(name.clone(), reason));
    }
    Ok(Sampling {
        top_p: number(fields, "top_p", 0.0, 1.0, "must be a number from 0 to 1")?,
        seed: seed(fields)?,
        stop: stop(fields)?,
        presence_penalty: number(fields, "presence_penalty", -2.0, 2.0, PENALTY)?,
        frequency_penalty: number(fields, "frequency_penalty", -2.0, 2.0, PENALTY)?,
        response_format: response_format(fields)?,
    })
}

const PENALTY: &str = "must be a number from -2 to 2";

fn is_unsupported(name: &str, value: &Value) -> bool {
    let is_empty =
        value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
    if value.is_null() {
        return false;
    }
    match name {
        "tools" | "functions" | "logit_bias" => !is_empty,
        "tool_choice" | "function_call" => value != "none" && value != "auto",
        "logprobs" => value != false,
        "top_logprobs" => value != 0,
        "modalities" => value.as_array().is_none_or(|all| all.iter().any(|one| one != "text")),
        "audio" | "prediction" | "web_search_options" => true,
        _ => false,
    }
}

fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn number(
    fields: &Map<String, Value>,
    name: &'static str,
    least: f64,
    most: f64,
    allowed: &'static str,
) -> Result<Option<f64>> {
    let Some(value) = field(fields, name) else { return Ok(None) };
    let number = value.as_f64().filter(|number| (least..=most).contains(number));
    number.map(Some).ok_or_else(|| Error::invalid(name, allowed))
}

fn seed(fields: &Map<String, Value>) -> Result<Option<i64>> {
    let Some(value) = field(fields, "seed") else { return Ok(None) };
    value.as_i64().map(Some).ok_or_else(|| Error::invalid("seed", "must be a whole number"))
}

fn stop(fields: &Map<String, Value>) -> Result<Vec<String>> {
    let invalid = || Error::invalid("stop", "must be text, or up to 16 texts of 1 to 1000 bytes");
    let sequences = match field(fields, "stop") {
        None => return Ok(Vec::new()),
        Some(Value::Array(all)) => all.iter().map(Value::as_str).collect::<Option<Vec<_>>>(),
        Some(one) => one.as_str().map(|one| vec![one]),
    };
    let sequences = sequences.ok_or_else(invalid)?;
    let is_fine = |text: &&str| (1..=MAX_STOP).contains(&text.len());
    match sequences.len() <= MAX_STOPS && sequences.iter().all(is_fine) {
        true => Ok(sequences.into_iter().map(str::to_owned).collect()),
        false => Err(invalid()),
    }
}

fn response_format(fields: &Map<String, Value>) -> Result<Option<ResponseFormat>> {
    let Some(value) = field(fields, "response_format") else { return Ok(None) };
    match (value["type"].as_str(), &value["json_schema"]) {
        (Some("text"), _) => Ok(Some(ResponseFormat::Text)),
        (Some("json_object"), _) => Ok(Some(ResponseFormat::JsonObject)),
        (Some("json_schema"), schema @ Value::Object(_)) => {
            Ok(Some(ResponseFormat::JsonSchema(schema.to_string())))
        }
        _ => {
            let reason = "must be of the type text, json_object, or json_schema with a schema";
            Err(Error::invalid("response_format", reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(fields: Value) -> Result<Sampling> {
        sampling(fields.as_object().unwrap())
    }

    #[test]
    fn options_are_passed_to_the_model() {
        let schema = json!({ "name": "a", "schema": { "type": "object" } });
        let read = read(json!({
            "top_p": 0.5, "seed": -7, "stop": ["a", "b"], "presence_penalty": -2,
            "frequency_penalty": 0.25,
            "response_format": { "type": "json_schema", "json_schema": schema },
        }));
        let expected = Sampling {
            top_p: Some(0.5),
            seed: Some(-7),
            stop: vec!["a".into(), "b".into()],
            presence_penalty: Some(-2.0),
            frequency_penalty: Some(0.25),
            response_format: Some(ResponseFormat::JsonSchema(schema.to_string())),
        };
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn invalid_and_unsupported_options_are_refused_by_name() {
        for (name, value) in [
            ("response_format", json!({ "type": "xml" })),
            ("response_format", json!("json")),
            ("response_format", json!({ "type": "json_schema" })),
            ("stop", json!([""])),
            ("stop", json!(5)),
            ("seed", json!(0.5)),
            ("top_p", json!(1.5)),
            ("presence_penalty", json!("low")),
            ("tools", json!([{ "type": "function" }])),
            ("tool_choice", json!("required")),
            ("logit_bias", json!({ "5": 1 })),
            ("logprobs", json!(true)),
            ("modalities", json!(["text", "audio"])),
        ] {
            let message = read(json!({ name: value })).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{name}: ")), "{message}");
        }
    }

    #[test]
    fn options_that_clients_send_by_default_are_accepted() {
        let usual = json!({
            "response_format": null, "stop": null, "seed": null, "top_p": null, "tools": [],
            "tool_choice": "auto", "logit_bias": {}, "logprobs": false, "modalities": ["text"],
            "store": false, "service_tier": "auto", "whatever": [1],
        });
        assert_eq!(read(usual).unwrap(), Sampling::default());
    }
}
