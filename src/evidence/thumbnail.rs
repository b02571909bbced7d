//! Small pictures of photographs, made on a blocking thread within limits of pixels and memory.
//!
//! A picture that is too large or cannot be decoded has none: that is no fault, because the file itself is kept. Nor has
//! a file of another type, such as a PDF, which would have to be drawn first.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

use image::{ImageFormat, ImageReader, Limits};

use super::media::Media;

/// The longest side of a small picture, in pixels.
const SIDE: u32 = 320;
/// The longest side of a picture that is decoded.
const SIDE_MAX: u32 = 12_000;
/// The most pixels of a picture that is decoded.
const PIXELS_MAX: u64 = 40_000_000;
/// The most memory for decoding.
const MEMORY_MAX: u64 = 200 * 1024 * 1024;

/// A small picture as PNG, if one can be made.
pub(super) fn of(reader: &mut (impl Read + Seek), media: Media) -> Option<Vec<u8>> {
    let format = match media {
        Media::Jpeg => ImageFormat::Jpeg,
        Media::Png => ImageFormat::Png,
        _ => return None,
    };
    reader.seek(SeekFrom::Start(0)).ok()?;
    let (width, height) = ImageReader::with_format(BufReader::new(reader.by_ref()), format).into_dimensions().ok()?;
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return None;
    }
    reader.seek(SeekFrom::Start(0)).ok()?;
    let mut decoding = ImageReader::with_format(BufReader::new(reader), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    decoding.limits(limits);
    // What is known only to the decoder, such as where a photograph was taken, does not go into the small picture.
    let small = decoding.decode().ok()?.thumbnail(SIDE, SIDE).into_rgba8();
    let mut encoded = Cursor::new(Vec::new());
    small.write_to(&mut encoded, ImageFormat::Png).ok()?;
    Some(encoded.into_inner())
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, RgbImage};

    use super::*;

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut encoded = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(RgbImage::new(width, height)).write_to(&mut encoded, format).expect("a picture");
        encoded.into_inner()
    }

    #[test]
    fn a_photograph_has_a_small_picture_with_its_proportions() {
        for (format, media) in [(ImageFormat::Jpeg, Media::Jpeg), (ImageFormat::Png, Media::Png)] {
            let small = of(&mut Cursor::new(picture(1_000, 500, format)), media).expect("a small picture");
            let small = image::load_from_memory(&small).expect("a picture");
            assert_eq!((small.width(), small.height()), (320, 160));
        }
    }

    #[test]
    fn broken_and_huge_pictures_have_none() {
        let mut huge = picture(1, 1, ImageFormat::Png);
        huge[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        assert_eq!(of(&mut Cursor::new(huge), Media::Png), None);
        let whole = picture(1_000, 500, ImageFormat::Png);
        assert_eq!(of(&mut Cursor::new(&whole[..whole.len() / 2]), Media::Png), None);
        assert_eq!(of(&mut Cursor::new(b"%PDF-1.7"), Media::Pdf), None);
    }
}
