//! Finds the one face of a portrait by SeetaFace.

use std::cell::RefCell;

use image::GrayImage;

use crate::error::Error;
use crate::picture::{CropBox, resize};

use super::fit_square;
use super::seeta::{self, Face, FaceSearch, Grey, Model, Scratch, WINDOW};

/// The frontal model in rustface's package (SeetaFace, BSD 2-Clause), put here by our build script.
pub(super) const MODEL: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/seeta_fd_frontal_v1.0.bin"));

/// Finds the one face of a portrait. Silently wrong where a picture holds several faces of like size: the one with the
/// best score is returned.
pub struct FaceDetector {
    model: Model,
}

impl FaceDetector {
    /// Reads the built-in model.
    ///
    /// # Errors
    /// [`Error::Setting`] if the built-in model is another file (a broken build).
    pub fn new() -> Result<Self, Error> {
        let wrong = || Error::setting("face model", "is not seeta_fd_frontal_v1.0.bin");
        let model = Model::read(MODEL).ok_or_else(wrong)?;
        Ok(Self { model })
    }

    /// The face's square inside the image, found at the first or at the second, lenient try.
    ///
    /// The second try begins with the faces of the first: a face slightly outside the limits then needs no further
    /// search, which would take five times as long.
    pub fn find(&self, image: &GrayImage) -> Option<CropBox> {
        let seen = self.look(image, FaceSearch::FIRST)?;
        seen.best(FaceSearch::FIRST)
            .or_else(|| seen.best(FaceSearch::LENIENT))
            .or_else(|| self.search(image, FaceSearch::LENIENT))
    }

    /// One search: the box with the best score whose side is within the limits. A step outside 0.1 to 0.99, a stride of
    /// 0 and sizes under 0.05 of the image are clamped to these limits.
    pub fn search(&self, image: &GrayImage, search: FaceSearch) -> Option<CropBox> {
        self.look(image, search)?.best(search)
    }

    /// All faces of at least a tenth of the shorter side, or else a twentieth, best first.
    pub fn all(&self, image: &GrayImage) -> Vec<CropBox> {
        let found = |search| {
            let seen = self.look(image, search)?;
            let mut faces = seen.faces.clone();
            faces.sort_by(|a, b| b.score.total_cmp(&a.score));
            let faces: Vec<CropBox> = faces.iter().map(|face| seen.square(face)).collect();
            (!faces.is_empty()).then_some(faces)
        };
        let mut tries = [FaceSearch::GROUP, FaceSearch::CROWD].into_iter();
        tries.find_map(found).unwrap_or_default()
    }

    /// All faces of a search, whatever their size; `None` for an image that is not a portrait.
    fn look<'a>(&self, image: &'a GrayImage, search: FaceSearch) -> Option<Seen<'a>> {
        thread_local! {
            static SCRATCH: RefCell<Scratch> = RefCell::default();
        }
        let (width, height) = image.dimensions();
        // No portrait is smaller or narrower than this, and enlarging a sliver would take too long.
        if width.min(height) < 24 || width.max(height) > 8 * width.min(height) {
            return None;
        }
        let shrink = WINDOW as f64 / (search.smallest.max(0.05) * f64::from(width.min(height)));
        let scaled = |side: u32| ((f64::from(side) * shrink).round() as u32).max(1);
        let (width, height) = (scaled(width), scaled(height));
        let small = Grey {
            pixels: &resize(image, CropBox::whole(image), width, height),
            width: width as usize,
            height: height as usize,
        };
        let faces =
            SCRATCH.with_borrow_mut(|scratch| seeta::faces(&self.model, small, search, scratch));
        Some(Seen {
            image,
            faces,
            shrink,
        })
    }
}

/// The faces of an image.
struct Seen<'a> {
    image: &'a GrayImage,
    /// In pixels of the shrunken image.
    faces: Vec<Face>,
    shrink: f64,
}

impl Seen<'_> {
    /// The box with the best score whose side is within the limits. Ties keep the first, so that the result does not depend on
    /// the order of a sort.
    fn best(&self, limits: FaceSearch) -> Option<CropBox> {
        let (width, height) = self.image.dimensions();
        let full = |at: i32| f64::from(at) / self.shrink;
        let share = |face: &Face| full(face.place.side) / f64::from(width.min(height));
        let limits = limits.smallest..=limits.largest;
        let faces = self.faces.iter();
        let sought = faces.filter(|face| limits.contains(&share(face)));
        let best = sought.reduce(|best, face| if face.score > best.score { face } else { best })?;
        Some(self.square(best))
    }

    /// A face's square in pixels of the whole image.
    fn square(&self, face: &Face) -> CropBox {
        let [x, y, side] =
            [face.place.x, face.place.y, face.place.side].map(|at| f64::from(at) / self.shrink);
        fit_square(x, y, side, self.image.width(), self.image.height())
    }
}

/// The photograph in rustface's package, if there is one: the Solvay conference of 1927.
#[cfg(test)]
pub(super) fn photograph() -> Option<GrayImage> {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/photograph.png"));
    (!bytes.is_empty()).then(|| {
        crate::picture::decode::decode_grey(bytes, std::path::Path::new("photograph.png")).unwrap()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    /// One head and shoulders, enlarged to a portrait as CK+ has them.
    fn portrait(photograph: &GrayImage, x: u32, y: u32) -> GrayImage {
        let crop = CropBox {
            x,
            y,
            w: 100,
            h: 100,
        };
        GrayImage::from_raw(490, 490, resize(photograph, crop, 490, 490)).unwrap()
    }

    #[test]
    fn finds_the_face_of_a_portrait() {
        let Some(photograph) = photograph() else {
            return;
        };
        let detector = FaceDetector::new().unwrap();
        // Two people whose faces the photograph's own drawn boxes put at these places.
        for (x, y, face_x, face_y) in [(545, 178, 594.0, 226.0), (1243, 187, 1292.0, 236.0)] {
            let found = detector.find(&portrait(&photograph, x, y)).expect("a face");
            let centre =
                |start: u32, offset: u32| f64::from(offset) + f64::from(start + found.w / 2) / 4.9;
            assert!((centre(found.x, x) - face_x).abs() < 10.0, "{found:?}");
            assert!((centre(found.y, y) - face_y).abs() < 10.0, "{found:?}");
            assert!(
                (40.0..75.0).contains(&(f64::from(found.w) / 4.9)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn finds_nothing_where_nothing_is() {
        let detector = FaceDetector::new().unwrap();
        for (width, height) in [(640, 490), (48, 48), (1, 1), (3000, 2), (10, 300)] {
            assert_eq!(
                detector.find(&GrayImage::from_pixel(width, height, Luma([128]))),
                None
            );
        }
    }

    #[test]
    fn takes_images_of_any_size() {
        let detector = FaceDetector::new().unwrap();
        for (step, side) in (24..260).step_by(13).enumerate() {
            let noise = |x: u32, y: u32| Luma([(x * 31 + y * 57 + x * y * 13) as u8]);
            let image = GrayImage::from_fn(side, side + step as u32 * 11, noise);
            if let Some(found) = detector.find(&image) {
                assert!(found.x + found.w <= image.width() && found.y + found.h <= image.height());
            }
        }
    }
}
