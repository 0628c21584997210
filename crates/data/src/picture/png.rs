//! The PNG images that face data consist of, faster than a general decoder: 8-bit grey, not interlaced.
//!
//! Reading one is most of what preparing an image costs, and half of that is undoing its filters, which [`wave`] does
//! several times as fast as decoders that go row by row. Anything unusual or damaged is left to the `image` crate, which
//! then says what is wrong, so this decides nothing but speed.

#[cfg(target_arch = "x86_64")]
mod wave;

use fdeflate::Decompressor;
use image::GrayImage;

/// Most columns or rows of an image; CK+ has 640×490.
pub(crate) const SIDE_LIMIT: u32 = 8192;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
/// 8 bits, grey; the one compression and the one set of filters that there are; not interlaced.
const GREY_8_BIT: [u8; 5] = [8, 0, 0, 0, 0];

/// The image, if it is of the usual kind and whole.
pub(super) fn decode(bytes: &[u8]) -> Option<GrayImage> {
    let mut chunks = Chunks(bytes.strip_prefix(SIGNATURE)?);
    let (b"IHDR", header) = chunks.next()? else {
        return None;
    };
    let (width, header) = header.split_first_chunk()?;
    let (height, header) = header.split_first_chunk()?;
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    let sides = 1..=SIDE_LIMIT;
    if header != GREY_8_BIT || !sides.contains(&width) || !sides.contains(&height) {
        return None;
    }
    let packed = image_data(chunks)?;
    let packed = match &packed[..] {
        [one] => one,
        more => &more.concat()[..],
    };
    let line = 1 + width as usize;
    let filtered = inflate(packed, line * height as usize)?;
    GrayImage::from_raw(width, height, unfilter(&filtered, line)?)
}

/// Chunks of a PNG whose checksums hold, up to the first that is cut off or damaged.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (named, after) = rest.split_at_checked(length.checked_add(4)?)?;
        let (checksum, after) = after.split_first_chunk()?;
        if crc32fast::hash(named) != u32::from_be_bytes(*checksum) {
            return None;
        }
        self.0 = after;
        named.split_first_chunk()
    }
}

/// The contents of the `IDAT` chunks; `None` unless they follow each other and the file ends properly, or if another
/// chunk says how to read them.
fn image_data(chunks: Chunks<'_>) -> Option<Vec<&[u8]>> {
    let (mut data, mut behind) = (Vec::new(), false);
    for (name, content) in chunks {
        match name {
            b"IDAT" if behind => return None,
            b"IDAT" => data.push(content),
            b"IEND" => return (!data.is_empty()).then_some(data),
            b"tRNS" | b"acTL" => return None,
            // A name that begins with a capital letter is that of a chunk without which the image can't be shown.
            [first, ..] if first.is_ascii_uppercase() => return None,
            _ => behind = !data.is_empty(),
        }
    }
    None
}

/// Exactly `length` bytes, no more and no less.
fn inflate(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    // Deflate packs at most 1032 to one.
    if length / 1032 > packed.len() {
        return None;
    }
    let mut inflated = vec![0; length];
    let mut decompressor = Decompressor::new();
    let (mut input, mut at) = (packed, 0);
    while !decompressor.is_done() {
        let (consumed, produced) = decompressor.read(input, &mut inflated, at, true).ok()?;
        if (consumed, produced) == (0, 0) {
            return None;
        }
        input = &input[consumed..];
        at += produced;
    }
    (at == length).then_some(inflated)
}

/// How a line's pixels were predicted from their neighbours; what is stored is the difference, modulo 256 (PNG
/// specification, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    Nothing,
    Left,
    Above,
    Average,
    Paeth,
}

impl Filter {
    fn numbered(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Nothing),
            1 => Some(Self::Left),
            2 => Some(Self::Above),
            3 => Some(Self::Average),
            4 => Some(Self::Paeth),
            _ => None,
        }
    }
}

/// Undoes the filters of lines, each of which begins with its filter's number.
fn unfilter(filtered: &[u8], line: usize) -> Option<Vec<u8>> {
    let filters = filtered.iter().step_by(line);
    let filters: Vec<Filter> = filters
        .map(|&f| Filter::numbered(f))
        .collect::<Option<_>>()?;
    let mut pixels = vec![0; filters.len() * (line - 1)];
    #[cfg(target_arch = "x86_64")]
    wave::unfilter(filtered, &filters, &mut pixels);
    #[cfg(not(target_arch = "x86_64"))]
    row_by_row(filtered, &filters, &mut pixels);
    Some(pixels)
}

