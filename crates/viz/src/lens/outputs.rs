//! The outputs of a network beside the classes of a data set.

use faus_data::{DatasetInfo, Expression};
use faus_model::Network;

/// The names of a network's outputs, and the label in the data set that each stands for.
///
/// A network of the user's own may name its outputs: then each stands for the class with its name, or else with another
/// word for the same expression (happy, happiness). Without names, as many outputs as the data set has classes are taken to be
/// those, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Outputs {
    /// Names of the outputs, in their order.
    pub names: Vec<String>,
    labels: Vec<Option<usize>>,
    classes: Vec<String>,
}

impl Outputs {
    /// Those of `network`, for a data set.
    pub fn of(network: &Network, data: &DatasetInfo) -> Self {
        let named = network
            .graph()
            .and_then(|graph| graph.input().classes.as_ref());
        Self::matched(network.spec().classes, named, &data.classes)
    }

    fn matched(outputs: usize, named: Option<&Vec<String>>, classes: &[String]) -> Self {
        let (names, labels) = match named {
            Some(names) => (names.clone(), labels(names, classes)),
            None if outputs == classes.len() => {
                (classes.to_vec(), (0..outputs).map(Some).collect())
            }
            None => {
                let name = |output| format!("output {output}");
                ((0..outputs).map(name).collect(), vec![None; outputs])
            }
        };
        Self {
            names,
            labels,
            classes: classes.to_vec(),
        }
    }

    /// The label that an output stands for; -1, the label of no image, if the data set has no such class.
    pub fn label(&self, output: usize) -> i64 {
        let label = self.labels.get(output).copied().flatten();
        label.map_or(-1, |label| label as i64)
    }

    /// The output of a label; `None` if the network has none for it.
    pub fn output(&self, label: i64) -> Option<usize> {
        let label = usize::try_from(label).ok()?;
        self.labels.iter().position(|known| *known == Some(label))
    }

    /// Whether any output stands for a class of the data set.
    pub fn any(&self) -> bool {
        self.labels.iter().any(Option::is_some)
    }

    /// The outputs that the data set has no class for, and the classes without an output.
    pub fn unmatched(&self) -> [Vec<&str>; 2] {
        let outputs = self.names.iter().zip(&self.labels);
        let outputs = outputs.filter(|(_, label)| label.is_none());
        let classes = self.classes.iter().enumerate();
        let classes = classes.filter(|(label, _)| self.output(*label as i64).is_none());
        [
            outputs.map(|(name, _)| name.as_str()).collect(),
            classes.map(|(_, name)| name.as_str()).collect(),
        ]
    }
}

/// The label of each name: of the class with the same name, else of the same expression. Each class is taken once.
fn labels(names: &[String], classes: &[String]) -> Vec<Option<usize>> {
    let mut labels: Vec<Option<usize>> = vec![None; names.len()];
    for same in [same_name, same_expression] {
        for (output, name) in names.iter().enumerate() {
            let free = |label: &usize| !labels.contains(&Some(*label));
            let mut fitting = (0..classes.len()).filter(|label| same(name, &classes[*label]));
            if labels[output].is_none() {
                labels[output] = fitting.find(free);
            }
        }
    }
    labels
}

fn same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn same_expression(a: &str, b: &str) -> bool {
    let expression = Expression::from_name(a);
    expression.is_some() && expression == Expression::from_name(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn names_are_matched_by_expression_and_what_is_left_is_known() {
        let names = words("Angry disgust FEAR Happiness sad surprise neutral");
        let classes = words("anger contempt disgust fear happy sadness surprise");
        let outputs = Outputs::matched(7, Some(&names), &classes);
        assert_eq!(outputs.label(0), 0);
        assert_eq!((outputs.label(3), outputs.output(4)), (4, Some(3)));
        assert_eq!((outputs.label(6), outputs.output(1)), (-1, None));
        assert_eq!(outputs.unmatched(), [vec!["neutral"], vec!["contempt"]]);
        assert_eq!(outputs.output(-1), None);
    }

    #[test]
    fn the_same_name_goes_before_another_word_for_it() {
        let outputs = Outputs::matched(2, Some(&words("joy happy")), &words("happy happiness"));
        assert_eq!((outputs.label(0), outputs.label(1)), (1, 0));
        let outputs = Outputs::matched(2, Some(&words("joy happy")), &words("happy sad"));
        assert_eq!((outputs.label(0), outputs.label(1)), (-1, 0));
    }

    #[test]
    fn outputs_without_names_are_the_classes_if_they_are_as_many() {
        let outputs = Outputs::matched(2, None, &words("a b"));
        assert_eq!((outputs.label(1), outputs.output(0)), (1, Some(0)));
        let outputs = Outputs::matched(3, None, &words("a b"));
        assert!(!outputs.any() && outputs.names[2] == "output 2");
    }
}
