//! `faus compare`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use faus_train::{Comparison, Variant};

use crate::console::say;
use crate::run_folder::write_json;

/// Set runs side by side: accuracies of the variants, and whether they differ by more than chance.
///
/// All must be of the same data, classes and folds. Each run is tested against the first over the folds that both have.
/// Runs of both protocols side by side show the gain from choosing checkpoints on the test fold (paper-2015).
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus compare runs/ck_plus-cnn-quick runs/ck_plus-cnn_a-quick runs/ck_plus-cnn_d-quick runs/ck_plus-cnn_ad-quick"
)]
pub(crate) struct CompareArgs {
    /// Run folders, the one to compare with first.
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The table of variants as CSV.
    #[arg(long, value_name = "CSV")]
    csv: Option<PathBuf>,
    /// Everything as JSON.
    #[arg(long, value_name = "JSON")]
    json: Option<PathBuf>,
}

pub(crate) fn compare(args: CompareArgs) -> Result<()> {
    let comparison = Comparison::read(&args.runs[0], &args.runs[1..])?;
    say_notes(&comparison);
    print_table(&comparison.variants);
    print_tests(&comparison);
    print_protocols(&comparison.variants);
    if let Some(path) = &args.csv {
        comparison.write_csv(path)?;
        println!("{}", path.display());
    }
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
        println!("{}", path.display());
    }
    Ok(())
}

/// What must stand beside the numbers.
fn say_notes(comparison: &Comparison) {
    let variants = &comparison.variants;
    println!("{}", comparison.dataset);
    if comparison.synthetic {
        println!("SYNTHETIC: drawn faces; says nothing about photographs");
    }
    if !comparison.subject_independent {
        println!("not subject-independent: the same person may be in training and test");
    }
    if variants.iter().all(|v| v.optimistic) {
        println!("optimistic: the test fold chose the checkpoints (paper-2015)");
    }
    if variants.iter().any(|v| v.preset != variants[0].preset) {
        say("Note: the runs are of different presets, which differ in more than the variant");
    }
    for what in &comparison.shortened {
        println!("shortened: {what}");
    }
}

/// Columns of the longest name in a table.
fn width(variants: &[Variant]) -> usize {
    let longest = variants.iter().map(|v| v.label.chars().count()).max();
    longest.unwrap_or_default().max(24)
}

fn print_table(variants: &[Variant]) {
    let width = width(variants);
    println!(
        "\n{:<width$} preset folds       accuracy    95% over people  balanced  macro F1     NLL     ECE",
        "variant"
    );
    for v in variants {
        let accuracy = v.test_accuracy.map_or("-".to_owned(), |a| {
            format!("{:.1}% ± {:.1}", 100.0 * a.mean, 100.0 * a.std)
        });
        let interval = v.test_accuracy_interval.map_or("-".to_owned(), |i| {
            format!("{:.1}% to {:.1}%", 100.0 * i.low, 100.0 * i.high)
        });
        let measure = |name: &str, digits: usize, factor: f64| {
            let found = v.measures.get(name);
            found.map_or("-".to_owned(), |m| format!("{:.digits$}", factor * m.mean))
        };
        let failed = match v.failed {
            0 => String::new(),
            n => format!("  {n} failed"),
        };
        println!(
            "{:<width$} {:>6} {:>5} {accuracy:>14} {interval:>18} {:>8}% {:>9} {:>7} {:>7}{failed}",
            v.label,
            v.preset,
            v.folds,
            measure("balanced_accuracy", 1, 100.0),
            measure("macro_f1", 3, 1.0),
            measure("negative_log_likelihood", 3, 1.0),
            measure("expected_calibration_error", 3, 1.0),
        );
    }
}

fn print_tests(comparison: &Comparison) {
    for why in &comparison.not_tested {
        println!("not tested: {why}");
    }
    if comparison.tests.is_empty() {
        return;
    }
    let width = width(&comparison.variants);
    println!(
        "\nagainst {}, fold by fold:\n{:<width$} folds  difference  better, worse p sign-flip    p, Holm p corrected t",
        comparison.variants[0].label, "variant"
    );
    for against in &comparison.tests {
        let test = &against.test;
        let corrected = test.p_corrected_t.map(|p| format!("{p:.4}"));
        println!(
            "{:<width$} {:>5} {:>+10.1}% {:>14} {:>11.4} {:>10.4} {:>13}",
            against.label,
            test.folds,
            100.0 * test.mean_difference,
            format!("{}, {}", test.better, test.worse),
            test.p_sign_flip,
            against.p_sign_flip_holm,
            corrected.as_deref().unwrap_or("-"),
        );
    }
    println!(
        "The folds share most of their training images. The corrected t-test allows for that, the sign-flip test does not."
    );
}

/// The gain from choosing on the test fold, where runs of both protocols stand side by side.
fn print_protocols(variants: &[Variant]) {
    let honest: Vec<&Variant> = variants.iter().filter(|v| !v.optimistic).collect();
    if honest.is_empty() || honest.len() == variants.len() {
        return;
    }
    println!(
        "\npaper-2015 is optimistic: the test fold chose its checkpoints, and it trained on one fold more. The choice alone:"
    );
    for v in honest {
        if let (Some(chosen), Some(best)) = (v.test_accuracy, v.best_test_accuracy_optimistic) {
            println!(
                "{}: {:.1}% with checkpoints chosen on validation, {:.1}% (optimistic) chosen on test: {:+.1}%",
                v.label,
                100.0 * chosen.mean,
                100.0 * best.mean,
                100.0 * (best.mean - chosen.mean)
            );
        }
    }
}
