//! Times as text, written without interpreting a format string because every record has one.
use chrono::{DateTime, Datelike, Timelike, Utc};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Writes RFC 3339 with milliseconds: `2026-11-23T04:56:36.641Z`. Years outside RFC 3339 get a sign
/// and six digits, as in ISO 8601.
pub fn rfc3339(time: DateTime<Utc>, out: &mut Vec<u8>) {
    let year = time.year();
    if (0..=9999).contains(&year) {
        digits(year.unsigned_abs(), 4, out);
    } else {
        out.push(if year < 0 { b'-' } else { b'+' });
        digits(year.unsigned_abs(), 6, out);
    }
    out.push(b'-');
    digits(time.month(), 2, out);
    out.push(b'-');
    digits(time.day(), 2, out);
    out.push(b'T');
    clock(time, out);
    out.push(b'.');
    // A leap second has milliseconds of 1000 and more.
    digits(time.timestamp_subsec_millis().min(999), 3, out);
    out.push(b'Z');
}

/// Writes a time as JavaScript does in English at UTC:
/// `Mon Nov 23 2026 04:56:36 GMT+0000 (Coordinated Universal Time)`.
pub fn spelled_out(time: DateTime<Utc>, out: &mut Vec<u8>) {
    out.extend_from_slice(DAYS[time.weekday().num_days_from_monday() as usize].as_bytes());
    out.push(b' ');
    out.extend_from_slice(MONTHS[time.month0() as usize].as_bytes());
    out.push(b' ');
    digits(time.day(), 2, out);
    out.push(b' ');
    let year = time.year();
    if year < 0 {
        out.push(b'-');
    }
    digits(year.unsigned_abs(), if (0..=9999).contains(&year) { 4 } else { 6 }, out);
    out.push(b' ');
    clock(time, out);
    out.extend_from_slice(b" GMT+0000 (Coordinated Universal Time)");
}

fn clock(time: DateTime<Utc>, out: &mut Vec<u8>) {
    digits(time.hour(), 2, out);
    out.push(b':');
    digits(time.minute(), 2, out);
    out.push(b':');
    digits(time.second(), 2, out);
}

/// Writes the last `width` decimal digits of a number.
fn digits(number: u32, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        out.push(b'0' + (number / 10_u32.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn written(write: fn(DateTime<Utc>, &mut Vec<u8>), time: DateTime<Utc>) -> String {
        let mut out = Vec::new();
        write(time, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_written_as_chrono_writes_them() {
        let mut seconds = -62_135_596_800_i64;
        while seconds < 253_402_300_799 {
            let time = Utc.timestamp_opt(seconds, 7_000_000).unwrap();
            let expected = time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            assert_eq!(written(rfc3339, time), expected);
            let expected = time.format("%a %b %d %Y %T GMT+0000 (Coordinated Universal Time)");
            assert_eq!(written(spelled_out, time), expected.to_string());
            seconds += 97_654_321;
        }
    }

    #[test]
    fn extreme_times_are_written() {
        assert_eq!(written(rfc3339, DateTime::<Utc>::MAX_UTC), "+262142-12-31T23:59:59.999Z");
        assert_eq!(written(rfc3339, DateTime::<Utc>::MIN_UTC), "-262143-01-01T00:00:00.000Z");
        assert!(written(spelled_out, DateTime::<Utc>::MIN_UTC).contains(" -262143 00:00:00 GMT"));
    }
}
