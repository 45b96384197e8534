//! WeightFile by name, in the files of faster-whisper (CTranslate2) and in those of transformers (safetensors).
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use half::{bf16, f16};
use serde::Deserialize;

/// The longest name of a tensor, in bytes.
const LONGEST_NAME: usize = 1 << 10;
const MOST_TENSORS: u32 = 10_000;
/// The longest table of contents of a safetensors file, in bytes.
const LONGEST_HEAD: u64 = 16 << 20;

/// Files that are one, part after part.
pub struct Parts {
    parts: Vec<(File, u64)>,
    at: u64,
}

impl Parts {
    pub fn new(files: Vec<File>) -> io::Result<Self> {
        let sized = |file: File| file.metadata().map(|about| (file, about.len()));
        Ok(Self { parts: files.into_iter().map(sized).collect::<io::Result<_>>()?, at: 0 })
    }

    fn length(&self) -> u64 {
        self.parts.iter().map(|(_, length)| length).sum()
    }

    fn skip_to(&mut self, at: u64) {
        self.at = at;
    }

    fn next_bytes(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        // Nothing is set aside for what cannot be there.
        if self.length().saturating_sub(self.at) < bytes as u64 {
            return Err(invalid("it is cut short"));
        }
        let mut taken = vec![0; bytes];
        self.read_exact(&mut taken)?;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn number(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn name(&mut self) -> io::Result<String> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        if length > LONGEST_NAME {
            return Err(invalid("a name in it is too long"));
        }
        let mut bytes = self.next_bytes(length)?;
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        String::from_utf8(bytes).map_err(|_| invalid("a name in it is not text"))
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut start = 0;
        for (file, length) in &mut self.parts {
            if self.at < start + *length {
                let within = self.at - start;
                let most =
                    usize::try_from(*length - within).unwrap_or(usize::MAX).min(buffer.len());
                file.seek(SeekFrom::Start(within))?;
                let read = file.read(&mut buffer[..most])?;
                self.at += read as u64;
                return Ok(read);
            }
            start += *length;
        }
        Ok(0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Precision {
    F32,
    F16,
    Bf16,
    /// Whole numbers; the tensor's scales are another one's, by row.
    I8,
}

struct Entry {
    precision: Precision,
    shape: Vec<usize>,
    start: u64,
}

pub struct WeightFile {
    parts: Parts,
    entries: HashMap<String, Entry>,
}

impl WeightFile {
    /// Reads the table of contents.
    pub fn open(files: Vec<File>) -> io::Result<Self> {
        let mut parts = Parts::new(files)?;
        let head = parts.array::<8>()?;
        parts.skip_to(0);
        // The length of a JSON text, or a version and the length of a name.
        let entries = if head[4..] == [0; 4]
            && u32::from_le_bytes([head[0], head[1], head[2], head[3]]) > 100
        {
            safetensors(&mut parts)?
        } else {
            ctranslate2(&mut parts)?
        };
        Ok(Self { parts, entries })
    }

    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// The numbers of a tensor, row by row.
    pub fn read(&mut self, name: &str) -> io::Result<Vec<f32>> {
        let missing = || invalid(format!("it lacks the tensor {name}"));
        let Entry { precision, shape, start } = self.entries.get(name).ok_or_else(missing)?;
        let (precision, start, rows) = (*precision, *start, shape.first().copied().unwrap_or(1));
        let length = shape.iter().product::<usize>();
        let width = match precision {
            Precision::F32 => 4,
            Precision::F16 | Precision::Bf16 => 2,
            Precision::I8 => 1,
        };
        self.parts.skip_to(start);
        let bytes = self.parts.next_bytes(length * width)?;
        let pairs = || bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
        Ok(match precision {
            Precision::F32 => {
                bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect()
            }
            Precision::F16 => pairs().map(|bits| f16::from_bits(bits).to_f32()).collect(),
            Precision::Bf16 => pairs().map(|bits| bf16::from_bits(bits).to_f32()).collect(),
            Precision::I8 => {
                let scales = self.read(&format!("{name}_scale"))?;
                if scales.len() != rows || rows == 0 {
                    return Err(invalid(format!("the scales of {name} are not one for each row")));
                }
                let rows = bytes.chunks(length / rows).zip(&scales);
                let row = |(codes, scale): (&[u8], &f32)| {
                    codes
                        .iter()
                        .map(|&code| f32::from(code.cast_signed()) / *scale)
                        .collect::<Vec<_>>()
                };
                rows.flat_map(row).collect()
            }
        })
    }
}

/// The files of CTranslate2: variables one after another, each after its name, shape and type.
fn ctranslate2(parts: &mut Parts) -> io::Result<HashMap<String, Entry>> {
    let version = parts.number()?;
    if !(4..=6).contains(&version) {
        return Err(invalid("it is neither a file of CTranslate2 nor of safetensors"));
    }
    let model = parts.name()?;
    if model != "WhisperSpec" {
        return Err(invalid(format!("it holds a model of the kind {model}, not Whisper")));
    }
    parts.number()?;
    let count = parts.number()?;
    if count > MOST_TENSORS {
        return Err(invalid("it has too many tensors"));
    }
    let mut entries = HashMap::new();
    for _ in 0..count {
        let name = parts.name()?;
        let [rank] = parts.array()?;
        let shape = (0..rank).map(|_| parts.number().map(|size| size as usize));
        let shape = shape.collect::<io::Result<Vec<_>>>()?;
        let [kind] = parts.array()?;
        let bytes = u64::from(parts.number()?);
        let start = parts.at;
        parts.skip_to(start + bytes);
        let (precision, width) = match kind {
            0 => (Precision::F32, 4),
            1 => (Precision::I8, 1),
            4 => (Precision::F16, 2),
            5 => (Precision::Bf16, 2),
            // Of these kinds are counts and marks, which the shapes tell as well.
            _ => continue,
        };
        let length = shape.iter().try_fold(width, |all: u64, &size| all.checked_mul(size as u64));
        if length != Some(bytes) {
            return Err(invalid(format!(
                "the tensor {name} has another length than its shape says"
            )));
        }
        entries.insert(name, Entry { precision, shape, start });
    }
    Ok(entries)
}

/// What the table of contents of a safetensors file says of a tensor.
#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// A length, a table of contents in JSON, and what it lists.
fn safetensors(parts: &mut Parts) -> io::Result<HashMap<String, Entry>> {
    let length = u64::from_le_bytes(parts.array()?);
    if length > LONGEST_HEAD {
        return Err(invalid("its table of contents is too long"));
    }
    let head = parts.next_bytes(usize::try_from(length).unwrap_or(usize::MAX))?;
    let listed: HashMap<String, serde_json::Value> = serde_json::from_slice(&head)?;
    let mut entries = HashMap::new();
    for (name, info) in listed.into_iter().filter(|(name, _)| name != "__metadata__") {
        let Info { dtype, shape, data_offsets: (start, end) } = serde_json::from_value(info)?;
        let (precision, width) = match dtype.as_str() {
            "F32" => (Precision::F32, 4),
            "F16" => (Precision::F16, 2),
            "BF16" => (Precision::Bf16, 2),
            _ => continue,
        };
        let bytes = shape.iter().try_fold(width, |all: u64, &size| all.checked_mul(size as u64));
        if bytes.is_none() || end.checked_sub(start) != bytes {
            return Err(invalid(format!(
                "the tensor {name} has another length than its shape says"
            )));
        }
        entries.insert(name, Entry { precision, shape, start: 8 + length + start });
    }
    Ok(entries)
}

pub fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
