//! The part of the image that the values of a graph see.

use crate::network::receptive::Receptive;

/// The part of the image that a value sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// A rectangle by its place: along rows, along columns.
    Places([Receptive; 2]),
    /// No place on the image: flattened, pooled over everything, or a constant.
    Whole,
    /// Places that no regular grid describes.
    Unknown,
}

impl Field {
    /// A pixel.
    pub const PIXEL: Self = Self::Places(
        [Receptive {
            size: 1,
            stride: 1,
            first: 0,
        }; 2],
    );

    /// The union of what several values see. A value without a place, such as a gate of squeeze-and-excitation, takes
    /// nothing from the others' places.
    pub fn merge(fields: &[Self]) -> Self {
        fields
            .iter()
            .fold(Self::Whole, |all, field| match (all, *field) {
                (Self::Whole, other) | (other, Self::Whole) => other,
                (Self::Places([rows, columns]), Self::Places([r, c])) => {
                    match (union(rows, r), union(columns, c)) {
                        (Some(rows), Some(columns)) => Self::Places([rows, columns]),
                        _ => Self::Unknown,
                    }
                }
                _ => Self::Unknown,
            })
    }

    /// Applies `f` to each axis (0 rows, 1 columns).
    pub fn map(&self, f: impl Fn(usize, Receptive) -> Receptive) -> Self {
        match *self {
            Self::Places([rows, columns]) => Self::Places([f(0, rows), f(1, columns)]),
            other => other,
        }
    }

    /// The square about the rectangle; `None` without places.
    pub fn square(&self) -> Option<Receptive> {
        match *self {
            Self::Places([rows, columns]) => union(rows, columns),
            _ => None,
        }
    }
}

fn union(a: Receptive, b: Receptive) -> Option<Receptive> {
    let (first, end) = (
        a.first.min(b.first),
        (a.first + a.size).max(b.first + b.size),
    );
    (a.stride == b.stride).then_some(Receptive {
        size: end - first,
        stride: a.stride,
        first,
    })
}
