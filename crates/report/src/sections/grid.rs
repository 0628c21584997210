//! All filters by all action units, and the orders in which the page shows the filters.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::page::text::when;
use crate::run::fau::Fau;
use crate::run::value::{au, au_name, distinct, down_the_face, filter, units};

/// A filter's associations, in the order of the action units; null if missing.
type Associations<'a> = Vec<&'a Value>;

/// Associations and names by filter.
pub(super) struct Grid<'a> {
    /// From the brows to the chin.
    pub units: Vec<u64>,
    pub filters: BTreeMap<u64, Associations<'a>>,
    pub names: BTreeMap<u64, &'a Value>,
    /// The largest KL; 1 if there are none.
    pub top: f64,
}

impl<'a> Grid<'a> {
    pub fn of(fau: &'a Fau) -> Self {
        let rows = &fau.associations;
        let mut units: Vec<u64> = units(rows).into_iter().collect();
        units.sort_by_key(down_the_face);
        let mut filters: BTreeMap<u64, Associations> = BTreeMap::new();
        for row in rows.iter() {
            let of = filters.entry(filter(row));
            let of = of.or_insert_with(|| vec![&Value::Null; units.len()]);
            if let Some(at) = units.iter().position(|unit| *unit == au(row)) {
                of[at] = row;
            }
        }
        let kl = rows.iter().filter_map(|row| row["kl"].as_f64());
        let largest = kl.fold(0.0, f64::max);
        Self {
            units,
            filters,
            names: fau.names.iter().map(|row| (filter(row), row)).collect(),
            top: if largest > 0.0 { largest } else { 1.0 },
        }
    }

    /// Action units with their names.
    pub fn names(&self) -> Vec<(u64, String)> {
        self.units.iter().map(|au| (*au, au_name(*au))).collect()
    }

    /// A filter's associations; none for a filter without any.
    pub fn cells(&self, filter: &u64) -> &[&'a Value] {
        self.filters.get(filter).map_or(&[], Vec::as_slice)
    }

    /// Index of the action unit that a filter is named after.
    pub fn unit(&self, filter: u64) -> Option<usize> {
        let named = au(self.names.get(&filter)?);
        self.units.iter().position(|unit| *unit == named)
    }

    /// The action unit that a filter is named after: `AU 12`, `less with AU 1`; empty without one.
    pub fn name(&self, filter: &u64) -> String {
        let label = |name: &&Value| format!("{}AU {}", when(is_less(name), "less with "), au(name));
        self.names.get(filter).map(label).unwrap_or_default()
    }

    /// The AUROC of a filter for all action units; 0.5 where it is missing.
    pub fn profile(&self, filter: &u64) -> Vec<f64> {
        let mut profile = vec![0.5; self.units.len()];
        for (value, row) in profile.iter_mut().zip(self.cells(filter)) {
            *value = auroc(row).unwrap_or(*value);
        }
        profile
    }

    /// |z| of a filter's name; without a name the largest distance of its AUROC from chance, which is below 1.
    pub fn strength(&self, filter: &u64) -> f64 {
        let name = self.names.get(filter);
        let z = name.and_then(|name| name["z"].as_f64());
        z.map_or_else(|| self.farthest(filter).1.abs(), |z| 1.0 + z.abs())
    }

    /// Sorts filters by their action unit from the brows to the chin, then from the most active to the least active with
    /// it; those without a name come last. In a run without names the unit is that of the AUROC farthest from chance.
    pub fn sort_by_unit(&self, filters: &mut [u64]) {
        let place = |filter: &u64| {
            let last = (usize::MAX, self.farthest(filter).1.abs());
            match self.names.get(filter) {
                Some(name) => (
                    self.unit(*filter).unwrap_or(last.0),
                    name["z"].as_f64().unwrap_or(0.0),
                ),
                None if self.names.is_empty() => self.farthest(filter),
                None => last,
            }
        };
        filters.sort_by(|a, b| {
            let (a, b) = (place(a), place(b));
            a.0.cmp(&b.0).then(b.1.total_cmp(&a.1))
        });
    }

