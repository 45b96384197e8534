//! Parses filter expressions over integer fields, the subset of Milvus' language that the tests
//! need.

/// Terms that must all match.
pub type Filter = Vec<(String, Operator)>;

pub enum Operator {
    Equal(i64),
    Above(i64),
    UpTo(i64),
    In(Vec<i64>),
    NotIn(Vec<i64>),
}

/// Parses an expression. An empty one matches everything.
pub fn parsed(text: &str) -> Result<Filter, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(" and ").map(term).collect()
}

fn term(text: &str) -> Result<(String, Operator), String> {
    let unreadable = || format!("cannot parse expression: {text}");
    let (field, rest) = text.trim().split_once(' ').ok_or_else(unreadable)?;
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| unreadable());
    let list = |text: &str| {
        let inner = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        inner.ok_or_else(unreadable)?.split(',').map(number).collect::<Result<Vec<_>, _>>()
    };
    let operator = if let Some(rest) = rest.strip_prefix("== ") {
        Operator::Equal(number(rest)?)
    } else if let Some(rest) = rest.strip_prefix("<= ") {
        Operator::UpTo(number(rest)?)
    } else if let Some(rest) = rest.strip_prefix("> ") {
        Operator::Above(number(rest)?)
    } else if let Some(rest) = rest.strip_prefix("in ") {
        Operator::In(list(rest)?)
    } else if let Some(rest) = rest.strip_prefix("not in ") {
        Operator::NotIn(list(rest)?)
    } else {
        return Err(unreadable());
    };
    Ok((field.to_owned(), operator))
}

/// Returns true if all terms match the values of the fields.
pub fn holds(filter: &Filter, value: impl Fn(&str) -> Option<i64>) -> Result<bool, String> {
    for (field, operator) in filter {
        let value = value(field).ok_or_else(|| format!("field {field} not exist"))?;
        let does = match operator {
            Operator::Equal(other) => value == *other,
            Operator::Above(other) => value > *other,
            Operator::UpTo(other) => value <= *other,
            Operator::In(others) => others.contains(&value),
            Operator::NotIn(others) => !others.contains(&value),
        };
        if !does {
            return Ok(false);
        }
    }
    Ok(true)
}
