//! Changes of bytes that bring readers into trouble.

/// Numbers that look random and come again from the same seed (xorshift64*).
pub struct Mutator(u64);

/// What readers of text trip over.
const TOKENS: [&[u8]; 34] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\r",
    b"\"",
    b"'",
    b"`",
    b"\\",
    b"\\n",
    b"$",
    b"#",
    b"=",
    b",",
    b"/",
    b"..",
    b"../",
    b"<",
    b"</",
    b"<![CDATA[",
    b"&",
    b"&#0;",
    b"{",
    b"[",
    b"]",
    b":",
    b"data: ",
    b"data:",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"\xf0\x9f\x92\x80",
    b"%2e",
];

/// The longest input, in bytes.
const LONGEST: usize = 64 << 10;

impl Mutator {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16;
        usize::try_from(number).unwrap_or(usize::MAX) % end.max(1)
    }

    /// One of the seeds, changed in a few places.
    pub fn mutated(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus.get(self.below(corpus.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(6) {
            self.change(&mut bytes, corpus);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let length = self.below(bytes.len() - at.min(bytes.len()) + 1).min(64);
        match self.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 => _ = bytes.drain(at..at + length),
            2 => {
                let piece = bytes[at..at + length].to_vec();
                let times = 1 + self.below(20);
                bytes.splice(at..at, piece.repeat(times));
            }
            3 => bytes.truncate(at),
            4 => {
                let other = corpus.get(self.below(corpus.len())).cloned().unwrap_or_default();
                let from = self.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            5 => {
                let byte = u8::try_from(self.below(256)).unwrap_or(0);
                bytes.insert(at, byte);
            }
            _ => {
                let token = TOKENS[self.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
        }
    }
}
