//! Similarity of two maps, and edges of an image.

use faus_base::order;

/// Spearman's rank correlation, ties sharing their mean rank; `None` where one of the two is constant.
pub fn spearman(a: &[f32], b: &[f32]) -> Option<f64> {
    let wide = |x: &[f32]| x.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
    Some(order::spearman(&wide(a), &wide(b))).filter(|r| !r.is_nan())
}

/// Side of the squares that are compared.
const WINDOW: usize = 7;

/// Mean structural similarity (Wang et al. 2004) of two maps `[height, width]` in [0, 1], over all 7×7 squares that lie in
/// them, with K₁ = 0.01, K₂ = 0.03 and unbiased covariances: the default of scikit-image's `structural_similarity`. In smaller
/// maps the squares have the largest odd side that fits. `None` for maps without a square of 3×3.
pub fn ssim(a: &[f32], b: &[f32], width: usize) -> Option<f64> {
    let height = a.len() / width.max(1);
    let smaller = height.min(width);
    let side = WINDOW.min(smaller.saturating_sub(usize::from(smaller.is_multiple_of(2))));
    if side < 3 {
        return None;
    }
    let (mut sum, mut count) = (0.0, 0.0);
    for row in 0..=height - side {
        for column in 0..=width - side {
            let square = |x: &[f32]| -> Vec<f64> {
                let rows = (row..row + side).flat_map(|r| &x[r * width + column..][..side]);
                rows.map(|v| f64::from(*v)).collect()
            };
            sum += similarity(&square(a), &square(b));
            count += 1.0;
        }
    }
    Some(sum / count)
}

fn similarity(a: &[f64], b: &[f64]) -> f64 {
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let ([mean_a, mean_b], sums) = moments(a, b);
    let [aa, bb, ab] = sums.map(|sum| sum / (a.len() as f64 - 1.0));
    (2.0 * mean_a * mean_b + c1) * (2.0 * ab + c2)
        / ((mean_a.powi(2) + mean_b.powi(2) + c1) * (aa + bb + c2))
}

/// The correlation coefficient; `None` where one of the two is constant or they are empty.
pub(crate) fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let (_, [aa, bb, ab]) = moments(a, b);
    let spread = (aa * bb).sqrt();
    (spread > 0.0).then(|| (ab / spread).clamp(-1.0, 1.0))
}

/// The means of two series, and the sums of the products of their deviations: of the first with itself, of the second with
/// itself, and of both.
fn moments(a: &[f64], b: &[f64]) -> ([f64; 2], [f64; 3]) {
    let means = [order::mean(a), order::mean(b)];
    let sum = |(x, mean_x): (&[f64], f64), (y, mean_y): (&[f64], f64)| {
        let products = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y));
        products.sum::<f64>()
    };
    let (a, b) = ((a, means[0]), (b, means[1]));
    (means, [sum(a, a), sum(b, b), sum(a, b)])
}

/// Absolute values scaled to a largest of 1, the input of [`ssim`] (Adebayo et al., arXiv 1810.03292, section 4). Zero stays
/// zero.
pub fn magnitudes(map: &[f32]) -> Vec<f32> {
    let largest = map.iter().fold(0f32, |m, v| m.max(v.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    map.iter().map(|v| v.abs() / scale).collect()
}

/// Size of the Sobel gradient of an image `[height, width]`: the root of the mean square of its two components
/// (differences across two pixels, smoothed by ¼, ½, ¼), pixels beyond the border mirrored (scikit-image's `filters.sobel`).
pub fn sobel(image: &[f32], width: usize) -> Vec<f32> {
    let height = image.len() / width.max(1);
    // One pixel beyond the border, the mirrored pixel is the border's own.
    let at = |row: usize, column: usize, down: isize, right: isize| {
        let row = row.saturating_add_signed(down).min(height - 1);
        let column = column.saturating_add_signed(right).min(width - 1);
        f64::from(image[row * width + column])
    };
    let pixel = |i: usize| {
        let (row, column) = (i / width, i % width);
        let (mut across, mut along) = (0.0, 0.0);
        for (k, weight) in [(-1, 0.25), (0, 0.5), (1, 0.25)] {
            across += weight * (at(row, column, 1, k) - at(row, column, -1, k));
            along += weight * (at(row, column, k, 1) - at(row, column, k, -1));
        }
        ((across * across + along * along) / 2.0).sqrt() as f32
    };
    (0..height * width).map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_map_has_no_rank_correlation() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[0.0, -0.0, 0.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }

    #[test]
    fn a_map_is_like_itself() {
        let map: Vec<f32> = (0..81).map(|i| (i as f32 * 0.7).sin().abs()).collect();
        assert!((ssim(&map, &map, 9).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(ssim(&[0.0; 4], &[0.0; 4], 2), None);
        assert!(ssim(&[0.5; 16], &[0.5; 16], 4).is_some());
    }
}
