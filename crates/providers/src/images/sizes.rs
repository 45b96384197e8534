//! Image sizes of OpenAI's models. Other servers accept any size, or refuse it themselves.
use carrel_domain::image::ImageSize;

const fn square(side: u32) -> ImageSize {
    ImageSize { width: side, height: side }
}

const fn size(width: u32, height: u32) -> ImageSize {
    ImageSize { width, height }
}

/// Sizes by prefix of the model's name. The last row applies to all others.
const SIZES: [(&str, [ImageSize; 3]); 3] = [
    ("dall-e-2", [square(256), square(512), square(1024)]),
    ("dall-e-3", [square(1024), size(1792, 1024), size(1024, 1792)]),
    ("", [square(1024), size(1536, 1024), size(1024, 1536)]),
];

/// Returns the supported size most similar to the wanted one, by aspect ratio first.
pub(super) fn nearest(model: &str, requested: ImageSize) -> ImageSize {
    let row = SIZES.iter().find(|(start, _)| model.starts_with(start));
    let sizes = row.map_or(&[][..], |(_, sizes)| sizes);
    let shape = |size: &ImageSize| (f64::from(size.width) / f64::from(size.height)).ln();
    let unlike = |size: &ImageSize| {
        let area = |size: &ImageSize| f64::from(size.width) * f64::from(size.height);
        let (shapes, areas) =
            (shape(size) - shape(&requested), (area(size) / area(&requested)).ln());
        shapes.abs() * 100.0 + areas.abs()
    };
    let nearest = sizes.iter().min_by(|one, other| unlike(one).total_cmp(&unlike(other)));
    nearest.copied().unwrap_or(requested)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_size_becomes_the_most_similar_one() {
        for (model, requested, expected) in [
            ("gpt-image-1", "512x512", "1024x1024"),
            ("gpt-image-1", "1024x1024", "1024x1024"),
            ("gpt-image-1", "1920x1080", "1536x1024"),
            ("gpt-image-1", "1080x1920", "1024x1536"),
            ("dall-e-3", "1920x1080", "1792x1024"),
            ("dall-e-2", "512x512", "512x512"),
            ("dall-e-2", "300x280", "256x256"),
        ] {
            let requested = ImageSize::parse(requested).unwrap();
            assert_eq!(nearest(model, requested).to_string(), expected, "{model} {requested}");
        }
    }
}
