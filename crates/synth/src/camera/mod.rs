//! The camera: from a lit head, seen straight on, to a grey picture.

mod film;
mod jpeg;

use image::GrayImage;

use crate::face::Portrait;
use crate::face::noise::Noise;
use crate::geometry::{Point, mix, p, step};
use crate::person::au::AuState;
use crate::person::identity::Identity;
use crate::scene::Scene;

/// A picture and the places of its features.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Grey picture, 8 bits.
    pub image: GrayImage,
    /// The 68 points of the iBUG scheme as (x, y) in pixels, y down; pixel centres lie at whole numbers.
    pub landmarks: [(f32, f32); 68],
}

/// Grid points per pixel along one side: a little fewer than pixels, since the camera blurs by about one.
const FINENESS: f32 = 0.88;

/// Draws `person` showing `aus` as seen in `scene`.
///
/// The picture is `width`×`height` pixels; the head's size follows the height, so a 4:3 picture shows what CK+'s
/// 640×490 frames show. The result depends only on the arguments.
pub fn render(
    person: &Identity,
    aus: &AuState,
    scene: &Scene,
    width: u32,
    height: u32,
) -> Rendered {
    let (pixels, [cx, cy]) = (scene.scale * height as f32, scene.center);
    let camera = Camera {
        portrait: Portrait::draw(person, aus, scene, (FINENESS * pixels).max(22.0)),
        person,
        scene,
        width,
        height,
        pixels,
        turn: scene.roll.sin_cos(),
        origin: (cx * width as f32, cy * height as f32),
    };
    let mut grey = film::develop(camera.expose(), scene.gamma);
    let sigma = scene.blur * height as f32 / 490.0;
    if sigma >= 0.2 {
        for side in [width, height] {
            grey = film::blur_and_turn(&grey, side as usize, sigma);
        }
    }
    let mut image = GrayImage::new(width, height);
    image.copy_from_slice(&film::read_out(&grey, scene));
    jpeg::compress(&mut image, width as usize, scene.jpeg_quality);
    let landmarks = camera.portrait.landmarks.map(|q| camera.see(q));
    Rendered { image, landmarks }
}

/// Maps between the frontal grid and the picture.
struct Camera<'a> {
    portrait: Portrait,
    person: &'a Identity,
    scene: &'a Scene,
    width: u32,
    height: u32,
    /// Pixels per half interocular distance.
    pixels: f32,
    /// Sine and cosine of the roll.
    turn: (f32, f32),
    /// Pixel of the point between the eyes.
    origin: (f32, f32),
}

/// Height of the head's axis of rotation.
const AXIS: f32 = 0.3;

impl Camera<'_> {
    /// Pixel of a face point: parallax by its height, then rotation, scale and shift.
    fn see(&self, q: Point) -> (f32, f32) {
        let z = self.portrait.canvas.sample(&self.portrait.relief, q) - AXIS;
        let (x, y) = (q.x + self.scene.yaw * z, q.y + self.scene.pitch * z);
        let ((sin, cos), (ox, oy)) = (self.turn, self.origin);
        let (across, down) = (cos * x - sin * y, sin * x + cos * y);
        (ox + self.pixels * across, oy + self.pixels * down)
    }

    /// Face coordinates under a pixel, without parallax.
    fn unrolled(&self, column: u32, row: u32) -> Point {
        let ((sin, cos), (ox, oy)) = (self.turn, self.origin);
        let dx = (column as f32 - ox) / self.pixels;
        let dy = (row as f32 - oy) / self.pixels;
        p(cos * dx + sin * dy, cos * dy - sin * dx)
    }

    /// Linear light at every pixel: wall, then head, then clothes in front of the neck.
    fn expose(&self) -> Vec<f32> {
        // Automatic exposure compensates most of the difference between skin tones.
        let gain = self.scene.exposure * 0.42 * self.person.skin.powf(-0.62) / 0.62f32;
        let cloth = Noise::new(self.person.texture, 41);
        let expose = |i| {
            let (column, row) = (i % self.width, i / self.width);
            let q = self.unrolled(column, row);
            self.dress(cloth, q, self.head(q, gain, self.wall(column, row)))
        };
        (0..self.width * self.height).map(expose).collect()
    }

    fn wall(&self, column: u32, row: u32) -> f32 {
        let [left, right, down] = self.scene.wall;
        let u = column as f32 / self.width as f32;
        let v = row as f32 / self.height as f32;
        let grey = (mix(left, right, u) + down * (v - 0.5)).clamp(0.02, 1.0);
        grey.powi(2) * self.scene.exposure
    }

    fn head(&self, q: Point, gain: f32, behind: f32) -> f32 {
        if q.x.abs() >= 3.25 || q.y <= -3.9 || q.y >= 5.0 {
            return behind;
        }
        let (head, mut source) = (&self.portrait, q);
        for _ in 0..2 {
            let z = head.canvas.nearest(&head.relief, source).max(0.0) - AXIS;
            source = p(q.x - self.scene.yaw * z, q.y - self.scene.pitch * z);
        }
        let [alpha, lit] = [&head.cover, &head.lit].map(|b| head.canvas.sample(b, source));
        mix(behind, gain * lit, alpha)
    }

    fn dress(&self, cloth: Noise, q: Point, behind: f32) -> f32 {
        const TOP: f32 = 4.04;
        let soft = 1.5 / self.pixels;
        if q.y < TOP - soft {
            return behind;
        }
        let ax = q.x.abs();
        let edge = match ax < 1.65 {
            true => TOP + 0.42 * (1.0 - (ax / 1.65).powi(2)).max(0.0).sqrt(),
            false => TOP + 0.14 * (ax - 1.3) + 0.035 * (ax - 1.3).max(0.0).powi(3),
        };
        let seam = 1.0 - 0.35 * step(0.18, 0.12, q.y - edge) * step(1.7, 1.6, ax);
        let round = 1.0 - 0.35 * step(0.4, 0.0, q.y - edge) - 0.02 * ax;
        let weave = 1.0 + 0.08 * cloth.fractal(1.2 * q.x, 0.8 * q.y, 2);
        let light = 0.42 * self.person.cloth * seam * round * weave;
        mix(behind, light, step(-soft, soft, q.y - edge))
    }
}