/// As the specification has it: for other processors, and the oracle of the fast one.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn row_by_row(filtered: &[u8], filters: &[Filter], pixels: &mut [u8]) {
    let width = pixels.len() / filters.len();
    let mut above = &vec![0; width][..];
    let lines = filtered.chunks_exact(width + 1).zip(filters);
    for (row, (line, filter)) in pixels.chunks_exact_mut(width).zip(lines) {
        let (mut left, mut above_left) = (0, 0);
        for ((pixel, raw), &above) in row.iter_mut().zip(&line[1..]).zip(above) {
            *pixel = raw.wrapping_add(filter.predicted(left, above, above_left));
            (left, above_left) = (*pixel, above);
        }
        above = row;
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
impl Filter {
    fn predicted(self, left: u8, above: u8, above_left: u8) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Left => left,
            Self::Above => above,
            Self::Average => ((u16::from(left) + u16::from(above)) / 2) as u8,
            Self::Paeth => {
                let [a, b, c] = [left, above, above_left].map(i16::from);
                let p = a + b - c;
                let [to_a, to_b, to_c] = [a, b, c].map(|neighbour| (p - neighbour).abs());
                if to_a <= to_b && to_a <= to_c {
                    left
                } else if to_b <= to_c {
                    above
                } else {
                    above_left
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageEncoder;
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    use proptest::prelude::*;

    fn encoded(width: u32, height: u32, pixels: &[u8], filter: FilterType) -> Vec<u8> {
        let mut png = Vec::new();
        PngEncoder::new_with_quality(&mut png, CompressionType::Fast, filter)
            .write_image(pixels, width, height, image::ExtendedColorType::L8)
            .unwrap();
        png
    }

    proptest! {
        #[test]
        fn every_filter_gives_the_pixels_back(
            width in 1u32..40, height in 1u32..20, seed: u64, which in 0usize..6, smooth: bool,
        ) {
            use rand::RngExt;
            let mut rng = faus_base::random::named(seed, "test", &[]);
            let pixels: Vec<u8> = (0..width * height)
                .map(|at| if smooth { (at * 7 % 256) as u8 ^ rng.random::<u8>() >> 5 } else { rng.random() })
                .collect();
            let filter = [
                FilterType::NoFilter, FilterType::Sub, FilterType::Up, FilterType::Avg, FilterType::Paeth, FilterType::Adaptive,
            ][which];
            let png = encoded(width, height, &pixels, filter);
            let image = decode(&png).expect("a usual image");
            prop_assert_eq!((image.width(), image.height()), (width, height));
            prop_assert_eq!(image.into_raw(), pixels);
        }

        #[test]
        fn any_mixture_of_filters_is_undone(
            width in 1usize..70, filters in prop::collection::vec(0u8..5, 1..40), seed: u64,
        ) {
            use rand::RngExt;
            let mut rng = faus_base::random::named(seed, "test", &[]);
            let line = width + 1;
            let mut filtered: Vec<u8> = (0..filters.len() * line).map(|_| rng.random()).collect();
            for (line, filter) in filtered.chunks_exact_mut(line).zip(&filters) {
                line[0] = *filter;
            }
            let kinds: Vec<_> = filters.iter().map(|&f| Filter::numbered(f).unwrap()).collect();
            let mut expected = vec![0; kinds.len() * width];
            row_by_row(&filtered, &kinds, &mut expected);
            prop_assert_eq!(unfilter(&filtered, line), Some(expected));
        }

        #[test]
        fn what_is_damaged_is_never_taken_for_something_else(at in 0usize..10_000, flip in 1u8..=255) {
            let pixels: Vec<u8> = (0..30 * 20u32).map(|at| (at * at / 7) as u8).collect();
            let mut png = encoded(30, 20, &pixels, FilterType::Adaptive);
            let at = at % png.len();
            png[at] ^= flip;
            if let Some(image) = decode(&png) {
                prop_assert_eq!(image.into_raw(), pixels);
            }
            prop_assert!(decode(&png[..at]).is_none());
        }
    }
}
