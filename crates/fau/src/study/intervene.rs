//! Switches single action units on in drawn faces and measures which filters respond.

use faus_base::order::deviation;
use serde_json::json;

use crate::analysis::Analysis;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::lens::{Lens, NetworkKind};
use crate::score::association::{Association, Auroc, PointBiserial};
use crate::study::Study;
use crate::study::answer::Answer;
use crate::study::response::{Agreement, CLEAR, Response, Switched, agreement, responses};
use crate::study::run::RunView;

/// Draws the same people at rest and with each of some action units switched on, as grey images of the run's size:
/// `[1 + units][people][side · side]`, the faces at rest first.
pub type DrawFaces<'a> = &'a dyn Fn(&[u8]) -> Result<Vec<Vec<Vec<u8>>>, Error>;

/// Switches action units on in drawn faces, and scores the association measures against the responses.
pub struct Intervene<'a> {
    /// Number of drawn people.
    pub people: usize,
    /// Strength of the switched unit, above 0 up to 1 (FACS intensity E).
    pub strength: f32,
    /// Action units that can be drawn.
    pub drawable: &'a [u8],
    /// Draws the faces.
    pub faces: DrawFaces<'a>,
}

impl Study for Intervene<'_> {
    fn name(&self) -> &str {
        "intervene"
    }

    fn file(&self) -> &str {
        "interventions"
    }

    fn check(&self) -> Result<(), Error> {
        let expected = "give at least 6, or no p can be small";
        Error::unless(self.people >= 6, "people", self.people, expected)?;
        let fits = self.strength > 0.0 && self.strength <= 1.0;
        let expected = "give more than 0 and at most 1";
        Error::unless(fits, "strength", self.strength, expected)
    }

    fn answer(&self, run: &RunView) -> Result<Answer, Error> {
        self.check()?;
        let lens = run.lens(NetworkKind::Trained)?;
        let coded = run.coded();
        let natural = lens.activations(&coded.rows)?;
        let analysis = run.scores("Scoring photographs", &natural, &coded)?;
        let coded_aus = analysis.aus_used.iter().map(|count| count.au);
        let aus: Vec<u8> = coded_aus.filter(|au| self.drawable.contains(au)).collect();
        if aus.is_empty() {
            let why = "none of the action units coded in this data set can be drawn";
            return Err(Error::Unsuitable(why.to_owned()));
        }
        let responses = self.responses(run, lens.as_ref(), &natural, &aus)?;
        let agreements = agreements(run, &analysis, &aus, &responses)?;
        let fdr = run.options.fdr;
        let clear = responses.iter().filter(|r| r.clear(fdr)).count();
        let facts = json!({
            "synthetic": true,
            "run_synthetic": run.synthetic,
            "people": self.people,
            "strength": self.strength,
            "aus": aus,
            "fdr": fdr,
            "clear_effect": CLEAR,
            "responding_pairs_q": responses.iter().filter(|r| r.q <= fdr).count(),
            "responding_pairs_clear": clear,
            "agreement": agreements,
        });
        let header = "filter,au,people,mean_change,sd_change,effect,share_up,p,q";
        let verdict = verdict(self.people, clear, responses.len(), &agreements);
        Answer::new(header, &responses, facts, verdict)
    }
}

impl Intervene<'_> {
    fn responses(
        &self,
        run: &RunView,
        lens: &dyn Lens,
        natural: &Activations,
        aus: &[u8],
    ) -> Result<Vec<Response>, Error> {
        let faces = (self.faces)(aus)?;
        Error::unless_equal("sets of drawn faces", faces.len(), aus.len() + 1)?;
        let rest = lens.activations_of(&faces[0])?;
        let mut switched: Vec<Switched> = Vec::new();
        for (&au, faces) in aus.iter().zip(&faces[1..]) {
            run.step("Activations of drawn faces", switched.len(), aus.len())?;
            switched.push((au, lens.activations_of(faces)?));
        }
        let filters = 0..natural.filters();
        let spread: Vec<f64> = filters.map(|f| deviation(&natural.filter(f))).collect();
        let seed = run.options.seed;
        run.pool
            .install(|| responses(&rest, &switched, &spread, seed))
    }
}

/// Every measure against the responses, over the units that were switched, by strength of association.
fn agreements(
    run: &RunView,
    analysis: &Analysis,
    aus: &[u8],
    responses: &[Response],
) -> Result<Vec<Agreement>, Error> {
    let own = |name: &str| run.measures.iter().find(|measure| measure.name() == name);
    let strength = |name: &str, score: f64| match (name, own(name)) {
        (_, Some(measure)) => measure.strength(score),
        ("auroc", _) => Auroc.strength(score),
        ("r", _) => PointBiserial.strength(score),
        _ => score,
    };
    let switched = |at: &usize| aus.contains(&analysis.associations[*at].count.au);
    let places: Vec<usize> = (0..analysis.associations.len()).filter(switched).collect();
    let of = |(measure, name): (usize, &&'static str)| {
        let score = |at: &usize| strength(name, analysis.associations[*at].scores[measure]);
        let strengths: Vec<f64> = places.iter().map(score).collect();
        agreement(name, &strengths, responses, aus.len(), analysis.options.fdr)
    };
    analysis.measures.iter().enumerate().map(of).collect()
}

fn verdict(people: usize, clear: usize, pairs: usize, agreements: &[Agreement]) -> Vec<String> {
    let mut verdict = vec![format!(
        "On {people} drawn people, switching one action unit on changes {clear} of {pairs} filter-AU pairs by at least a fifth of the filter's natural spread (false-discovery rate held)."
    )];
    let kl = agreements.iter().find(|a| a.measure == "kl");
    verdict.extend(kl.map(of_kl));
    let known = agreements.iter().filter(|a| !a.average_precision.is_nan());
    // The first of the best.
    let best = known
        .rev()
        .max_by(|a, b| a.average_precision.total_cmp(&b.average_precision));
    verdict.extend(best.map(|best| {
        format!(
            "Of the measures, {} finds the responding pairs best (average precision {:.2}, rank correlation {:.2}).",
            best.measure, best.average_precision, best.spearman
        )
    }));
    verdict
}

fn of_kl(kl: &Agreement) -> String {
    let precision = match kl.average_precision.is_nan() {
        true => String::new(),
        false => format!(
            "; average precision {:.2} (chance {:.2})",
            kl.average_precision, kl.average_precision_chance
        ),
    };
    let agrees = match kl.spearman > 0.3 && kl.same_au > 2.0 * kl.same_au_chance {
        true => "agrees with",
        false => "agrees weakly, or not at all, with",
    };
    format!(
        "KL {agrees} the intervention: rank correlation {:.2} over pairs; {:.0}% of the filters respond most to their unit by KL (chance {:.0}%){precision}.",
        kl.spearman,
        100.0 * kl.same_au,
        100.0 * kl.same_au_chance
    )
}
