//! Runs black images through a graph once: shapes, receptive fields, and whether it can be computed at all.

use tch::{Device, Kind, Tensor};

use crate::error::Error;
use crate::graph::field::Field;
use crate::graph::op::Op;
use crate::graph::pointwise::Pointwise;
use crate::graph::shape::Rearrange;
use crate::graph::{Graph, GraphLayer, Node, Values, set};

/// Images of the run: two, which shows a batch that the file fixes to one.
const IMAGES: i64 = 2;
/// Most values of a node for one image (our choice): 2.6 times the largest maps of a VGG at 224 pixels.
const MOST: i128 = 1 << 23;

impl Graph {
    /// The layers that can be analysed, and the number of classes.
    pub(super) fn probe(&self) -> Result<(Vec<GraphLayer>, usize), String> {
        let side = self.plan.input.size as i64;
        tch::no_grad(|| {
            let images = Tensor::f_zeros([IMAGES, 1, side, side], (Kind::Float, Device::Cpu));
            let images = images.map_err(|error| error.to_string())?;
            let mut values = self.begin(&images).map_err(|error| error.to_string())?;
            let mut fields = vec![Field::Whole; values.len()];
            if let Some(field) = fields.get_mut(self.plan.image) {
                *field = Field::PIXEL;
            }
            let mut channels_first = vec![true; values.len()];
            if let Some(first) = channels_first.get_mut(self.plan.image) {
                *first = !self.plan.channels_last;
            }
            let mut layers = Vec::new();
            for (at, node) in self.plan.nodes.iter().enumerate() {
                let (output, field) = self.step(node, &values, &fields)?;
                let first = is_channels_first(node, &channels_first);
                if self.is_layer(node) && (first || output.dim() == 2) {
                    layers.extend(layer(at, node, &output, &field));
                }
                if let Some(slot) = channels_first.get_mut(node.output) {
                    *slot = first;
                }
                if let Some(slot) = fields.get_mut(node.output) {
                    *slot = field;
                }
                set(&mut values, node.output, output);
                self.forget(&mut values, at);
            }
            let output = self.output(&values).map_err(|error| error.to_string())?;
            match (output.size()[..].as_ref(), layers.last()) {
                ([IMAGES, classes], Some(_)) if *classes > 1 => Ok((layers, *classes as usize)),
                (other, _) => Err(format!(
                    "gives outputs {other:?} for {IMAGES} images, not [{IMAGES}, classes]; export a classifier with an open number of images (dynamic_axes={{\"image\": {{0: \"n\"}}}})"
                )),
            }
        })
    }

    /// Refuses a network whose logits for an image depend on the images beside it.
    pub(super) fn check_alone(&self) -> Result<(), String> {
        match tch::no_grad(|| self.depends_on_others()) {
            Ok(false) => Ok(()),
            Ok(true) => Err("gives an image other logits beside other images than alone: it works as in training, or mixes the images of a batch; call network.eval() before the export".to_owned()),
            Err(error) => Err(error.to_string().lines().take(1).collect()),
        }
    }

    fn depends_on_others(&self) -> Result<bool, Error> {
        let side = self.plan.input.size as i64;
        let ramp = Tensor::f_linspace(0.0, 2.0, side * side, (Kind::Float, Device::Cpu))?;
        let ramp = ramp.f_reshape([1, 1, side, side])?;
        let both = Tensor::f_cat(&[&ramp, &ramp.f_neg()?.f_add_scalar(2.0)?], 0)?;
        let beside = self.logits(&both)?.f_narrow(0, 0, 1)?;
        Ok(!beside.f_allclose(&self.logits(&ramp)?, 1e-3, 1e-4, true)?)
    }

    /// The output of `node`, and what it sees.
    fn step(
        &self,
        node: &Node,
        values: &Values,
        fields: &[Field],
    ) -> Result<(Tensor, Field), String> {
        let inputs = self.inputs(node, values);
        let wrong = |reason: String| format!("node `{}` ({}) {reason}", node.name, node.operator);
        let failed =
            |error: tch::TchError| wrong(format!("cannot be computed: {}", first_line(&error)));
        let elements = node.op.elements(&inputs).map_err(failed)?;
        if elements > MOST * i128::from(IMAGES) {
            return Err(wrong(format!(
                "would give {elements} values, or take their time, for {IMAGES} images: more than is supported"
            )));
        }
        let output = node.op.apply(&inputs).map_err(failed)?;
        let seen = node.inputs.iter().flatten();
        let seen: Vec<Field> = seen
            .filter_map(|&input| fields.get(input).copied())
            .collect();
        Ok((output, node.op.field(&inputs, &seen)))
    }

    fn is_layer(&self, node: &Node) -> bool {
        let plan = &self.plan;
        let of_image = plan.active.get(node.output) == Some(&true);
        let analysable = match &node.op {
            Op::Window(window) => window.is_convolution(),
            Op::Pointwise(Pointwise::Mul) => plan.nodes.iter().any(|gate| gates(gate, node)),
            Op::Pointwise(pointwise) => {
                pointwise.is_response() && !plan.nodes.iter().any(|product| gates(node, product))
            }
            Op::Dense(_) => node.op.has_weight(),
            Op::Rearrange(_) => false,
        };
        (of_image && analysable) || node.output == plan.output
    }
}

/// Whether a node's maps have their channels before rows and columns, from the same of its inputs.
fn is_channels_first(node: &Node, inputs: &[bool]) -> bool {
    let mut seen = node
        .inputs
        .iter()
        .flatten()
        .filter_map(|at| inputs.get(*at));
    match &node.op {
        Op::Window(_) | Op::Dense(_) => true,
        Op::Rearrange(Rearrange::Transpose { axes }) => *axes == [0, 3, 1, 2],
        Op::Pointwise(_) | Op::Rearrange(_) => seen.all(|first| *first),
    }
}

/// Whether `product` is x · `gate`(x), one response (SiLU) in two nodes.
fn gates(gate: &Node, product: &Node) -> bool {
    let is_gate = matches!(
        gate.op,
        Op::Pointwise(Pointwise::Sigmoid | Pointwise::HardSigmoid { .. })
    );
    let Some(Some(x)) = gate.inputs.first() else {
        return false;
    };
    let has = |value: &usize| product.inputs.iter().flatten().any(|input| input == value);
    is_gate && matches!(product.op, Op::Pointwise(Pointwise::Mul)) && has(x) && has(&gate.output)
}

/// A layer, if its outputs are square maps or units.
fn layer(at: usize, node: &Node, output: &Tensor, field: &Field) -> Option<GraphLayer> {
    let (filters, side) = match output.size()[..] {
        [IMAGES, filters, rows, columns] if rows == columns => (filters, Some(rows as usize)),
        [IMAGES, units] => (units, None),
        _ => return None,
    };
    Some(GraphLayer {
        name: node.name.clone(),
        operator: node.operator.clone(),
        filters: filters as usize,
        side,
        receptive: field.square().filter(|_| side.is_some()),
        node: at,
    })
}

/// libtorch's messages go on with its call stack.
fn first_line(error: &tch::TchError) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}
