//! Reads tensors by name, from files of faster-whisper (CTranslate2) and of transformers
//! (safetensors).
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};
use serde::Deserialize;

/// The longest name of a tensor, in bytes.
const LONGEST_NAME: usize = 1 << 10;
const MAX_TENSORS: u32 = 10_000;
/// The longest table of contents of a safetensors file, in bytes.
const LONGEST_HEAD: u64 = 16 << 20;

/// A file in parts, read as one.
pub struct Parts {
    parts: Vec<(File, u64)>,
    at: u64,
}

impl Parts {
    pub fn new(files: Vec<File>) -> io::Result<Self> {
        // Seeking is allowed even in a sandboxed process.
        let sized = |mut file: File| file.seek(SeekFrom::End(0)).map(|length| (file, length));
        Ok(Self { parts: files.into_iter().map(sized).collect::<io::Result<_>>()?, at: 0 })
    }

    fn length(&self) -> u64 {
        self.parts.iter().map(|(_, length)| length).sum()
    }

    fn skip_to(&mut self, at: u64) {
        self.at = at;
    }

    fn next_bytes(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        // Allocate nothing if the file is too short.
        if self.length().saturating_sub(self.at) < bytes as u64 {
            return Err(invalid("it is cut short"));
        }
        let mut content = vec![0; bytes];
        self.read_exact(&mut content)?;
        Ok(content)
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
    /// Integers; another tensor holds the scale of each row.
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
        // safetensors begins with the length of a JSON text, CTranslate2 with a version and the
        // length of a name.
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

    /// Returns the numbers of a tensor, row by row.
    pub fn read(&mut self, name: &str) -> io::Result<Vec<f32>> {
        let rows = self.shape(name).and_then(|shape| shape.first()).copied();
        self.read_rows(name, 0..rows.unwrap_or(1))
    }

    /// Returns the numbers of a range of rows.
    pub fn read_rows(&mut self, name: &str, part: Range<usize>) -> io::Result<Vec<f32>> {
        let missing = || invalid(format!("it lacks the tensor {name}"));
        let Entry { precision, shape, start } = self.entries.get(name).ok_or_else(missing)?;
        let (precision, start, rows) = (*precision, *start, shape.first().copied().unwrap_or(1));
        let row = shape.iter().skip(1).product::<usize>();
        if part.end > rows {
            return Err(invalid(format!("the tensor {name} has another size than expected")));
        }
        let length = part.len() * row;
        let width = match precision {
            Precision::F32 => 4,
            Precision::F16 | Precision::Bf16 => 2,
            Precision::I8 => 1,
        };
        self.parts.skip_to(start + (part.start * row * width) as u64);
        let bytes = self.parts.next_bytes(length * width)?;
        let pairs = || bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
        Ok(match precision {
            Precision::F32 => {
                bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect()
            }
            Precision::F16 => {
                let halves: Vec<f16> = pairs().map(f16::from_bits).collect();
                let mut values = vec![0.0; halves.len()];
                halves.convert_to_f32_slice(&mut values);
                values
            }
            Precision::Bf16 => pairs().map(|bits| bf16::from_bits(bits).to_f32()).collect(),
            Precision::I8 => {
                let scales = self.read(&format!("{name}_scale"))?;
                if scales.len() != rows || row == 0 {
                    return Err(invalid(format!("the scales of {name} are not one for each row")));
                }
                let rows = bytes.chunks(row).zip(&scales[part]);
                let scaled = |(codes, scale): (&[u8], &f32)| {
                    codes
                        .iter()
                        .map(|&code| f32::from(code.cast_signed()) / *scale)
                        .collect::<Vec<_>>()
                };
                rows.flat_map(scaled).collect()
            }
        })
    }
}

/// Reads the CTranslate2 format: consecutive variables, each with its name, shape and type before
/// it.
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
    if count > MAX_TENSORS {
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
            // The remaining types hold counts and flags, which follow from the shapes.
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

/// The entry of a tensor in the header of a safetensors file.
#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// Reads the safetensors format: a length, a JSON header, and the tensors that it lists.
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    fn name(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len() + 1).unwrap();
        [&length.to_le_bytes()[..], text.as_bytes(), &[0]].concat()
    }

