//! The header of a WAV file.
/// The sample rate of [`carrel_domain::speech::AudioFormat::Pcm`].
const SAMPLE_RATE: u32 = 24_000;
const BYTES_PER_SAMPLE: u32 = 2;

/// The length of the header, in bytes.
pub(super) const HEADER_BYTES: usize = 44;

/// Returns the header for a number of sample bytes, or for an unknown number.
pub(super) fn header(bytes: Option<u32>) -> [u8; HEADER_BYTES] {
    // Players read to the end of the file if the length is the maximum.
    let bytes = bytes.unwrap_or(u32::MAX - 36);
    let mut header = [0; HEADER_BYTES];
    let parts: [(usize, &[u8]); 13] = [
        (0, b"RIFF"),
        (4, &(bytes.saturating_add(36)).to_le_bytes()),
        (8, b"WAVE"),
        (12, b"fmt "),
        (16, &16_u32.to_le_bytes()),
        (20, &1_u16.to_le_bytes()),
        (22, &1_u16.to_le_bytes()),
        (24, &SAMPLE_RATE.to_le_bytes()),
        (28, &(SAMPLE_RATE * BYTES_PER_SAMPLE).to_le_bytes()),
        (32, &2_u16.to_le_bytes()),
        (34, &16_u16.to_le_bytes()),
        (36, b"data"),
        (40, &bytes.to_le_bytes()),
    ];
    for (at, part) in parts {
        header[at..at + part.len()].copy_from_slice(part);
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_states_the_length() {
        let header = header(Some(1000));
        assert_eq!(
            (&header[..4], &header[8..16], &header[36..40]),
            (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..])
        );
        assert_eq!(u32::from_le_bytes(header[4..8].try_into().unwrap()), 1036);
        assert_eq!(u32::from_le_bytes(header[40..44].try_into().unwrap()), 1000);
        assert_eq!(u32::from_le_bytes(header[28..32].try_into().unwrap()), 48_000);
    }
}
