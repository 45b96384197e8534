//! Decompresses rich text in Outlook's format (MS-OXRTFCP).

/// The initial content of the window, to which short texts refer.
const START: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const WINDOW: usize = 4_096;

/// Decompresses at most `limit` bytes. Returns `None` if the data is in another format.
pub fn unpack(packed: &[u8], limit: u64) -> Option<Vec<u8>> {
    let head = packed.get(..16)?;
    let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let size = u64::from(number(4)?).min(limit);
    match number(8)? {
        0x414c_454d => return Some(packed[16..].iter().take(size as usize).copied().collect()),
        0x7546_5a4c => {}
        _ => return None,
    }
    let mut window = [0u8; WINDOW];
    window[..START.len()].copy_from_slice(START);
    let (mut at, mut out) = (START.len(), Vec::new());
    let mut bytes = packed[16..].iter().copied();
    'all: while let Some(flags) = bytes.next() {
        for bit in 0..8 {
            if out.len() as u64 >= size {
                break 'all;
            }
            if flags & (1 << bit) == 0 {
                let Some(byte) = bytes.next() else { break 'all };
                window[at % WINDOW] = byte;
                at += 1;
                out.push(byte);
                continue;
            }
            let (Some(high), Some(low)) = (bytes.next(), bytes.next()) else { break 'all };
            let reference = usize::from(u16::from_be_bytes([high, low]));
            let (from, length) = (reference >> 4, (reference & 15) + 2);
            if from == at % WINDOW {
                break 'all;
            }
            for step in 0..length {
                let byte = window[(from + step) % WINDOW];
                window[at % WINDOW] = byte;
                at += 1;
                out.push(byte);
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_rich_text_is_decompressed() {
        // The first example of MS-OXRTFCP 4.1.
        let packed = b"\x2d\x00\x00\x00\x2b\x00\x00\x00LZFu\xf1\xc5\xc7\xa7\x03\x00\x0a\x00rcpg125\x42\x32\x0a\xf3 hel\x09\x00 bw\x05\xb0ld}\x0a\x80\x0f\xa0";
        let expected = b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n";
        assert_eq!(unpack(packed, 1_000).unwrap(), expected);
        assert!(unpack(b"LZFu", 10).is_none());
    }
}
