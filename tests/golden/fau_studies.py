"""Golden numbers for the studies of faus-fau, from numpy, scipy and statsmodels.

On the set of fau_measures.py, with the exchanges that faus drew (crates/fau/tests/golden/draws.json, which a test of the
crate keeps up to date): p and q of filters' names, p inside expression classes, and both given the network's evidence for the
expression. On numbers drawn here: differences of two networks over resamplings, the mean and spread of untrained starts, and
verdicts on random evidence by the criteria of docs/statistics.md. Writes logits.npy and studies.json beside the draws.

    python tests/golden/fau_studies.py
"""

import json

import numpy as np
from scipy.special import logsumexp
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from fau_measures import MIN_POSITIVES, OUT, ROWS, UNITS, draw, moments

FDR = 0.05
DRAWS = json.loads((OUT / "draws.json").read_text())


def share_reached(observed, drawn, slack=1e-9):
    return (1 + np.sum(np.asarray(drawn) >= observed * (1 - slack))) / (len(drawn) + 1)


def rates(p):
    """q of those that are tested; NaN for the others."""
    p = np.array(p, dtype=float)
    q, tested = np.full(len(p), np.nan), ~np.isnan(p)
    if tested.any():
        q[tested] = multipletests(p[tested], method="fdr_bh")[1]
    return q


class Within:
    """Van Elteren's statistic over its cluster-robust standard error, and its exchanges inside classes."""

    def __init__(self, rows):
        self.classes, self.people = rows % 8, rows // 2

    def centred(self, y):
        return y - np.array([y[self.classes == c].mean() for c in self.classes])

    def ranks(self, x):
        ranks = np.zeros(len(x))
        for c in np.unique(self.classes):
            own = self.classes == c
            ranks[own] = rankdata(x[own])
        return ranks

    def statistic(self, x, codes):
        sizes = np.array([(self.classes == c).sum() for c in self.classes])
        products = (self.ranks(x) / (sizes + 1) - 0.5) * codes
        sums = np.array([products[self.people == p].sum() for p in np.unique(self.people)])
        return sums.sum() ** 2 / (sums**2).sum()

    def p(self, x, y):
        rarer = sum(min(y[self.classes == c].sum(), (~y[self.classes == c]).sum()) for c in range(8))
        if rarer < 5:
            return np.nan
        codes = self.centred(y.astype(float))
        drawn = [self.statistic(x, codes[source]) for source in DRAWS["within_class"]]
        return share_reached(self.statistic(x, codes), drawn)

    def auroc(self, x, y):
        won = pairs = 0
        for c in range(8):
            own = self.classes == c
            n = y[own].sum() * (~y[own]).sum()
            if n:
                won, pairs = won + n * roc_auc_score(y[own], x[own]), pairs + n
        return won / pairs

    def rest(self, x, covariate):
        """Residuals of ranks on ranks inside each class."""
        rest = np.zeros(len(x))
        for c in range(8):
            own = self.classes == c
            a, b = rankdata(covariate[own]), rankdata(x[own])
            slope, intercept = np.polyfit(a, b, 1)
            rest[own] = np.round(b - slope * a - intercept, 9)
        return rest


def strongest(x, y, people):
    """The unit with the largest |z|, its z, and p against the largest |z| over all units in each exchange."""
    ranks = rankdata(x)

    def z(codes, unit):
        mean, covariance = moments(tuple(people), tuple(y[:, unit]), "both")
        return (ranks @ (codes - mean)) / np.sqrt(ranks @ covariance @ ranks)

    units = range(y.shape[1])
    own = np.array([z(y[:, u], u) for u in units])
    drawn = [max(abs(z(y[source, u], u)) for u in units) for source in DRAWS["exchange"]]
    unit = int(np.argmax(abs(own)))
    return unit, own[unit], share_reached(abs(own[unit]), drawn)