    /// The AUROC of a filter farthest from chance: index of its action unit, and its distance.
    fn farthest(&self, filter: &u64) -> (usize, f64) {
        let distances = self.profile(filter).into_iter().map(|auroc| auroc - 0.5);
        let farther = |best: (usize, f64), next: (usize, f64)| {
            if next.1.abs() > best.1.abs() {
                next
            } else {
                best
            }
        };
        distances.enumerate().fold((0, 0.0), farther)
    }
}

/// Whether a filter is less active with the unit that it is named after.
pub(super) fn is_less(name: &Value) -> bool {
    name["sign"].as_f64().is_some_and(|sign| sign < 0.0)
}

pub(super) fn auroc(row: &Value) -> Option<f64> {
    row["auroc"].as_f64()
}

/// Key, name and filters.
pub(super) type Order = (&'static str, &'static str, Vec<u64>);

/// All filters in several orders.
pub(super) fn orders(grid: &Grid, all: BTreeSet<u64>, projections: &[u64]) -> Vec<Order> {
    let mut drawn = distinct(projections.iter().copied());
    drawn.retain(|number| all.contains(number));
    let is_drawn = drawn.len() > 1;
    drawn.extend(all.iter().filter(|number| !projections.contains(number)));
    let all = Vec::from_iter(all);
    let (mut by_unit, mut strongest) = (all.clone(), all.clone());
    grid.sort_by_unit(&mut by_unit);
    strongest.sort_by(|a, b| grid.strength(b).total_cmp(&grid.strength(a)));
    let profiles = alike(grid, by_unit.clone());
    let mut orders = vec![
        ("projections", "likeness of projections", drawn),
        ("unit", "action unit", by_unit),
        ("strength", "strength", strongest),
        ("profiles", "likeness for all units", profiles),
        ("number", "number", all),
    ];
    orders.retain(|(key, _, _)| match *key {
        "projections" => is_drawn,
        "number" => true,
        _ => !grid.filters.is_empty(),
    });
    orders
}

/// Filters so that each is followed by the one, of those left, whose AUROCs for all action units are nearest.
fn alike(grid: &Grid, filters: Vec<u64>) -> Vec<u64> {
    let with_profile = filters
        .into_iter()
        .map(|filter| (filter, grid.profile(&filter)));
    let mut left: Vec<(u64, Vec<f64>)> = with_profile.collect();
    let (mut chain, mut next) = (vec![], 0);
    while next < left.len() {
        let (filter, last) = left.remove(next);
        chain.push(filter);
        let distance =
            |other: &[f64]| -> f64 { last.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum() };
        let places = left
            .iter()
            .enumerate()
            .map(|(at, other)| (at, distance(&other.1)));
        next = places
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0, |nearest| nearest.0);
    }
    chain
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_are_ordered_by_unit_down_the_face_and_then_by_strength() {
        let mut units = vec![1, 9, 43, 12, 7, 65, 25];
        units.sort_by_key(down_the_face);
        assert_eq!(units, [1, 7, 43, 65, 9, 12, 25]);
        let name = |au: u64, z: f64| json!({"au": au, "z": z, "sign": z.signum()});
        let names = [name(12, 4.0), name(12, -9.0), name(43, 2.0), name(12, 8.0)];
        let grid = Grid {
            units,
            filters: BTreeMap::new(),
            names: (1..).zip(&names).collect(),
            top: 1.0,
        };
        let mut order = [1, 2, 3, 4, 5];
        grid.sort_by_unit(&mut order);
        assert_eq!(
            order,
            [3, 4, 1, 2, 5],
            "43, then 12 from +8 to -9, then none"
        );
        assert_eq!(grid.name(&2), "less with AU 12");
    }
}
