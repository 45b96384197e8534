//! Adapts a file to the container readers.
use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

pub struct AudioSource<T> {
    inner: T,
    length: u64,
}

impl<T> AudioSource<T> {
    pub fn new(inner: T, length: u64) -> Self {
        Self { inner, length }
    }
}

impl<T: Read> Read for AudioSource<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<T: Seek> Seek for AudioSource<T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

impl<T: Read + Seek + Send + Sync> MediaSource for AudioSource<T> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}