    fn variable(called: &str, shape: &[u32], kind: u8, data: &[u8]) -> Vec<u8> {
        let mut all = name(called);
        all.push(u8::try_from(shape.len()).unwrap());
        shape.iter().for_each(|size| all.extend(size.to_le_bytes()));
        all.push(kind);
        all.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        all.extend(data);
        all
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    /// Returns a file with integers and their scales, and a matrix in half precision.
    fn converted() -> Vec<u8> {
        let halves: Vec<u8> =
            (0..6).flat_map(|at| f16::from_f32(at as f32 / 4.0).to_le_bytes()).collect();
        let mut all = 6_u32.to_le_bytes().to_vec();
        all.extend(name("WhisperSpec"));
        all.extend(3_u32.to_le_bytes());
        all.extend(4_u32.to_le_bytes());
        all.extend(variable("half", &[3, 2], 4, &halves));
        all.extend(variable("count", &[], 2, &[8, 0]));
        all.extend(variable("whole/weight", &[2, 2], 1, &[127, 0, 0x81, 64]));
        all.extend(variable("whole/weight_scale", &[2], 0, &floats(&[127.0, 64.0])));
        all.extend(0_u32.to_le_bytes());
        all
    }

    #[test]
    fn tensors_are_read_from_a_ctranslate2_file_in_parts() {
        let whole = converted();
        for cut in [1, 40, whole.len() / 2, whole.len() - 1] {
            let parts = vec![file(&whole[..cut]), file(&whole[cut..])];
            let mut tensors = WeightFile::open(parts).unwrap();
            assert_eq!(tensors.shape("half"), Some(&[3, 2][..]));
            assert_eq!(tensors.read("half").unwrap(), [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]);
            assert_eq!(tensors.read_rows("half", 1..2).unwrap(), [0.5, 0.75]);
            assert_eq!(tensors.read("whole/weight").unwrap(), [1.0, 0.0, -127.0 / 64.0, 1.0]);
            assert!(!tensors.has("count") && tensors.read("nothing").is_err());
            assert!(tensors.read_rows("half", 2..4).is_err());
        }
    }

    #[test]
    fn tensors_are_read_from_safetensors() {
        let text = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
            "b":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]},"c":{"dtype":"I64","shape":[1],"data_offsets":[12,20]}}"#;
        let mut all = (text.len() as u64).to_le_bytes().to_vec();
        all.extend(text.as_bytes());
        all.extend(floats(&[1.5, -2.0]));
        all.extend([0x80, 0x3f, 0x00, 0xc0]);
        all.extend([0; 8]);
        let mut tensors = WeightFile::open(vec![file(&all)]).unwrap();
        assert_eq!(tensors.read("a").unwrap(), [1.5, -2.0]);
        assert_eq!(tensors.read("b").unwrap(), [1.0, -2.0]);
        assert!(!tensors.has("c"));
    }

    #[test]
    fn other_and_truncated_files_are_refused() {
        let whole = converted();
        for content in [&b""[..], b"short", b"no model at all, but a text", &[0xff; 64]] {
            assert!(WeightFile::open(vec![file(content)]).is_err());
        }
        for end in 0..whole.len() {
            // The header may be complete; then the numbers are missing.
            if let Ok(mut tensors) = WeightFile::open(vec![file(&whole[..end])]) {
                let last =
                    ["half", "whole/weight", "whole/weight_scale"].map(|name| tensors.read(name));
                assert!(end > whole.len() - 5 || last.iter().any(Result::is_err), "{end}");
            }
        }
    }
}
