//! Percent-encoding in paths, such as `%C3%A9`.

/// True if every `%` of a path begins a complete escape and the decoded bytes are UTF-8.
pub fn are_valid(path: &str) -> bool {
    if !path.contains('%') {
        return true;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            return false;
        };
        bytes.push(byte);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::are_valid;

    #[test]
    fn escapes_must_be_complete_and_valid_utf8() {
        for fine in ["/v1/auth", "/v1/workspace/%C3%A9", "/a%2Fb", "/%25"] {
            assert!(are_valid(fine), "{fine}");
        }
        for invalid in ["/%E0%A4%A", "/%", "/%zz", "/%E0%A4", "/%FF", "/%+1"] {
            assert!(!are_valid(invalid), "{invalid}");
        }
    }
}
