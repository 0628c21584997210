"""Golden numbers for faus-fau, from scipy, scikit-learn, statsmodels and numpy.

Writes a small activations array in three spellings, its samples table, and the score of every
filter x action unit by every measure into crates/fau/tests/golden/; further p-values and their
false-discovery rates, z under exchange and d', partial correlations, isotonic regressions on intensities, effective
ranks, and penalised logistic regressions with their F1 and AUROC; for networks of three folds the best filters out of fold, matched
filters, and probes on few filters.

    python tests/golden/fau_measures.py
"""

import csv
import json
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
import statsmodels.api as sm
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, norm, pointbiserialr, rankdata, spearmanr
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    mutual_info_score,
    roc_auc_score,
)
from statsmodels.stats.multitest import multipletests

OUT = Path(__file__).resolve().parents[2] / "crates" / "fau" / "tests" / "golden"
ROWS = 120
UNITS = [1, 4, 6, 12, 25, 43]
MIN_POSITIVES = 10


def draw():
    rng = np.random.default_rng(20151002)
    rates = [0.3, 0.4, 0.2, 0.5, 0.6, 0.03]
    shows = rng.random((ROWS, len(UNITS))) < rates
    coded = rng.random(ROWS) < 0.8
    smile = shows[:, 3]
    filters = np.stack(
        [
            np.maximum(rng.normal(0.2, 1, ROWS) + 2 * smile, 0),  # follows AU 12, many exact zeros
            np.maximum(rng.normal(-0.5, 1, ROWS), 0) ** 2,  # noise, skewed
            rng.integers(0, 5, ROWS),  # noise, many ties
            rng.normal(0, 1, ROWS) - 1.5 * shows[:, 1],  # less active with AU 4
            np.zeros(ROWS),  # dead
            1e4 + rng.normal(0, 1, ROWS) + smile * shows[:, 0],  # large offset
        ],
        axis=1,
    )
    return filters.astype(np.float32), shows, coded


def cell(row, number):
    def grade(i, au):
        return 1 + number % 5 if number % 3 == 0 else (au + i) % 6

    return ";".join(f"{au}:{grade(i, au)}" for i, au in enumerate(UNITS) if row[i])


