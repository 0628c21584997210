//! A network for other programs, with its normalisation inside: ONNX or TorchScript.

use std::io::{Cursor, Write};
use std::path::Path;

use tch::{CModule, Device, Kind, TchError, Tensor};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, result::ZipError};

use crate::error::Error;
use crate::graph::info::ExportInfo;
use crate::graph::load::OnnxFile;
use crate::network::Network;

/// From a grey value 0 to 255 to one in [0, 2].
pub(crate) const UNIT_RANGE: f64 = 2.0 / 255.0;
/// Side of the box of local contrast normalisation.
pub(crate) const CONTRAST_BOX: i64 = 5;
/// Images of the check that a file gives the network's logits: one, and some.
const CHECKED: [i64; 2] = [1, 3];
/// Difference that float32 sums in another order may have, of logits around 1 (our choice).
const CLOSE: f64 = 1e-4;
/// The archive of TorchScript, and the file with [`ExportInfo`] in it, where torch.jit.load finds extra files.
const ARCHIVE: &str = "network.pt";
const EXTRA: &str = "network/extra/faus.json";

/// Local contrast normalisation over a 5×5 box with zero padding, of values in [0, 2].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalContrast {
    /// Least divisor; `None` subtracts the local mean and does not divide.
    pub epsilon: Option<f32>,
}

impl LocalContrast {
    /// `[N, 1, side, side]`, normalised.
    fn apply(self, grey: &Tensor) -> Result<Tensor, TchError> {
        let centred = grey.f_sub(&box_mean(grey)?)?;
        let Some(epsilon) = self.epsilon else {
            return Ok(centred);
        };
        let variance = box_mean(&centred.f_square()?)?;
        let deviation = variance.f_clamp_min(f64::from(epsilon * epsilon))?.f_sqrt();
        centred.f_div(&deviation?)
    }
}

fn box_mean(x: &Tensor) -> Result<Tensor, TchError> {
    let (side, reach) = ([CONTRAST_BOX; 2], [CONTRAST_BOX / 2; 2]);
    x.f_avg_pool2d(side, [1, 1], reach, false, true, None)
}

/// A network to be exported. What is written takes pixels from 0 to 255, float32 `[N, channels, side, side]`, and gives logits
/// `[N, classes]` for any N.
#[derive(Debug)]
pub struct Export<'a> {
    /// The network, on the CPU.
    pub network: &'a Network,
    /// The normalisation that its images need before it.
    pub contrast: Option<LocalContrast>,
    /// Its description.
    pub info: ExportInfo,
}

impl Export<'_> {
    /// Writes an ONNX file, atomically; `file` is that of a network that is a graph.
    ///
    /// # Errors
    /// When a write fails, or what would be written does not give the network's logits.
    pub fn onnx(&self, file: Option<&OnnxFile>, path: &Path) -> Result<(), Error> {
        let exported = match (file, self.network.graph()) {
            (Some(file), Some(graph)) => file.for_pixels(graph.input(), &self.info)?,
            _ => {
                let contrast = self.contrast.unwrap_or(LocalContrast { epsilon: None });
                OnnxFile::of_network(self.network, contrast, &self.info, path)?
            }
        };
        let whole = exported.whole_graph()?;
        self.check(path, |pixels| {
            whole.logits(&pixels.f_mul_scalar(UNIT_RANGE)?)
        })?;
        exported.write(path)
    }

    /// Writes a TorchScript archive, atomically, with the description as `extra/faus.json`.
    ///
    /// # Errors
    /// When a write fails, or the network cannot be traced for any number of images.
    pub fn torchscript(&self, path: &Path) -> Result<(), Error> {
        let traced = self.traced()?;
        self.check(path, |pixels| Ok(traced.forward_ts(&[pixels])?))?;
        let wrong = Error::checkpoint::<std::io::Error>(path);
        let folder = tempfile::tempdir().map_err(&wrong)?;
        // The archive's folder is named after its file.
        let draft = folder.path().join(ARCHIVE);
        traced.save(&draft)?;
        let archive = std::fs::read(&draft).map_err(&wrong)?;
        let archive = with_extra(archive, &self.info.text()).map_err(Error::checkpoint(path))?;
        faus_base::file::write(path, &archive).map_err(wrong)
    }

    /// Logits of pixels.
    fn logits(&self, pixels: &Tensor) -> Result<Tensor, Error> {
        let grey = pixels.f_mul_scalar(UNIT_RANGE)?;
        let images = match self.contrast {
            Some(contrast) => contrast.apply(&grey)?,
            None => grey,
        };
        self.network.logits(&images)
    }

    fn traced(&self) -> Result<CModule, Error> {
        let mut failed = None;
        let mut forward = |inputs: &[Tensor]| {
            let logits = inputs.iter().map(|pixels| self.logits(pixels));
            logits
                .collect::<Result<Vec<_>, _>>()
                .unwrap_or_else(|error| {
                    failed = Some(error);
                    vec![]
                })
        };
        let traced = tch::no_grad(|| {
            CModule::create_by_tracing("Network", "forward", &[self.ramps(2)?], &mut forward)
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(traced?),
        }
    }

    /// Refuses a file whose logits are not those of the network.
    fn check(
        &self,
        path: &Path,
        exported: impl Fn(&Tensor) -> Result<Tensor, Error>,
    ) -> Result<(), Error> {
        for images in CHECKED {
            let pixels = self.ramps(images)?;
            let (own, other) = tch::no_grad(|| (self.logits(&pixels), exported(&pixels)));
            let own = own?;
            if own.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
                let reason = "not written: the network's logits are infinite or no numbers (NaN)";
                return Err(Error::checkpoint::<String>(path)(reason.to_owned()));
            }
            // A trace for a fixed number of images fails for others.
            let same = other.is_ok_and(|other| {
                own.size() == other.size()
                    && own
                        .f_allclose(&other, CLOSE, CLOSE, true)
                        .unwrap_or_default()
            });
            if !same {
                let reason = format!(
                    "not written: it would not give the network's logits for {images} images at once; choose the other --format, or export the network where it comes from with an open number of images"
                );
                return Err(Error::checkpoint(path)(reason));
            }
        }
        Ok(())
    }

    /// Pixels that differ from image to image.
    fn ramps(&self, images: i64) -> Result<Tensor, TchError> {
        let (side, channels) = (self.info.input.size as i64, self.info.input.channels as i64);
        let steps = Tensor::f_arange(images * channels * side * side, (Kind::Float, Device::Cpu))?;
        let pixels = steps.f_mul_scalar(7.3)?.f_fmod(256.0)?.f_floor()?;
        pixels.f_reshape([images, channels, side, side])
    }
}

/// The archive with the description among its extra files.
fn with_extra(archive: Vec<u8>, text: &str) -> Result<Vec<u8>, ZipError> {
    let mut archive = ZipWriter::new_append(Cursor::new(archive))?;
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file(EXTRA, stored)?;
    archive.write_all(text.as_bytes())?;
    Ok(archive.finish()?.into_inner())
}
