//! From a person, action units and a scene to a grey picture with its landmarks.

use crate::au::AuState;
use crate::canvas::Canvas;
use crate::compress::compress;
use crate::details::{paint_eyes, paint_mouth};
use crate::geometry::{Point, mix, p, step};
use crate::identity::Identity;
use crate::light::shade;
use crate::noise::Noise;
use crate::random::{Purpose, keyed};
use crate::scene::Scene;
use crate::shape::Shape;
use crate::surface::Surface;
use crate::{hair, skin, wrinkle};
use image::GrayImage;
use rand::Rng;

/// A picture and where its features are.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Grey picture, 8 bits.
    pub image: GrayImage,
    /// The 68 points of the iBUG scheme as (x, y) in pixels, y down; pixel centres lie at whole numbers.
    pub landmarks: [(f32, f32); 68],
}

/// Draws `person` showing `aus` as seen in `scene`.
///
/// The picture is `width`×`height` pixels; the head's size follows the height, so a 4:3 picture shows what
/// CK+'s 640×490 frames show. The result depends on nothing but the arguments.
pub fn render(
    person: &Identity,
    aus: &AuState,
    scene: &Scene,
    width: u32,
    height: u32,
) -> Rendered {
    expose(person, aus, scene, width, height).develop(scene)
}

/// What falls onto the sensor: a picture before noise and compression.
pub(crate) struct Exposure {
    pub width: u32,
    pub height: u32,
    /// Grey levels, 0 to 255.
    pub grey: Vec<f32>,
    landmarks: [(f32, f32); 68],
}

pub(crate) fn expose(
    person: &Identity,
    aus: &AuState,
    scene: &Scene,
    width: u32,
    height: u32,
) -> Exposure {
    let aus = aus.scaled(1.0, &person.gains);
    let shape = Shape::new(person, &aus);
    let camera = Camera::new(scene, width, height);
    let canvas = Canvas::new((FINENESS * camera.pixels).max(22.0));
    let mut surface = Surface::new(&canvas, person, &shape);
    wrinkle::add_wrinkles(&canvas, &mut surface, person, &shape, &aus);
    let relief = canvas.box_mean(&surface.z, 0.15);
    skin::colour(&canvas, &mut surface, person, &shape);
    hair::grow(&canvas, &mut surface, person, &shape);
    let mut lit = shade(&canvas, &surface, scene);
    paint_eyes(&canvas, &mut lit, person, &shape, scene);
    paint_mouth(&canvas, &mut lit, person, &shape, scene);
    let light = camera.expose(&canvas, person, &lit, &surface.cover, &relief);
    Exposure {
        width,
        height,
        grey: camera.focus(light),
        landmarks: shape.landmarks().map(|q| camera.see(&canvas, &relief, q)),
    }
}

impl Exposure {
    /// Sensor noise, eight bits, block compression.
    pub fn develop(&self, scene: &Scene) -> Rendered {
        let [seed, a, b] = scene.noise_key;
        let rng = &mut keyed(seed, Purpose::Sensor, a, b);
        let mut pixels = Vec::with_capacity(self.grey.len());
        for pair in self.grey.chunks(2) {
            let bits = rng.next_u64();
            for (k, value) in pair.iter().enumerate() {
                let noise = scene.noise * nearly_normal((bits >> (32 * k)) as u32);
                pixels.push((value + noise + 0.5).clamp(0.0, 255.0) as u8);
            }
        }
        compress(&mut pixels, self.width as usize, scene.jpeg_quality);
        let mut image = GrayImage::new(self.width, self.height);
        image.copy_from_slice(&pixels);
        Rendered {
            image,
            landmarks: self.landmarks,
        }
    }
}

/// Grid points per pixel along one side: a little fewer than pixels, since the camera blurs by about one.
const FINENESS: f32 = 0.88;

/// Maps between the frontal grid and the picture.
struct Camera<'a> {
    scene: &'a Scene,
    width: u32,
    height: u32,
    /// Pixels per half interocular distance.
    pixels: f32,
    /// Sine and cosine of the roll.
    turn: (f32, f32),
}

/// Height of the axis about which the head turns and nods.
const AXIS: f32 = 0.3;

impl<'a> Camera<'a> {
    fn new(scene: &'a Scene, width: u32, height: u32) -> Self {
        Self {
            scene,
            width,
            height,
            pixels: scene.scale * height as f32,
            turn: scene.roll.sin_cos(),
        }
    }

    fn origin(&self) -> (f32, f32) {
        let [cx, cy] = self.scene.center;
        (cx * self.width as f32, cy * self.height as f32)
    }

    /// Pixel of a face point: parallax by its height, then rotation, scale and shift.
    fn see(&self, canvas: &Canvas, relief: &[f32], q: Point) -> (f32, f32) {
        let z = canvas.sample(relief, q) - AXIS;
        let (x, y) = (q.x + self.scene.yaw * z, q.y + self.scene.pitch * z);
        let (sin, cos) = self.turn;
        let (ox, oy) = self.origin();
        (
            ox + self.pixels * (cos * x - sin * y),
            oy + self.pixels * (sin * x + cos * y),
        )
    }

    /// Face coordinates under a pixel, without parallax.
    fn unrolled(&self, column: u32, row: u32) -> Point {
        let (ox, oy) = self.origin();
        let (dx, dy) = (
            (column as f32 - ox) / self.pixels,
            (row as f32 - oy) / self.pixels,
        );
        let (sin, cos) = self.turn;
        p(cos * dx + sin * dy, cos * dy - sin * dx)
    }

