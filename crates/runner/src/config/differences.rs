//! The differences between an experiment and the paper's.

use faus_train::DIFFERENCES;

use super::ExperimentConfig;

impl ExperimentConfig {
    /// The differences from the paper's settings, one line each.
    pub fn shortened(&self) -> Vec<String> {
        let mut paper = Self::of_paper();
        paper.train.augment = self.train.augment;
        let pairs = self.effort().into_iter().zip(paper.effort());
        pairs
            .filter(|((_, own), (_, paper))| own != paper)
            .map(|((what, own), (_, paper))| format!("{what}: {own} (paper: {paper})"))
            .collect()
    }

    /// All differences from the authors' code: of settings, then those that no setting removes.
    pub fn differences(&self) -> Vec<String> {
        let always = DIFFERENCES.map(str::to_owned);
        self.shortened().into_iter().chain(always).collect()
    }

    /// Every setting that determines a run's amount of work and its network's accuracy.
    fn effort(&self) -> Vec<(&'static str, String)> {
        let side = self.data.image_size;
        let fixed = self.network.k.map(|k| format!("fixed at {k}"));
        let k = fixed.unwrap_or_else(|| "drawn from U[0.2, 1.2)".to_owned());
        let mut effort = vec![("images", format!("{side}×{side} pixels"))];
        effort.extend(self.train.effort());
        effort.push(("crop", self.data.crop.to_string()));
        // The order of summary.json.
        effort.insert(7, ("initial scale k", k));
        effort
    }
}
