//! An experiment with its own explanation method: input times gradient (Shrikumar et al. 2016), the share of each pixel
//! in a linear model of the unit.
//!
//! Everything else is unchanged faus. Run it with `just swap_method`.

use std::process::ExitCode;

use faus_model::Network;
use faus_runner::Program;
use faus_viz::{BackProjection, Error, Explain, UnitRef};
use tch::Tensor;

struct InputTimesGradient;

impl Explain for InputTimesGradient {
    fn name(&self) -> &str {
        "input_x_gradient"
    }

    fn title(&self) -> &str {
        "input × gradient"
    }

    fn explain(
        &self,
        network: &Network,
        stage: usize,
        images: &Tensor,
        units: &[UnitRef],
    ) -> Result<Tensor, Error> {
        let gradient = BackProjection::Gradient.explain(network, stage, images, units)?;
        Ok(gradient.f_mul(images)?)
    }
}

fn main() -> ExitCode {
    let program = Program::default().explain(InputTimesGradient);
    program
        .experiment("experiments/swap_method/method.json")
        .main()
}
