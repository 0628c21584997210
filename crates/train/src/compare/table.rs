//! A comparison as tables to read.

use std::fmt::{Display, Formatter, Result};

use crate::compare::{Comparison, Variant};

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let width = self.variants.iter().map(|v| v.label.chars().count());
        let width = width.max().unwrap_or_default().max(24);
        self.notes(f)?;
        writeln!(
            f,
            "\n{:<width$} preset folds       accuracy    95% over people  balanced  macro F1     NLL     ECE",
            "variant"
        )?;
        self.variants.iter().try_for_each(|v| v.line(f, width))?;
        self.tests(f, width)?;
        self.protocols(f)
    }
}

impl Comparison {
    /// Whether the runs differ in more than the variant.
    pub fn presets_differ(&self) -> bool {
        let first = &self.variants[0].preset;
        self.variants.iter().any(|v| v.preset != *first)
    }

    /// The caveats shown with the numbers.
    fn notes(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{}", self.dataset)?;
        if self.synthetic {
            f.write_str("SYNTHETIC: drawn faces, no evidence about photographs\n")?;
        }
        if !self.subject_independent {
            f.write_str("not subject-independent: the same person may be in training and test\n")?;
        }
        if self.variants.iter().all(|v| v.optimistic) {
            f.write_str("optimistic: the test fold chose the checkpoints (paper-2015)\n")?;
        }
        let mut shortened = self.shortened.iter();
        shortened.try_for_each(|what| writeln!(f, "shortened: {what}"))
    }

    fn tests(&self, f: &mut Formatter<'_>, width: usize) -> Result {
        for why in &self.not_tested {
            writeln!(f, "not tested: {why}")?;
        }
        if self.tests.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nagainst {}, fold by fold:\n{:<width$} folds  difference  better, worse p sign-flip    p, Holm p corrected t",
            self.variants[0].label, "variant"
        )?;
        for against in &self.tests {
            let test = &against.test;
            let corrected = test.p_corrected_t.map(|p| format!("{p:.4}"));
            writeln!(
                f,
                "{:<width$} {:>5} {:>+10.1}% {:>14} {:>11.4} {:>10.4} {:>13}",
                against.label,
                test.folds,
                100.0 * test.mean_difference,
                format!("{}, {}", test.better, test.worse),
                test.p_sign_flip,
                against.p_sign_flip_holm,
                corrected.as_deref().unwrap_or("-"),
            )?;
        }
        f.write_str("The folds share most of their training images. The corrected t-test allows for that, the sign-flip test does not.\n")
    }

    /// The gain from choosing on the test fold, if runs of both protocols are compared.
    fn protocols(&self, f: &mut Formatter<'_>) -> Result {
        let honest = || self.variants.iter().filter(|v| !v.optimistic);
        if [0, self.variants.len()].contains(&honest().count()) {
            return Ok(());
        }
        writeln!(
            f,
            "\npaper-2015 is optimistic: the test fold chose its checkpoints, and it trained on one fold more. The choice alone:"
        )?;
        for v in honest() {
            if let (Some(chosen), Some(best)) = (v.test_accuracy, v.best_test_accuracy_optimistic) {
                let (label, chosen, best) = (&v.label, 100.0 * chosen.mean, 100.0 * best.mean);
                let gain = best - chosen;
                writeln!(
                    f,
                    "{label}: {chosen:.1}% with checkpoints chosen on validation, {best:.1}% (optimistic) chosen on test: {gain:+.1}%"
                )?;
            }
        }
        Ok(())
    }
}

impl Variant {
    fn line(&self, f: &mut Formatter<'_>, width: usize) -> Result {
        let accuracy = self.test_accuracy.map_or("-".to_owned(), |a| {
            format!("{:.1}%{}", 100.0 * a.mean, a.spread(self.folds))
        });
        let interval = self.test_accuracy_interval.map_or("-".to_owned(), |i| {
            format!("{:.1}% to {:.1}%", 100.0 * i.low, 100.0 * i.high)
        });
        let measure = |name: &str, digits: usize, factor: f64| {
            let found = self.measures.get(name);
            found.map_or("-".to_owned(), |m| format!("{:.digits$}", factor * m.mean))
        };
        let failed = match self.failed {
            0 => String::new(),
            n => format!("  {n} failed"),
        };
        writeln!(
            f,
            "{:<width$} {:>6} {:>5} {accuracy:>14} {interval:>18} {:>8}% {:>9} {:>7} {:>7}{failed}",
            self.label,
            self.preset,
            self.folds,
            measure("balanced_accuracy", 1, 100.0),
            measure("macro_f1", 3, 1.0),
            measure("negative_log_likelihood", 3, 1.0),
            measure("expected_calibration_error", 3, 1.0),
        )
    }
}