    /// Linear light at every pixel: wall, then head, then clothes in front of the neck.
    fn expose(
        &self,
        canvas: &Canvas,
        person: &Identity,
        lit: &[f32],
        cover: &[f32],
        relief: &[f32],
    ) -> Vec<f32> {
        let scene = self.scene;
        // Automatic exposure evens out most, not all, of the difference between skins.
        let gain = scene.exposure * 0.42 * person.skin.powf(-0.62) / 0.62f32;
        let cloth = Noise::new(person.texture, 41);
        let mut out = Vec::with_capacity((self.width * self.height) as usize);
        for row in 0..self.height {
            for column in 0..self.width {
                let q = self.unrolled(column, row);
                let mut light = self.wall(column, row);
                if q.x.abs() < 3.25 && q.y > -3.9 && q.y < 5.0 {
                    let mut source = q;
                    for _ in 0..2 {
                        let z = canvas.nearest(relief, source).max(0.0) - AXIS;
                        source = p(q.x - scene.yaw * z, q.y - scene.pitch * z);
                    }
                    let alpha = canvas.sample(cover, source);
                    if alpha > 0.0 {
                        light = mix(light, gain * canvas.sample(lit, source), alpha);
                    }
                }
                out.push(self.dress(person, cloth, q, light));
            }
        }
        out
    }

    fn wall(&self, column: u32, row: u32) -> f32 {
        let [left, right, down] = self.scene.wall;
        let u = column as f32 / self.width as f32;
        let v = row as f32 / self.height as f32;
        (mix(left, right, u) + down * (v - 0.5))
            .clamp(0.02, 1.0)
            .powi(2)
            * self.scene.exposure
    }

    fn dress(&self, person: &Identity, cloth: Noise, q: Point, behind: f32) -> f32 {
        const TOP: f32 = 4.04;
        let soft = 1.5 / self.pixels;
        if q.y < TOP - soft {
            return behind;
        }
        let ax = q.x.abs();
        let neckline = TOP + 0.42 * (1.0 - (ax / 1.65).powi(2)).max(0.0).sqrt();
        let shoulder = TOP + 0.14 * (ax - 1.3) + 0.035 * (ax - 1.3).max(0.0).powi(3);
        let edge = if ax < 1.65 { neckline } else { shoulder };
        let mask = step(-soft, soft, q.y - edge);
        if mask <= 0.0 {
            return behind;
        }
        let seam = 1.0 - 0.35 * step(0.18, 0.12, q.y - edge) * step(1.7, 1.6, ax);
        let round = 1.0 - 0.35 * step(0.4, 0.0, q.y - edge) - 0.02 * ax;
        let weave = 1.0 + 0.08 * cloth.fractal(1.2 * q.x, 0.8 * q.y, 2);
        mix(behind, 0.42 * person.cloth * seam * round * weave, mask)
    }

    /// Tone curve and optical blur.
    fn focus(&self, light: Vec<f32>) -> Vec<f32> {
        let scene = self.scene;
        let tone = tone_curve(scene.gamma);
        let last = (tone.len() - 1) as f32;
        // The square root spreads the dark greys over the table.
        let grey: Vec<f32> = light
            .iter()
            .map(|&value| tone[(value.clamp(0.0, 1.0).sqrt() * last) as usize])
            .collect();
        let sigma = scene.blur * self.height as f32 / 490.0;
        blur(&grey, self.width as usize, self.height as usize, sigma)
    }
}

/// Grey level (0 to 255) of the squares of evenly spaced values in [0, 1]: gamma, then the S-shape with which
/// cameras deepen shadows and lift lights.
fn tone_curve(gamma: f32) -> Vec<f32> {
    const ENTRIES: usize = 8192;
    (0..ENTRIES)
        .map(|k| {
            let even = (k as f32 / (ENTRIES - 1) as f32).powf(2.0 / gamma);
            255.0 * mix(even, even * even * (3.0 - 2.0 * even), 0.75)
        })
        .collect()
}

/// Sum of four uniform bytes, scaled to mean 0 and deviation 1: normal enough for a sensor.
fn nearly_normal(bits: u32) -> f32 {
    let sum: u32 = bits.to_le_bytes().iter().map(|&byte| u32::from(byte)).sum();
    (sum as f32 - 510.0) / 147.8
}

/// Separable Gaussian blur, borders repeated.
fn blur(grey: &[f32], width: usize, height: usize, sigma: f32) -> Vec<f32> {
    if sigma < 0.2 {
        return grey.to_vec();
    }
    let reach = (2.5 * sigma).ceil() as isize;
    let mut kernel: Vec<f32> = (-reach..=reach)
        .map(|k| (-0.5 * (k as f32 / sigma).powi(2)).exp())
        .collect();
    let total: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= total);
    let reach = reach as usize;
    let mut across = vec![0.0; grey.len()];
    let mut padded = vec![0.0; width + 2 * reach];
    for (line, row) in grey.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        padded[..reach].fill(line[0]);
        padded[reach..reach + width].copy_from_slice(line);
        padded[reach + width..].fill(line[width - 1]);
        for (shift, weight) in kernel.iter().enumerate() {
            for (sum, value) in row.iter_mut().zip(&padded[shift..]) {
                *sum += weight * value;
            }
        }
    }
    let mut out = vec![0.0; grey.len()];
    for row in 0..height {
        let sums = &mut out[row * width..(row + 1) * width];
        for (shift, weight) in kernel.iter().enumerate() {
            let source = (row + shift).saturating_sub(reach).min(height - 1) * width;
            for (sum, value) in sums.iter_mut().zip(&across[source..]) {
                *sum += weight * value;
            }
        }
    }
    out
}
