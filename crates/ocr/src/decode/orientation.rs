//! The orientation of the camera in a JPEG file (Exif, tag 0x0112).

const ORIENTATION: u16 = 0x0112;

/// Returns the clockwise quarter turns to apply, and whether to mirror the image before.
pub fn of(exif: &[u8]) -> Option<(u8, bool)> {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let is_little = match exif.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = exif.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = exif.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = long(4)? as usize;
    let entries = (0..usize::from(short(directory)?)).map(|entry| directory + 2 + 12 * entry);
    let found = entries.into_iter().find(|at| short(*at) == Some(ORIENTATION))?;
    of_value(short(found + 8)?)
}

/// Interprets the value of the tag, which TIFF files have too.
pub fn of_value(value: u16) -> Option<(u8, bool)> {
    Some(match value {
        1 => (0, false),
        2 => (0, true),
        3 => (2, false),
        4 => (2, true),
        5 => (3, true),
        6 => (1, false),
        7 => (1, true),
        8 => (3, false),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orientation_is_found_in_either_order_of_bytes() {
        let little = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
        assert_eq!(of(little), Some((1, false)));
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0";
        assert_eq!(of(big), Some((2, false)));
        for end in 0..little.len() - 2 {
            assert_eq!(of(&little[..end]), None, "{end}");
        }
        assert_eq!(of(b"II*\0\xff\xff\xff\xff"), None);
    }
}
