//! ONNX files of small networks, written message by message, so that a test can choose every weight.

/// A network for grey images: its nodes in order, and their weights.
#[derive(Debug, Default)]
pub struct Onnx {
    nodes: Vec<Vec<u8>>,
    weights: Vec<Vec<u8>>,
    /// The value that the last node gave.
    last: String,
}

impl Onnx {
    /// A network of nothing yet, for the input `image`.
    pub fn new() -> Self {
        Self {
            last: "image".to_owned(),
            ..Self::default()
        }
    }

    /// Adds a node behind the last, with weights by name, and whole numbers as attributes.
    pub fn then(
        mut self,
        operator: &str,
        name: &str,
        weights: &[(&str, &[i64], &[f32])],
        attributes: &[(&str, &[i64])],
    ) -> Self {
        let mut node = text(1, &self.last);
        for (weight, dims, values) in weights {
            node.extend(text(1, weight));
            self.weights.push(tensor(weight, dims, values));
        }
        node.extend([text(2, name), text(3, name), text(4, operator)].concat());
        for (key, values) in attributes {
            // 7: a list of whole numbers.
            let ints = values.iter().flat_map(|value| number(8, *value));
            let body = [text(1, key), ints.collect(), number(20, 7)].concat();
            node.extend(message(5, &body));
        }
        self.nodes.push(node);
        self.last = name.to_owned();
        self
    }

    /// The bytes of the file, for images `[n, 1, side, side]` and this number of classes.
    pub fn bytes(&self, side: i64, classes: i64) -> Vec<u8> {
        let parts = |field, all: &[Vec<u8>]| -> Vec<u8> {
            all.iter().flat_map(|it| message(field, it)).collect()
        };
        let graph = [
            parts(1, &self.nodes),
            text(2, "planted"),
            parts(5, &self.weights),
            message(11, &value("image", &[1, side, side])),
            message(12, &value(&self.last, &[classes])),
        ]
        .concat();
        let opset = [text(1, ""), number(2, 17)].concat();
        [number(1, 8), message(7, &graph), message(8, &opset)].concat()
    }
}

/// A float tensor by name.
fn tensor(name: &str, dims: &[i64], values: &[f32]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| number(1, *dim)).collect();
    let raw: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
    [dims, number(2, 1), text(8, name), message(9, &raw)].concat()
}

/// Name and type of an input or output with an open number of images.
fn value(name: &str, dims: &[i64]) -> Vec<u8> {
    let open = message(1, &text(2, "n"));
    let known = dims.iter().flat_map(|dim| message(1, &number(1, *dim)));
    let shape = [open, known.collect()].concat();
    let kind = [number(1, 1), message(2, &shape)].concat();
    [text(1, name), message(2, &message(1, &kind))].concat()
}

fn number(field: u64, value: i64) -> Vec<u8> {
    [varint(field << 3), varint(value as u64)].concat()
}

fn text(field: u64, text: &str) -> Vec<u8> {
    message(field, text.as_bytes())
}

fn message(field: u64, body: &[u8]) -> Vec<u8> {
    let head = [varint(field << 3 | 2), varint(body.len() as u64)].concat();
    [head, body.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