def write_inputs(filters, shows, coded):
    np.save(OUT / "activations_f32.npy", filters)
    np.save(OUT / "activations_f64.npy", filters.astype(np.float64))
    np.save(OUT / "activations_fortran.npy", np.asfortranarray(filters))
    with open(OUT / "samples.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["index", "subject", "sequence", "role", "label", "label_name", "aus"])
        for i in range(ROWS):
            aus = cell(shows[i], i) if coded[i] else "NA"
            table.writerow([i, i // 2, f"S{i:03}/001", "labelled", i % 8, f"class {i % 8}", aus])


def distributions(x, y, bins, prior, pseudo):
    pooled = (x.min(), x.max())
    q, _ = np.histogram(x[y], bins=bins, range=pooled)
    r, _ = np.histogram(x[~y], bins=bins, range=pooled)
    share = (q + r) / (q + r).sum() if prior == "pooled" else np.full(bins, 1 / bins)
    # scipy normalises both to sum 1.
    return q + pseudo * share, r + pseudo * share


def score(x, y, bins, prior, pseudo):
    x = x.astype(np.float64)
    if x.min() == x.max():  # by definition: a constant tells nothing, and has no correlation
        auroc = roc_auc_score(y, x)
        return {"kl": 0.0, "js": 0.0, "auroc": auroc, "mutual_information": 0.0, "r": None}
    edges = np.linspace(x.min(), x.max(), bins + 1)
    place = np.minimum((x - x.min()) / (x.max() - x.min()) * bins, bins - 1).astype(int)
    assert (np.bincount(place, minlength=bins) == np.histogram(x, bins=edges)[0]).all()
    q, r = distributions(x, y, bins, prior, pseudo)
    return {
        "kl": entropy(q, r),
        "js": jensenshannon(q, r) ** 2,
        "auroc": roc_auc_score(y, x),
        "mutual_information": mutual_info_score(place, y),
        "r": pointbiserialr(y, x).statistic,
    }


def beside(filters, shows, coded, used):
    """What stands beside the scores: intensity, and pairs of the same class."""
    rows = np.flatnonzero(coded)
    classes = rows % 8
    found = []
    for f in range(filters.shape[1]):
        for au in used:
            unit = UNITS.index(au)
            x, y = filters[rows, f].astype(np.float64), shows[rows, unit]
            grades = np.where(y, (au + unit) % 6, 0)
            grades = np.where(y & (rows % 3 == 0), 1 + rows % 5, grades)
            won = pairs = 0
            for c in range(8):
                own = classes == c
                n, m = y[own].sum(), (~y[own]).sum()
                if n and m:
                    won += roc_auc_score(y[own], x[own]) * n * m
                    pairs += n * m
            g = grades > 0
            varies = g.sum() >= 10 and len(set(x[g])) > 1 and len(set(grades[g])) > 1
            rho = spearmanr(x[g], grades[g]).statistic if varies else None
            people = rows // 2
            own = x - np.array([x[people == person].mean() for person in people])
            own = np.round(own / max(np.abs(x).max(), 1e-12) * 1e12)
            spread = np.sqrt((x[y].var(ddof=1) + x[~y].var(ddof=1)) / 2)
            found.append(
                {
                    "filter": f,
                    "au": au,
                    "auroc_within_class": won / pairs,
                    "intensity_rho": rho,
                    "n_graded": int(g.sum()),
                    "auroc_within_person": roc_auc_score(y, own),
                    "z": {e: z(x, y, rows // 2, e) for e in ("both", "within", "whole")},
                    "d_prime": (x[y].mean() - x[~y].mean()) / spread if spread > 0 else None,
                    "partial_r": partial(x, shows[rows], used)[used.index(au)],
                    "auroc_sd": auroc_sd(x, y, rows // 2),
                    "dose": dose(x[g], grades[g], (rows // 2)[g]) if varies else None,
                }
            )
    return found


def partial(x, shows, used):
    """Partial correlations with each unit given the others, from the t of one regression on all."""
    if x.min() == x.max():
        return [None] * len(used)
    units = np.stack([shows[:, UNITS.index(au)] for au in used], axis=1).astype(float)
    fit = sm.OLS(x, sm.add_constant(units)).fit()
    return (fit.tvalues / np.sqrt(fit.tvalues**2 + fit.df_resid))[1:].tolist()


def auroc_sd(x, y, subjects):
    mean, covariance = moments(tuple(subjects), tuple(y), "both")
    ranks = rankdata(x)
    variance = ranks @ covariance @ ranks
    return np.sqrt(variance) / (y.sum() * (~y).sum()) if variance > 1e-9 else None


def dose(x, grades, subjects):
    """p of Spearman's correlation by exchange of grades, Monte Carlo; isotonic fits, rising and falling."""
    rng = np.random.default_rng(3)
    ranks, doses = rankdata(x), rankdata(grades)
    ranks, doses = ranks - ranks.mean(), doses - doses.mean()
    people = [np.flatnonzero(subjects == s) for s in np.unique(subjects)]
    sets = [[p for p in people if len(p) == n] for n in {len(p) for p in people}]
    draws, reached = 20000, 0
    for _ in range(draws):
        moved = np.empty_like(doses)
        for alike in sets:
            for taker, giver in zip(alike, rng.permutation(len(alike))):
                moved[taker] = rng.permutation(doses[alike[giver]])
        reached += abs(ranks @ moved) >= abs(ranks @ doses) - 1e-9
    fits = {}
    for sign, rising in (("1", True), ("-1", False)):
        fit = IsotonicRegression(increasing=rising).fit(grades, x).predict(grades)
        means = [x[grades == g].mean() for g in np.unique(grades)]
        steps = np.diff(means) if rising else -np.diff(means)
        fits[sign] = {
            "r2": 1 - ((x - fit) ** 2).sum() / ((x - x.mean()) ** 2).sum(),
            "monotone": bool((steps >= 0).all()),
        }
    return {"p": (reached + 1) / (draws + 1), "fits": fits}


def detectable(found, used):
    """The AUROC that a two-sided 5% test with the exact standard deviation detects with 80% power, median over filters."""
    of = lambda au: np.median([row["auroc_sd"] for row in found if row["au"] == au and row["auroc_sd"]])
    return {str(au): 0.5 + (norm.ppf(0.975) + norm.ppf(0.8)) * of(au) for au in used}


def z(x, y, subjects, exchange):
    """The rank sum's distance from its mean under exchange in standard deviations."""
    mean, covariance = moments(tuple(subjects), tuple(y), exchange)
    ranks = rankdata(x)
    variance = ranks @ covariance @ ranks
    return (ranks @ (y - mean)) / np.sqrt(variance) if variance > 1e-9 else None


@cache
def moments(subjects, y, exchange):
    """Means and covariances of the codes of the rows under exchange, from all equally likely codes of one row and of two
    (each row is a recording of one image; the subjects have one or two)."""
    subjects, y = np.array(subjects), np.array(y)
    n, whole, within = len(y), exchange != "within", exchange != "whole"
    mean, second, known = np.zeros(n), np.zeros((n, n)), {}
    sizes = np.array([(subjects == s).sum() for s in subjects])
    # Codes of different subjects of one set: givers without replacement; of different sets: independent.
    sets = sizes if whole else subjects
    for i in range(n):
        mean[i] = codes_seen(i, subjects, sets, y, within).mean()
    for i in range(n):
        for j in range(n):
            if i == j:
                second[i, j] = mean[i]
            elif sets[i] != sets[j]:
                second[i, j] = mean[i] * mean[j]
            else:
                # Alike for all rows of a set in the same places.
                places = place(i, subjects), place(j, subjects)
                key = (sets[i], subjects[i] == subjects[j], *places)
                if key not in known:
                    known[key] = pairs_seen(i, j, subjects, sets, y, within).mean()
                second[i, j] = known[key]
    return mean, second - np.outer(mean, mean)


def place(i, subjects):
    return np.flatnonzero(subjects == subjects[i]).tolist().index(i)


def givers(i, subjects, sets):
    return [np.flatnonzero(subjects == s) for s in np.unique(subjects[sets == sets[i]])]


def codes_seen(i, subjects, sets, y, within):
    """The equally likely codes of row i under exchange."""
    at = place(i, subjects)
    return np.concatenate([y[g] if within else y[g[[at]]] for g in givers(i, subjects, sets)])


def pairs_seen(i, j, subjects, sets, y, within):
    """The equally likely products of the codes of rows i and j of one set."""
    a, b = place(i, subjects), place(j, subjects)
    all_givers = givers(i, subjects, sets)
    if subjects[i] == subjects[j]:
        orders = [(0, 1), (1, 0)] if within else [(a, b)]
        return np.array([y[g[p]] * y[g[q]] for g in all_givers for p, q in orders], float)
    slots = range(len(all_givers[0]))
    free = [(p, q) for p in slots for q in slots] if within else [(a, b)]
    ordered = permutations(all_givers, 2)
    return np.array([y[g[p]] * y[h[q]] for g, h in ordered for p, q in free], float)


def rates():
    rng = np.random.default_rng(7)
    p = np.round(np.concatenate([rng.random(30), rng.random(20) * 0.01]), 4)
    return {"p": p.tolist(), "q": multipletests(p, method="fdr_bh")[1].tolist()}


def rankings():
    rng = np.random.default_rng(12)
    scores = rng.integers(0, 9, 60) / 8  # with ties
    wanted = rng.random(60) < 0.2 + 0.5 * scores
    a, b = rng.integers(0, 12, 60).astype(float), scores + rng.normal(0, 0.4, 60)
    return {
        "scores": scores.tolist(),
        "wanted": wanted.tolist(),
        "average_precision": average_precision_score(wanted, scores),
        "auroc": roc_auc_score(wanted, scores),
        "a": a.tolist(),
        "b": b.tolist(),
        "spearman": spearmanr(a, b).statistic,
    }


def probes(filters, shows, coded):
    """scikit-learn's C is 1 / (n penalty); both penalise all weights but the intercept."""
    x, found = filters[coded].astype(np.float64), []
    live = x[:, x.std(axis=0) > 0]
    z = (live - live.mean(axis=0)) / live.std(axis=0)
    train = np.arange(len(z)) % 3 > 0
    for unit in (1, 3):
        y = shows[coded][:, unit]
        for penalty in (0.01, 0.1):
            model = LogisticRegression(C=1 / (penalty * train.sum()), tol=1e-12, max_iter=10000)
            model.fit(z[train], y[train])
            margin = model.decision_function(z[~train])
            found.append(
                {
                    "au": UNITS[unit],
                    "penalty": penalty,
                    "weights": model.coef_[0].tolist(),
                    "intercept": float(model.intercept_[0]),
                    "auroc": roc_auc_score(y[~train], margin),
                    "f1": f1_score(y[~train], margin > 0),
                }
            )
    return found


def networks(shows):
    """Networks of three folds: the same filters in another order, some noise, one filter of its own."""
    rng = np.random.default_rng(31)
    base = rng.normal(0, 1, (ROWS, 7))
    for filter, (unit, step) in enumerate([(3, 2.0), (3, 1.0), (1, -1.5), (4, 1.0), (0, 0.8)]):
        base[:, filter] += step * shows[:, unit]
    orders = [np.arange(7), rng.permutation(7), rng.permutation(7)]
    folds = [base[:, order] + rng.normal(0, 0.4, base.shape) for order in orders]
    for fold in folds:
        fold[:, 6] = rng.normal(0, 1, ROWS)
    return [fold.astype(np.float32) for fold in folds]


def z_of(x, y, subjects):
    return np.array([z(column, y, subjects, "both") for column in x.T.astype(np.float64)])


def replication(nets, shows, coded, used):
    """Each unit's best filter by |z|, chosen outside a fold and scored on its people; pairs of one class; matched filters."""
    rows = np.flatnonzero(coded)
    people, classes = rows // 2, rows % 8
    found = {}
    for au in used:
        y = shows[rows, UNITS.index(au)]
        pooled, filters = np.full(len(rows), np.nan), []
        for fold, net in enumerate(nets):
            x, test = net[rows].astype(np.float64), people % 3 == fold
            strength = z_of(x[~test], y[~test], people[~test])
            best = int(np.abs(strength).argmax())
            column = x[:, best]
            before = column[~test]
            pooled[test] = (column[test] - before.mean()) / before.std(ddof=1) * np.sign(strength[best])
            filters.append(best)
        won = pairs = rarer = 0
        for c in range(8):
            own = classes == c
            n, m = y[own].sum(), (~y[own]).sum()
            rarer += min(n, m)
            if n and m:
                won += roc_auc_score(y[own], pooled[own]) * n * m
                pairs += n * m
        found[str(au)] = {
            "filters": filters,
            "auroc": roc_auc_score(y, pooled),
            "within_auroc": won / pairs,
            "n_rarer_within_class": int(rarer),
        }
    return {"by_au": found, "stability": stability(nets, shows, rows, used)}


def stability(nets, shows, rows, used):
    names = []
    for net in nets:
        x = net[rows]
        by_unit = np.stack([z_of(x, shows[rows, UNITS.index(au)], rows // 2) for au in used])
        strongest = np.abs(by_unit).argmax(axis=0)
        names.append([(u, np.sign(by_unit[u, f])) for f, u in enumerate(strongest)])
    matched, same, chance, r = 0, 0, 0.0, []
    for a in range(len(nets)):
        for b in range(a + 1, len(nets)):
            n = nets[a].shape[1]
            between = np.corrcoef(nets[a][rows].T.astype(float), nets[b][rows].T.astype(float))[:n, n:]
            there, back = between.argmax(axis=1), between.argmax(axis=0)
            pairs = [(f, there[f]) for f in range(n) if back[there[f]] == f]
            own, theirs = [names[a][f] for f, _ in pairs], [names[b][g] for _, g in pairs]
            matched += len(pairs)
            same += sum(x == y for x, y in zip(own, theirs))
            chance += sum(theirs.count(x) for x in own) / len(pairs)
            r += [between[f, g] for f, g in pairs]
    return {
        "live": 3 * nets[0].shape[1],
        "matched": matched,
        "median_correlation": float(np.median(r)),
        "same_name": same / matched,
        "same_name_chance": chance / matched,
    }


def sparse_probes(net, shows, coded, used):
    """AUROC of logistic regressions on the k filters with the largest |z| among the people trained on, five folds of people."""
    rows = np.flatnonzero(coded)
    seen = list(dict.fromkeys(rows // 2))
    fold = np.array([seen.index(person) % 5 for person in rows // 2])
    x, found = net[rows].astype(np.float64), {}
    for au in used:
        y = shows[rows, UNITS.index(au)]
        curve = []
        for k in (1, 2, 4, 7):
            margin = np.full(len(rows), np.nan)
            for f in range(5):
                test = fold == f
                strength = np.abs(z_of(x[~test], y[~test], (rows // 2)[~test]))
                chosen = np.argsort(-strength)[:k]
                train = x[~test][:, chosen]
                scale = lambda a: (a - train.mean(axis=0)) / train.std(axis=0, ddof=1)
                model = LogisticRegression(C=1 / (0.1 * len(train)), tol=1e-12, max_iter=10000)
                model.fit(scale(train), y[~test])
                margin[test] = model.decision_function(scale(x[test][:, chosen]))
            curve.append({"filters": k, "auroc": roc_auc_score(y, margin)})
        found[str(au)] = curve
    return found


def effective_ranks(x):
    """exp of the entropy of the covariance's eigenvalues over their sum: of all rows, and of fewer rows than filters."""
    found = []
    for rows in (len(x), 4):
        values = np.linalg.eigvalsh(np.cov(x[:rows].astype(np.float64), rowvar=False))
        shares = np.clip(values, 0, None) / values.sum()
        found.append({"rows": rows, "rank": np.exp(entropy(shares[shares > 1e-15]))})
    return found


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    filters, shows, coded = draw()
    write_inputs(filters, shows, coded)
    x, y = filters[coded], shows[coded]
    counts = {au: int(y[:, i].sum()) for i, au in enumerate(UNITS)}
    used = [au for au in UNITS if MIN_POSITIVES <= counts[au] <= len(y) - MIN_POSITIVES]
    nets = networks(shows)
    np.save(OUT / "networks.npy", np.concatenate(nets))
    cases = []
    for bins, prior, pseudo in [(32, "pooled", 16.0), (10, "uniform", 1.0), (7, "pooled", 0.5)]:
        scores = [
            {"filter": f, "au": au, **score(x[:, f], y[:, UNITS.index(au)], bins, prior, pseudo)}
            for f in range(x.shape[1])
            for au in used
        ]
        cases.append({"bins": bins, "prior": prior, "pseudo_samples": pseudo, "scores": scores})
    found = beside(filters, shows, coded, used)
    golden = {
        "rows_used": int(coded.sum()),
        "n_with": {str(au): counts[au] for au in used},
        "left_out": [au for au in UNITS if au not in used],
        "dead_filters": [4],
        "cases": cases,
        "beside": found,
        "detectable": detectable(found, used),
        "replication": replication(nets, shows, coded, used),
        "sparse_probes": sparse_probes(nets[0], shows, coded, used),
        "rates": rates(),
        "rankings": rankings(),
        "probes": probes(filters, shows, coded),
        "effective_ranks": effective_ranks(x),
    }
    (OUT / "measures.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