def names(filters, shows, rows, used, logits):
    within, y = Within(rows), shows[rows][:, [UNITS.index(au) for au in used]]
    live = [f for f in range(filters.shape[1]) if len(set(filters[rows, f])) > 1]
    found = []
    for f in live:
        unit, z, p = strongest(filters[rows, f], y, rows // 2)
        found.append({"filter": f, "au": used[unit], "z": z, "p": p})
    for name, q in zip(found, rates([name["p"] for name in found])):
        name["q"] = q
    named = [name for name in found if name["q"] <= FDR]
    column = lambda name: (filters[rows, name["filter"]].astype(float), y[:, used.index(name["au"])])
    for name in named:
        x, codes = column(name)
        name["p_within_class"] = within.p(x, codes)
        name["auroc_within_class"] = within.auroc(x, codes)
    holds = standing(named, "p_within_class", "auroc_within_class")
    outputs = logits[rows].astype(float)
    others = np.array([logsumexp(np.delete(o, c)) for o, c in zip(outputs, rows % 8)])
    evidence = outputs[np.arange(len(rows)), rows % 8] - others
    given = []
    for name in holds:
        x, codes = column(name)
        rest = within.rest(x, evidence)
        given.append({"z": name["z"], "p": within.p(rest, codes), "auroc": within.auroc(rest, codes)})
    tested = [name for name in named if not np.isnan(name["p_within_class"])]
    return {
        "names": found,
        "counts": {
            "named": len(named),
            "named_less": sum(name["z"] < 0 for name in named),
            "within_holds": len(holds),
            "within_fails": len(tested) - len(holds),
            "within_untestable": len(named) - len(tested),
        },
        "given_strength": len(standing(given, "p", "auroc")),
    }


def standing(pairs, p, auroc):
    """Those with a q of at most the rate, in the direction of their name."""
    q = rates([pair[p] for pair in pairs])
    keep = zip(pairs, q)
    return [pair for pair, q in keep if q <= FDR and (pair[auroc] - 0.5) * pair["z"] > 0]


def gaps(rng):
    found = []
    for shift, holes in [(0.1, 0), (0.02, 5), (0.0, 0), (-0.05, 9)]:
        own, theirs = np.round(rng.normal([[0.7 + shift], [0.7]], 0.03, (2, 199)), 6)
        theirs[:holes] = np.nan
        difference = own - theirs
        known = difference[~np.isnan(difference)]
        fewer = min((known <= 0).sum(), (known >= 0).sum())
        low, high = np.quantile(known, [0.025, 0.975])
        found.append(
            {
                "own": own.tolist(),
                "theirs": [None if np.isnan(x) else x for x in theirs],
                "low": low,
                "high": high,
                "p": min(1.0, 2 * (fewer + 1) / (len(known) + 1)),
                "p_is_bound": bool(fewer == 0),
            }
        )
    return found


def starts(rng):
    aurocs = np.round(rng.normal(0.65, 0.02, 20), 6)
    each = np.round(aurocs[:, None] + rng.normal(0, 0.03, (20, 50)), 6)
    return {
        "aurocs": aurocs.tolist(),
        "each": each.tolist(),
        "mean": aurocs.mean(),
        "means": each.mean(axis=0).tolist(),
        "spread": aurocs.std(ddof=1) * np.sqrt(1 + 1 / 20),
    }


def evidence(rng):
    """What `faus controls` and `faus replicate` could have written."""
    size = int(rng.integers(1, 12))
    half = rng.choice([0.05, 0.12, 0.2])
    above = lambda: {
        "difference": (d := round(rng.normal(0.12, 0.1), 3)),
        "low": d - half * rng.random(),
        "high": d + half * (1 + rng.random()),
        "q": round(rng.random() * 0.08, 3),
    }
    units = [
        {
            "au": au,
            "within_testable": bool(rng.random() < 0.6),
            "above_untrained": above(),
            "within_above_untrained": above(),
        }
        for au in range(1, 1 + size)
    ]
    for unit in units:
        if not unit["within_testable"]:
            unit["within_above_untrained"]["q"] = None
    holds, fails = (int(n) for n in rng.integers(0, 60, 2))
    counts = lambda named, holds: {"named": int(named), "within_holds": int(holds)}
    within = {
        "trained": {**counts(200, holds), "within_fails": fails},
        "given_strength": int(rng.integers(0, holds + 1)) if rng.random() < 0.8 else None,
        "starts": [counts(0, n) for n in rng.integers(0, 40, 20)],
        "au_shuffled": [counts(n, 0) for n in rng.integers(0, 5, 20)],
    }
    controls = {
        "synthetic": bool(rng.random() < 0.5),
        "people": int(rng.choice([8, 10, 100], p=[0.1, 0.1, 0.8])),
        "fdr": FDR,
        "within_expressions": within,
    }
    people = int(rng.choice([9, 10, 90], p=[0.1, 0.1, 0.8]))
    return controls, {"by_au": units, "people": people} if rng.random() < 0.9 else None


def verdict(controls, replication):
    """The criteria of docs/statistics.md, in their order."""
    within = controls["within_expressions"]
    testable = within["trained"]["within_holds"] + within["trained"]["within_fails"]
    holds, given = within["trained"]["within_holds"], within["given_strength"]
    units = replication["by_au"] if replication else []
    clear = lambda key: [
        u["au"] for u in units if u[key]["q"] is not None and u[key]["q"] <= FDR and u[key]["difference"] > 0
    ]
    above, inside = clear("above_untrained"), clear("within_above_untrained")
    def detectable(units, key):
        return 0.715 * np.median([u[key]["high"] - u[key]["low"] for u in units])

    if replication is None or min(controls["people"], replication["people"]) < 10:
        answer = "cannot_be_told"
    elif not above:
        answer = "cannot_be_told" if detectable(units, "above_untrained") > 0.2 else "no"
    elif not any(u["within_testable"] for u in units):
        answer = "cannot_be_told"
    elif (holds if given is None else given) < 0.1 * testable:
        answer = "only_the_expression"
    elif not inside:
        tested = [u for u in units if u["within_testable"]]
        weak = detectable(tested, "within_above_untrained") > 0.2
        answer = "cannot_be_told" if weak else "only_the_expression"
    elif (
        len(above) >= 0.5 * len(units)
        and len(inside) >= 0.5 * sum(u["within_testable"] for u in units)
        and holds >= 2 / 3 * testable
    ):
        answer = "yes"
    else:
        answer = "partly"
    return {"verdict": answer, "above": above, "inside": inside}


def main():
    filters, shows, coded = draw()
    rows = np.flatnonzero(coded)
    counts = shows[rows].sum(axis=0)
    used = [au for au, n in zip(UNITS, counts) if MIN_POSITIVES <= n <= len(rows) - MIN_POSITIVES]
    rng = np.random.default_rng(2026)
    # Outputs that contain a little of the first filter, so that there is something to regress out.
    logits = rng.normal(0, 1, (ROWS, 8)) + 0.5 * filters[:, :1]
    logits = logits.astype(np.float32)
    np.save(OUT / "logits.npy", logits)
    cases = [evidence(rng) for _ in range(60)]
    golden = {
        **names(filters, shows, rows, used, logits),
        "gaps": gaps(rng),
        "starts": starts(rng),
        "verdicts": [
            {"controls": controls, "replication": replication, **verdict(controls, replication)}
            for controls, replication in cases
        ],
    }
    text = json.dumps(golden, default=int, separators=(",", ":")).replace("NaN", "null")
    (OUT / "studies.json").write_text(text + "\n")


main()
