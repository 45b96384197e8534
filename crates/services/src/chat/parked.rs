//! Parking of images in a file while a question waits for the model. Answers can take minutes, and
//! many can be in progress.
use std::io::{Read, Seek, Write};
use std::path::PathBuf;

use carrel_domain::{Error, Result};

use super::Attachment;
use crate::record;

/// The image contents of a question, in a temporary file that is deleted on drop.
pub(super) struct ParkedImages {
    file: std::fs::File,
    /// The length of each image, in bytes.
    lengths: Vec<usize>,
}

impl ParkedImages {
    /// Moves the contents of images that will be stored to a file and removes the other images.
    pub async fn park(
        attachments: &mut Vec<Attachment>,
        directory: PathBuf,
    ) -> Result<Option<Self>> {
        record::retain_storable(attachments);
        let images = attachments.iter_mut().filter(|attachment| attachment.is_image());
        let contents: Vec<_> = images.map(|image| std::mem::take(&mut image.content)).collect();
        if contents.is_empty() {
            return Ok(None);
        }
        let write = move || {
            let mut file = tempfile::tempfile_in(directory)?;
            for content in &contents {
                file.write_all(content.as_bytes())?;
            }
            Ok(Self { file, lengths: contents.iter().map(String::len).collect() })
        };
        let result: std::io::Result<_> =
            tokio::task::spawn_blocking(write).await.map_err(Error::internal)?;
        result.map(Some).map_err(Error::of_file)
    }

    /// Moves the contents back into the images.
    pub async fn restore(self, attachments: &mut [Attachment]) -> Result<()> {
        let Self { mut file, lengths } = self;
        let read = move || {
            file.rewind()?;
            lengths.into_iter().map(|length| read_content(&mut file, length)).collect()
        };
        let contents: std::io::Result<Vec<_>> =
            tokio::task::spawn_blocking(read).await.map_err(Error::internal)?;
        let images = attachments.iter_mut().filter(|attachment| attachment.is_image());
        for (image, content) in images.zip(contents.map_err(Error::of_file)?) {
            image.content = content;
        }
        Ok(())
    }
}

fn read_content(file: &mut std::fs::File, length: usize) -> std::io::Result<String> {
    let mut content = vec![0; length];
    file.read_exact(&mut content)?;
    String::from_utf8(content).map_err(|error| std::io::Error::other(error.utf8_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(name: &str, mime: &str, content: String) -> Attachment {
        Attachment { name: name.into(), mime: mime.into(), content }
    }

    #[tokio::test]
    async fn parked_images_are_restored_and_use_no_memory_in_between() {
        let directory = tempfile::tempdir().unwrap();
        let small = |name: &str, sign: &str| attachment(name, "image/png", sign.repeat(1000));
        let all = vec![
            small("a", "A"),
            attachment("b", "text/plain", String::new()),
            // Exceeds the size that is stored.
            attachment("c", "image/png", "C".repeat(5 << 20)),
            small("d", "é"),
        ];
        let mut attachments = all.clone();
        let path = directory.path().to_owned();
        let parked = ParkedImages::park(&mut attachments, path).await.unwrap().unwrap();
        let lengths: Vec<_> = attachments.iter().map(|a| (&*a.name, a.content.len())).collect();
        assert_eq!(lengths, [("a", 0), ("b", 0), ("d", 0)]);
        parked.restore(&mut attachments).await.unwrap();
        let [a, b, _, d] = all.try_into().unwrap();
        assert_eq!(attachments, [a, b, d]);
        let path = directory.path().to_owned();
        let mut attachments = vec![attachment("b", "text/plain", String::new())];
        assert!(ParkedImages::park(&mut attachments, path).await.unwrap().is_none());
    }
}
